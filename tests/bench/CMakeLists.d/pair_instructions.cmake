# How many instructions an operation takes: tools/dev/checks/instructions.
add_executable(slotd-pair-instructions
  ${CMAKE_CURRENT_SOURCE_DIR}/pair_instructions_main.cpp ${CMAKE_CURRENT_SOURCE_DIR}/bench_segment.cpp)
target_include_directories(slotd-pair-instructions PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(slotd-pair-instructions PRIVATE slotd_broker slotd::client slotd_warnings)
