#include "broker/options.hpp"

#include <CLI/CLI.hpp>

#include "slotd/layout.hpp"
#include "slotd/version.hpp"

namespace slotd::broker {

namespace {
constexpr int kExitUsage = 64;
}

std::optional<int> parse_options(int argc, char** argv, Options& options) {
  CLI::App app{
      "slotd: node-local quota broker. Owns the shared-memory ledger from which worker processes "
      "claim slots."};
  app.add_option("--config", options.config_path,
                 "configuration file (default /etc/slotd/slotd.yaml)")
      ->type_name("FILE");
  app.add_option("--segment", options.segment_path, "segment file; overrides the configuration")
      ->type_name("PATH");
  app.add_flag("--check-config", options.check_config,
               "check the configuration, print what is wrong, and exit");
  app.add_flag("--retire", options.retire,
               "where a segment of another layout has held slots: let it admit nothing more, and "
               "start when the last one has come back, instead of refusing to start");
  app.set_version_flag(
      "--version", "slotd " + std::string(kVersion) + " (layout " + std::to_string(kLayout) + ")");
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : kExitUsage;
  }
  return std::nullopt;
}

}  // namespace slotd::broker
