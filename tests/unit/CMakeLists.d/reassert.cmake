# Claims that move to another segment.
if(TARGET slotd_broker)
  slotd_add_test(LABEL unit NAME reassert SOURCES reassert_test.cpp LIBRARIES slotd_broker slotd::client)
endif()
