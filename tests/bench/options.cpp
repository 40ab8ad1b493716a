#include "tests/bench/options.hpp"

#include <CLI/CLI.hpp>
#include <set>

namespace slotd::bench {

namespace {

void shorten(Options& options) {
  options.timing.rounds = 10;
  options.windows = {3, std::chrono::milliseconds(8)};
  options.waiter.releases = 100;
  options.waiter.kills = 10;
  options.waiter.mass_kills = 2;
  options.stopped_windows = 5;
  options.attaches = 5;
  options.starts = 3;
}

}  // namespace

std::optional<Options> parse_options(int argc, char** argv, int& exit_code) {
  Options options;
  bool quick = false;
  CLI::App app{
      "Times slotd beside what a host offers already: semaphores, locks, pipes, daemons, Redis.",
      "slotd-bench"};
  app.add_flag("--quick", quick, "About a minute: two short runs");
  auto* runs =
      app.add_option("--runs", options.runs, "Runs of each measurement (7; 2 with --quick)");
  runs->check(CLI::Range(1, 1000));
  app.add_option("--json", options.json_path, "Write the figures to this file");
  app.add_option("--commit", options.commit, "What was built, for the file");
  app.add_option("--limit", options.limit_s, "Seconds after which it is ended (1200)")
      ->check(CLI::Range(1, 100'000));
  app.add_option("SECTION", options.sections, "These alone; all if none is named")
      ->check(CLI::IsMember(std::set<std::string>{"pair", "operation", "crowd", "waiter", "stopped",
                                                  "process", "command"}));
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    constexpr int kUsage = 64;
    exit_code = app.exit(error) == 0 ? 0 : kUsage;
    return std::nullopt;
  }
  if (quick) {
    shorten(options);
    if (runs->count() == 0) options.runs = 2;
  }
  options.waiter.runs = options.runs;
  return options;
}

}  // namespace slotd::bench
