# What the benchmark compares slotd with does the job that it is compared for.
if(TARGET slotd_broker)
  add_subdirectory(${PROJECT_SOURCE_DIR}/tests/bench/rivals ${PROJECT_BINARY_DIR}/tests/bench/rivals)
  slotd_add_test(LABEL integration NAME bench_rivals
    SOURCES bench_rivals_test.cpp
    LIBRARIES slotd_bench_rivals)
endif()
