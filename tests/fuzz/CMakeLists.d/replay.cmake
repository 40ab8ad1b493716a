# Every stored input goes through the parser that it was made for. A found crash becomes a file there.
if(TARGET slotd_config)
  slotd_add_test(LABEL fuzz NAME replay
    SOURCES replay_test.cpp
    LIBRARIES slotd_config slotd_heap_segment
    DEFINITIONS SLOTD_CORPUS="${CMAKE_CURRENT_SOURCE_DIR}/corpus")
endif()
