// slotd-bench: prints figures and passes no judgement. docs/benchmarks.md says how to read them.
#include <cstdio>
#include <exception>

#include "tests/bench/machine.hpp"
#include "tests/bench/options.hpp"
#include "tests/bench/rows.hpp"
#include "tests/bench/sections.hpp"
#include "tests/bench/supervisor.hpp"

using namespace slotd::bench;

int main(int argc, char** argv) try {
  int exit_code = 0;
  const auto options = parse_options(argc, argv, exit_code);
  if (!options) return exit_code;
  const Machine machine = read_machine();
  return supervise(options->limit_s, [&] {
    try {
      const auto lines = run_sections(*options);
      for (const Line& line : lines) std::puts(format_row(line).c_str());
      if (!options->json_path.empty())
        write_rows(options->json_path, machine, options->commit, lines);
      return 0;
    } catch (const std::exception& error) {
      std::fprintf(stderr, "slotd-bench: %s\n", error.what());
      return 70;
    }
  });
} catch (const std::exception& error) {
  std::fprintf(stderr, "slotd-bench: %s\n", error.what());
  return 70;
}
