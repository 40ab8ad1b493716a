# Claims that wait in line.
slotd_add_test(LABEL integration NAME waiting SOURCES waiting_test.cpp
  LIBRARIES slotd::client nlohmann_json::nlohmann_json DEPENDS slotd slotctl slotd_test_worker)
