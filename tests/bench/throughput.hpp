// Several processes claim and release as fast as they can: pairs a second, all together. Room is
// ample, so nobody is refused: what is measured is how they disturb each other.
#pragma once

#include <chrono>
#include <cstdint>

#include "tests/bench/figures.hpp"
#include "tests/bench/semaphores.hpp"

namespace slotd::bench {

inline constexpr std::uint32_t kMaxMembers = 64;

struct Crowd {
  std::uint32_t held = 0;
  std::uint32_t processes = 1;  ///< <= kMaxMembers
};

/// Turns of a run: so many windows for slotd and for the rival each, one after the other.
struct Windows {
  int count = 7;
  std::chrono::nanoseconds length = std::chrono::milliseconds(20);
};

/// One run: a segment, a holder and a crowd of processes of its own, which all work on slotd or all
/// on the semaphores. Medians of the windows, pairs a second. The first window starts when every
/// process has worked on both.
Paired measure_throughput(const Crowd& crowd, const Semaphores& semaphores, const Windows& windows);

}  // namespace slotd::bench
