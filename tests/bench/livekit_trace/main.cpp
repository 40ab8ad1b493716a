// slotd-livekit-trace: what becomes of one and the same trace of participant jobs under the egress
// service's own rule and under slotd's. Prints Markdown; docs/livekit.md shows a run.
#include <CLI/CLI.hpp>
#include <cstdio>
#include <exception>
#include <fstream>

#include "tests/bench/livekit_trace/report.hpp"

namespace {

struct Options {
  std::uint64_t seed = 1;
  std::uint32_t seeds = 5;
  std::uint32_t seconds = 7'200;
  std::string svg_path;
};

int run(const Options& options) {
  using namespace slotd::livekit_trace;
  const std::vector<Policy> policies = make_policies();
  std::vector<SeedResults> seeds;
  for (std::uint32_t i = 0; i < options.seeds; ++i) {
    const Workload workload = make_workload(options.seed + i, options.seconds);
    SeedResults& one = seeds.emplace_back();
    one.seed = options.seed + i;
    one.arrivals = workload.jobs.size();
    one.mean_demand_cores = workload.mean_demand_cores();
    for (const Policy& policy : policies) one.results.push_back(simulate(workload, policy));
  }
  std::fputs(write_table(policies, seeds).c_str(), stdout);
  if (options.svg_path.empty()) return 0;
  std::ofstream file(options.svg_path, std::ios::binary);
  file << write_plot(policies[0], seeds[0].results[0], policies[1], seeds[0].results[1]);
  file.close();
  if (file) return 0;
  std::fprintf(stderr, "slotd-livekit-trace: cannot write %s\n", options.svg_path.c_str());
  return 70;
}

}  // namespace

int main(int argc, char** argv) try {
  constexpr int kUsage = 64;
  Options options;
  CLI::App app("The trace of the complaint under four rules of admission.", "slotd-livekit-trace");
  app.add_option("--seed", options.seed, "the first seed (1)");
  app.add_option("--seeds", options.seeds, "how many (5)")->check(CLI::Range(1, 1'000));
  app.add_option("--seconds", options.seconds, "of each (7200)")->check(CLI::Range(60, 1'000'000));
  app.add_option("--svg", options.svg_path, "also draw the first seed into this file");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  return run(options);
} catch (const std::exception& error) {
  std::fprintf(stderr, "slotd-livekit-trace: %s\n", error.what());
  return 70;
}
