#include "tools/dev/mainjob/options.hpp"

#include <CLI/CLI.hpp>
#include <random>

namespace slotd::mainjob {

std::variant<Options, int> parse_options(int argc, char** argv) {
  constexpr int kUsage = 64;
  constexpr std::uint32_t kBurnSeconds = 40;
  Options options;
  bool no_kill = false;
  CLI::App app(
      "The main job: a broker, services and handlers share one ledger while processes are killed; "
      "the last line of the "
      "output is the verdict.",
      "slotd-mainjob");
  CLI::Option* seconds = app.add_option("--seconds", options.seconds,
                                        "how long the load lasts (10; burning 40, twice)")
                             ->check(CLI::Range(1, 86'400));
  CLI::Option* services = app.add_option("--services", options.services, "service processes (4)")
                              ->check(CLI::Range(1, 64));
  CLI::Option* seed =
      app.add_option("--seed", options.seed, "makes all choices the same again (random)");
  CLI::Option* config = app.add_option("--config", options.config,
                                       "the broker's configuration (five types on 32 cores)")
                            ->check(CLI::ExistingFile);
  CLI::Option* kills = app.add_flag("--no-kill", no_kill, "kill nothing");
  app.add_flag("--burn", options.burn,
               "handlers that really use CPU, charged as measured and then as reserved: compares "
               "what slotd measures with getrusage")
      ->excludes(services)
      ->excludes(config)
      ->excludes(kills);
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kUsage;
  }
  options.kill = !no_kill;
  if (options.burn && seconds->empty()) options.seconds = kBurnSeconds;
  if (seed->empty()) options.seed = std::random_device()();
  return options;
}

}  // namespace slotd::mainjob
