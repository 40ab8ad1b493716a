// Operations measured in turns: a short batch of each, again and again, so that what else happens
// on the machine strikes all or none. The figure of each is the median of its batches.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <vector>

#include "tests/bench/figures.hpp"

namespace slotd::bench {

struct Timing {
  int rounds = 60;
  std::chrono::nanoseconds batch = std::chrono::milliseconds(1);
};

/// Does its operation that often.
using Batch = std::function<void(std::uint64_t count)>;

/// Nanoseconds an operation, in the calling process.
std::vector<double> measure_in_turns(const std::vector<Batch>& batches, const Timing& timing);

}  // namespace slotd::bench
