# Lines of waiting processes, some killed, some stopped.
slotd_add_test(LABEL stress NAME waiting SOURCES waiting_test.cpp
  LIBRARIES slotd::client DEPENDS slotd TIMEOUT 300 RUN_SERIAL)
