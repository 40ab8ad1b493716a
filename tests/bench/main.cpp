// slotd-bench: prints figures and passes no judgement. docs/benchmarks.md says how to read them.
#include <cstdio>
#include <exception>

#include "tests/bench/options.hpp"
#include "tests/bench/report.hpp"
#include "tests/bench/run.hpp"
#include "tests/bench/semaphores.hpp"
#include "tests/bench/single_process.hpp"

using namespace slotd::bench;

int main(int argc, char** argv) try {
  int exit_code = 0;
  const auto options = parse_options(argc, argv, exit_code);
  if (!options) return exit_code;
  const Machine machine = read_machine();
  print_machine(machine, options->runs);
  const Semaphores semaphores;
  Results results;
  if (!options->only_throughput)
    results.pairs = run_scenes(make_pair_scenes(), semaphores, *options);
  if (!options->only_throughput)
    results.operations = run_scenes(make_operation_scenes(), semaphores, *options);
  if (!options->only_single) results.throughput = run_crowds(semaphores, *options);
  print_results(results);
  if (!options->json_path.empty()) write_json(options->json_path, machine, results);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "slotd-bench: %s\n", error.what());
  return 70;
}
