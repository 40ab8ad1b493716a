// What a run of the trace showed: a table in Markdown, and a picture in SVG that can be read on
// light and on dark ground. Pure: text from values.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/bench/livekit_trace/simulate.hpp"

namespace slotd::livekit_trace {

/// One seed under every policy, in their order.
struct SeedResults {
  std::uint64_t seed = 0;
  std::size_t arrivals = 0;
  double mean_demand_cores = 0;
  std::vector<Result> results;
};

/// A row a policy, summed over all seeds, and the seconds of over-commit seed by seed.
std::string write_table(const std::vector<Policy>& policies, const std::vector<SeedResults>& seeds);

/// The demand under two policies over time, one above the other, with a line at the capacity.
std::string write_plot(const Policy& above, const Result& first, const Policy& below,
                       const Result& second);

}  // namespace slotd::livekit_trace
