# A thousand reloads under eight processes.
slotd_add_test(LABEL stress NAME reload_under_load SOURCES reload_under_load_test.cpp
  LIBRARIES slotd::client DEPENDS slotd TIMEOUT 300 RUN_SERIAL)
