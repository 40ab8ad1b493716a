// What the main job was asked to do, and its command line: the only file of the main job that names
// CLI11. Prints help and mistakes itself.
#pragma once

#include <cstdint>
#include <string>
#include <variant>

namespace slotd::mainjob {

struct Options {
  std::uint32_t seconds = 10;
  std::uint32_t services = 4;
  std::uint64_t seed = 0;
  std::string config;  ///< empty: the main job writes its own
  bool kill = true;
  bool burn = false;  ///< handlers really use CPU; nothing is killed
};

/// The options, or the status to exit with: 0 after --help, 64 after a mistake. Without --seed a
/// random one is drawn.
std::variant<Options, int> parse_options(int argc, char** argv);

}  // namespace slotd::mainjob
