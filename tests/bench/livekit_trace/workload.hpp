// The trace: participant jobs as the complaint describes them, which cost 2 cores on paper,
// use 1.75 on average and up to 5 at their peaks, and look cheap while their browsers warm up. Made
// from a seed, the same on every machine; what is admitted plays no part in it.
#pragma once

#include <cstdint>
#include <vector>

namespace slotd::livekit_trace {

inline constexpr std::uint32_t kCostMilli = 2'000;
inline constexpr std::uint64_t kCapacityMicro = 12'000'000;
inline constexpr std::uint64_t kMostDemandMicro = 5'000'000;

/// One request. It arrives once: whoever is refused goes elsewhere.
struct TraceJob {
  std::uint32_t arrival_s = 0;
  std::vector<std::uint32_t> demand_micro;  ///< what it would use, a figure a second of its life
};

struct Workload {
  std::uint32_t seconds = 0;
  std::vector<TraceJob> jobs;  ///< by arrival

  /// Over all seconds of all jobs.
  [[nodiscard]] double mean_demand_cores() const;
};

/// An arrival every 3 to 9 s, each for 3 to 8 minutes.
Workload make_workload(std::uint64_t seed, std::uint32_t seconds);

}  // namespace slotd::livekit_trace
