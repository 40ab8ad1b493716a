// The command line of slotd-bench.
#pragma once

#include <optional>
#include <string>

#include "tests/bench/single_process.hpp"
#include "tests/bench/throughput.hpp"

namespace slotd::bench {

struct Options {
  int runs = 5;
  Timing timing;
  Windows windows;
  std::string json_path;  ///< empty: no file
  bool only_single = false;
  bool only_throughput = false;
};

/// Nothing: the program is to end with `exit_code` (help was asked for and printed, or the line was
/// wrong and that was said).
std::optional<Options> parse_options(int argc, char** argv, int& exit_code);

}  // namespace slotd::bench
