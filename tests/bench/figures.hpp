// Figures of a run and how they are summed up. Pure values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace slotd::bench {

/// The same thing measured for slotd and for its rival, in turns, in one run: nanoseconds or
/// operations a second.
struct Paired {
  double slotd = 0;
  double rival = 0;
};

struct Spread {
  double median = 0;
  double min = 0;
  double max = 0;
};

/// Precondition: not empty.
inline double compute_median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  const std::size_t middle = values.size() / 2;
  return values.size() % 2 == 1 ? values[middle] : (values[middle - 1] + values[middle]) / 2;
}

inline Spread compute_spread(const std::vector<double>& values) {
  const auto [min, max] = std::minmax_element(values.begin(), values.end());
  return {compute_median(values), *min, *max};
}

/// One line of a table: all runs of one thing. `values` are nanoseconds an operation, or operations
/// a second.
struct Line {
  std::string name;        ///< what slotd does
  std::string rival;       ///< what it is compared with
  std::uint32_t held = 0;  ///< slots that another process holds
  std::uint32_t processes = 1;
  double aim = 0;  ///< how many times faster the first aim was; 0: none was set
  std::vector<Paired> runs;

  std::vector<double> slotd() const {
    std::vector<double> values;
    for (const Paired& run : runs) values.push_back(run.slotd);
    return values;
  }
  std::vector<double> rivals() const {
    std::vector<double> values;
    for (const Paired& run : runs) values.push_back(run.rival);
    return values;
  }
};

/// How many times faster slotd was, run by run. `is_time`: the values are times, less is faster.
inline std::vector<double> compute_ratios(const Line& line, bool is_time) {
  std::vector<double> values;
  for (const Paired& run : line.runs)
    values.push_back(is_time ? run.rival / run.slotd : run.slotd / run.rival);
  return values;
}

}  // namespace slotd::bench
