// The command line of slotd-bench.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/bench/crowd.hpp"
#include "tests/bench/turns.hpp"
#include "tests/bench/waiter.hpp"

namespace slotd::bench {

struct Options {
  int runs = 7;
  Timing timing;
  Windows windows;
  WaiterRounds waiter;
  int stopped_windows = 12;
  int attaches = 20;
  int starts = 7;
  std::vector<std::string> sections;  ///< all if none
  std::string json_path;              ///< empty: no file
  std::string commit;
  int limit_s = 1200;  ///< then it is ended, whatever it does
};

/// Nothing: the program is to end with `exit_code` (help was asked for and printed, or the line was
/// wrong and that was said).
std::optional<Options> parse_options(int argc, char** argv, int& exit_code);

}  // namespace slotd::bench
