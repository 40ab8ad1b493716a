// The broker's command line; options.cpp is where the broker names CLI11.
#pragma once

#include <optional>
#include <string>

namespace slotd::broker {

struct Options {
  std::string config_path;   ///< empty: /etc/slotd/slotd.yaml if it is there, else the defaults
  std::string segment_path;  ///< empty: the config's, else the place for this user
  bool check_config = false;
  bool retire = false;  ///< drain a segment of another layout and start when nothing is held in it
};

/// Parses; prints help, version or the error itself. Returns the exit code when the program is to
/// end now.
std::optional<int> parse_options(int argc, char** argv, Options& options);

}  // namespace slotd::broker
