// How long others wait when a process that claims and releases all the time is stopped wherever it
// happens to be, once or again and again.
#pragma once

#include <vector>

#include "tests/bench/rivals/contender.hpp"

namespace slotd::bench {

enum class Interference {
  kNone,      ///< the peer goes on: what the machine's scheduler alone does
  kStopped,   ///< SIGSTOP for the whole window
  kThrottled  ///< SIGSTOP and SIGCONT in turns, nine tenths of the time stopped
};

/// One run: the longest claim and release of another process in each of `windows` windows of 20 ms,
/// and of these the longest. Nanoseconds, for each contender; the windows are taken in turns.
std::vector<double> measure_stopped_peer(const Contenders& contenders, Interference interference,
                                         int windows);

}  // namespace slotd::bench
