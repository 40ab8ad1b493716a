# slotctl's verbs for limits that move while jobs run.
if(TARGET slotd_ctl)
  slotd_add_test(LABEL unit NAME ctl_operate
    SOURCES
      ctl_limits_test.cpp
      ctl_reload_test.cpp
      ctl_wait_test.cpp
    LIBRARIES slotd_ctl slotd_heap_segment
    DEFINITIONS "SLOTD_SOURCE_DIR=\"${PROJECT_SOURCE_DIR}\"")
endif()
