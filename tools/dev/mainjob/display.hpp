// What the main job shows while it runs: a table that is redrawn in place on a terminal, a line a
// second elsewhere. One thread; writing to a slow terminal blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

#include "slotd/snapshot.hpp"
#include "tools/dev/mainjob/limits.hpp"

namespace slotd::mainjob {

/// One moment, as plain values.
struct Frame {
  std::uint64_t elapsed_ms = 0;
  std::uint32_t seconds = 0;
  std::uint64_t seed = 0;
  bool broker_up = false;
  std::size_t services = 0;
  Limits limits;
  Tally tally;
  CounterTotals counters;
  std::uint64_t killed = 0;
  std::uint64_t looks = 0;
  std::uint64_t over_limit = 0;
  std::vector<std::string> events;  ///< the last ones, oldest first
};

/// Pure. One line, without a newline.
std::string format_line(const Frame& frame);
/// Pure. Always the same number of lines for the same limits.
std::vector<std::string> format_table(const Frame& frame);

class Display {
 public:
  static constexpr std::size_t kEvents = 6;

  Display();

  /// How often show() is worth calling.
  std::uint64_t interval_ms() const { return is_terminal_ ? 200 : 1000; }
  void show(const Frame& frame);
  /// A line that stays. Above the next table.
  void print(const std::string& line);

 private:
  void draw(const std::vector<std::string>& lines);

  bool is_terminal_ = false;
  std::size_t drawn_ = 0;  ///< lines of the table that the cursor stands below
};

}  // namespace slotd::mainjob
