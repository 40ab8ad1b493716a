# slotd-bench: slotd beside what a host offers already, in one run. Figures and method: docs/benchmarks.md.
find_package(CLI11 REQUIRED)
find_package(nlohmann_json REQUIRED)

# Builds with tests have it already: a test tries the rivals.
if(NOT TARGET slotd_bench_rivals)
  add_subdirectory(rivals)
endif()

add_executable(slotd-bench
  command.cpp
  cpu_quota.cpp
  crowd.cpp
  machine.cpp
  main.cpp
  operations.cpp
  options.cpp
  process_costs.cpp
  rows.cpp
  sections.cpp
  single_process.cpp
  stopped_peer.cpp
  supervisor.cpp
  turns.cpp
  waiter.cpp
  waiter_stage.cpp
  workers.cpp)
target_include_directories(slotd-bench PRIVATE ${PROJECT_SOURCE_DIR})
# The report names how the program was compiled.
string(TOUPPER "${CMAKE_BUILD_TYPE}" slotd_bench_config)
string(STRIP "${CMAKE_CXX_FLAGS} ${CMAKE_CXX_FLAGS_${slotd_bench_config}}" slotd_bench_flags)
target_compile_definitions(slotd-bench PRIVATE "SLOTD_BENCH_FLAGS=\"${slotd_bench_flags}\"")
target_link_libraries(slotd-bench PRIVATE
  slotd_bench_rivals CLI11::CLI11 nlohmann_json::nlohmann_json slotd_warnings)
# It starts these, which lie beside it.
add_dependencies(slotd-bench slotd slotctl)
