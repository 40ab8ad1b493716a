// slotd: parses the command line, loads the configuration, runs the daemon.
#include <cstdio>
#include <exception>

#include "broker/daemon.hpp"
#include "broker/log.hpp"
#include "broker/options.hpp"

namespace {
constexpr int kExitInternal = 70;
constexpr int kExitConfig = 78;
}  // namespace

int main(int argc, char** argv) try {
  slotd::broker::Options options;
  if (const auto code = slotd::broker::parse_options(argc, argv, options)) return *code;
  auto config = slotd::broker::load_config(options);
  if (!config) return kExitConfig;
  if (options.check_config) {
    std::puts("configuration ok");
    return 0;
  }
  slotd::broker::init_log();
  return slotd::broker::Daemon(std::move(options), std::move(*config)).run();
} catch (const std::exception& error) {
  std::fprintf(stderr, "slotd: %s\n", error.what());
  return kExitInternal;
}
