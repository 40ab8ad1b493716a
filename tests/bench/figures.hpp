// Figures of a run and how they are summed up. Pure values.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace slotd::bench {

/// The same thing measured for slotd and for its rival, in turns, in one run: nanoseconds.
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

/// One row: all runs of one thing.
struct Line {
  std::string name;            ///< which table it belongs to
  std::string what;            ///< what is done, where the table has several things
  std::string rival;           ///< a Contender's name or another program's
  std::uint32_t held = 0;      ///< slots that another process holds
  std::uint32_t procs = 1;     ///< that work at once
  double aim = 0;              ///< the ratio that is aimed at; 0: none is
  std::vector<Paired> runs{};  ///< none: it could not be measured, and `skipped` says why
  std::string skipped{};
  std::string outcome{};  ///< of what was tried and has no figure: "never"
  std::string note{};     ///< on how it was measured

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

/// How many times faster slotd was, run by run.
inline std::vector<double> compute_ratios(const Line& line) {
  std::vector<double> values;
  for (const Paired& run : line.runs) values.push_back(run.rival / run.slotd);
  return values;
}

}  // namespace slotd::bench
