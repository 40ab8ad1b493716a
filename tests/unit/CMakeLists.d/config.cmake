# Units and the configuration room.
slotd_add_test(LABEL unit NAME units
  SOURCES units_test.cpp
  LIBRARIES slotd::protocol)

if(TARGET slotd_config)
  slotd_add_test(LABEL unit NAME config
    SOURCES
      config_check_test.cpp
      config_draft_test.cpp
      config_errors_test.cpp
      config_livekit_test.cpp
      config_native_test.cpp
      config_read_test.cpp
      config_text_test.cpp
      config_write_test.cpp
    LIBRARIES slotd_config
    DEFINITIONS "SLOTD_SOURCE_DIR=\"${PROJECT_SOURCE_DIR}\"")
endif()
