# The simulation behind docs/livekit.md, on one short seed.
if(TARGET slotd_broker)
  add_subdirectory(${PROJECT_SOURCE_DIR}/tests/bench/livekit_trace ${PROJECT_BINARY_DIR}/tests/bench/livekit_trace)
  slotd_add_test(LABEL unit NAME livekit_trace
    SOURCES livekit_trace_test.cpp
    LIBRARIES slotd_livekit_trace_parts)
endif()
