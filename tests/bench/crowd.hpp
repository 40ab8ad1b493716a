// Several processes claim and release as fast as they can: what they cost one another.
#pragma once

#include <chrono>
#include <cstdint>
#include <vector>

#include "tests/bench/rivals/contender.hpp"

namespace slotd::bench {

inline constexpr std::uint32_t kMaxMembers = 64;

struct Crowd {
  std::uint32_t held = 0;
  std::uint32_t procs = 1;  ///< <= kMaxMembers
  std::uint32_t room = kMaxMembers;
  Operation operation = Operation::kPair;
};

/// Turns of a run: so many windows for each contender, one after the other.
struct Windows {
  int count = 5;
  std::chrono::nanoseconds length = std::chrono::milliseconds(20);
};

/// One run: a holder and a crowd of processes of its own, which all work for the same contender at
/// a time. Wall clock nanoseconds from one operation of the whole crowd to the next, the median of
/// the windows, for each contender. The first window starts when every process has worked for all.
std::vector<double> measure_crowd(const Contenders& contenders, const Crowd& crowd,
                                  const Windows& windows);

}  // namespace slotd::bench
