# docs/bench.json and what docs/benchmarks.md makes of it.
find_package(nlohmann_json REQUIRED)
if(TARGET slotd_broker)
  add_subdirectory(${PROJECT_SOURCE_DIR}/tests/bench/report ${PROJECT_BINARY_DIR}/tests/bench/report)
  slotd_add_test(LABEL unit NAME bench_report
    SOURCES bench_report_test.cpp
    LIBRARIES slotd_bench_report nlohmann_json::nlohmann_json
    DEFINITIONS "SLOTD_DOCS_DIR=\"${PROJECT_SOURCE_DIR}/docs\"")
endif()
