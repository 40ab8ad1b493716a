# slotd-bench-report. Builds with tests have it already: a test fills the report.
if(NOT TARGET slotd_bench_report)
  add_subdirectory(report)
endif()
