# The main job, its observer, and the example programs.
if(TARGET slotd-mainjob)
  slotd_add_test(LABEL integration NAME mainjob SOURCES mainjob_test.cpp
    LIBRARIES slotd_mainjob_parts DEPENDS slotd-mainjob TIMEOUT 120)
  slotd_add_test(LABEL integration NAME mainjob_observer SOURCES mainjob_observer_test.cpp
    LIBRARIES slotd_mainjob_parts slotd_broker)
endif()
if(TARGET egress_service)
  slotd_add_test(LABEL integration NAME examples SOURCES examples_test.cpp
    LIBRARIES slotd::client DEPENDS slotd quick_start four_services egress_service egress_handler)
endif()
