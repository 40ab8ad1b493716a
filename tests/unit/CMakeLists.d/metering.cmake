# What jobs use and what they are charged for it, with times and figures injected.
if(TARGET slotd_broker)
  slotd_add_test(LABEL unit NAME charge SOURCES charge_test.cpp LIBRARIES slotd_broker slotd::protocol)
  slotd_add_test(LABEL unit NAME metering SOURCES metering_test.cpp LIBRARIES slotd_broker slotd::protocol)
endif()
