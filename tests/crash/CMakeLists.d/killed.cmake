slotd_add_test(LABEL crash NAME killed_worker SOURCES killed_worker_test.cpp
  LIBRARIES slotd::client DEPENDS slotd slotd_test_worker TIMEOUT 180)
