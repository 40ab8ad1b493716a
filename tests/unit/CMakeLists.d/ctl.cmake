# slotctl: what it prints, what it understands, which status it ends with.
if(TARGET slotd_ctl)
  slotd_add_test(LABEL unit NAME ctl
    SOURCES
      ctl_command_line_test.cpp
      ctl_config_test.cpp
      ctl_events_test.cpp
      ctl_exit_codes_test.cpp
      ctl_json_test.cpp
      ctl_lists_test.cpp
      ctl_owner_test.cpp
      ctl_refusal_test.cpp
      ctl_status_test.cpp
      ctl_table_test.cpp
      ctl_text_test.cpp
      ctl_top_test.cpp
      ctl_warnings_test.cpp
    LIBRARIES slotd_ctl slotd_heap_segment
    DEFINITIONS "SLOTD_SOURCE_DIR=\"${PROJECT_SOURCE_DIR}\"")
endif()
