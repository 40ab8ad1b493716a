# How long it takes from a release, or a death, until who waits is running.
add_executable(slotd-wait-latency
  ${CMAKE_CURRENT_SOURCE_DIR}/wait_latency_main.cpp ${CMAKE_CURRENT_SOURCE_DIR}/semaphores.cpp)
target_include_directories(slotd-wait-latency PRIVATE ${PROJECT_SOURCE_DIR})
target_link_libraries(slotd-wait-latency PRIVATE slotd::client slotd_warnings)
add_dependencies(slotd-wait-latency slotd)
