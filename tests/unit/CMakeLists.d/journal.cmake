if(TARGET slotd_broker)
  slotd_add_test(LABEL unit NAME journal
    SOURCES journal_test.cpp
    LIBRARIES slotd_broker
    DEFINITIONS "SLOTD_SOURCE_DIR=\"${PROJECT_SOURCE_DIR}\"")
endif()
