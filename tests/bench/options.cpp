#include "tests/bench/options.hpp"

#include <CLI/CLI.hpp>

namespace slotd::bench {

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
  Options options;
  bool quick = false;
  CLI::App app{
      "Times slotd's claim and release beside a joint SysV semop with SEM_UNDO, in one run.",
      "slotd-bench"};
  app.add_flag("--quick", quick, "About ten seconds: fewer and shorter runs");
  auto* runs =
      app.add_option("--runs", options.runs, "Runs of each measurement (5; 3 with --quick)");
  runs->check(CLI::Range(1, 1000));
  app.add_option("--json", options.json_path, "Also write every run's figures to this file");
  auto* single = app.add_flag("--single", options.only_single, "One process alone, nothing else");
  app.add_flag("--throughput", options.only_throughput, "Several processes at once, nothing else")
      ->excludes(single);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    constexpr int kUsage = 64;
    exit_code = app.exit(error) == 0 ? 0 : kUsage;
    return std::nullopt;
  }
  if (quick) {
    if (runs->count() == 0) options.runs = 3;
    options.timing.rounds = 20;
    options.windows = {3, std::chrono::milliseconds(8)};
  }
  return options;
}

}  // namespace slotd::bench
