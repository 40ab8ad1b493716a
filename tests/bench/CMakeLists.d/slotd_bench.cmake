# slotd-bench: claim and release against a joint SysV semop, in one run. Figures and method: docs/benchmarks.md.
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)

add_executable(slotd-bench
  bench_segment.cpp
  machine.cpp
  main.cpp run.cpp
  operations.cpp
  options.cpp
  report.cpp
  semaphores.cpp
  single_process.cpp
  team.cpp
  throughput.cpp
  workers.cpp)
target_include_directories(slotd-bench PRIVATE ${PROJECT_SOURCE_DIR})
# The report names how the program was compiled.
string(TOUPPER "${CMAKE_BUILD_TYPE}" slotd_bench_config)
string(STRIP "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${slotd_bench_config}}" slotd_bench_flags)
target_compile_definitions(slotd-bench PRIVATE "SLOTD_BENCH_FLAGS=\"${slotd_bench_flags}\"")
target_link_libraries(slotd-bench PRIVATE
  slotd_broker slotd::client CLI11::CLI11 nlohmann_json::nlohmann_json slotd_warnings)
