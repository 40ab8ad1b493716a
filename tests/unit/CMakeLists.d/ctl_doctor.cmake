# slotctl: what doctor makes of what it finds, what completion offers, what the manual pages name.
if(TARGET slotd_ctl)
  slotd_add_test(LABEL unit NAME ctl_doctor
    SOURCES
      ctl_complete_test.cpp
      ctl_doctor_test.cpp
      ctl_man_test.cpp
    LIBRARIES slotd_ctl slotd_heap_segment
    DEFINITIONS "SLOTD_SOURCE_DIR=\"${PROJECT_SOURCE_DIR}\"")
endif()
