// How long others wait when a process that claims and releases all the time is stopped wherever it
// happens to be, once or again and again.
#pragma once

#include <vector>

#include "tests/bench/cpu_quota.hpp"
#include "tests/bench/rivals/contender.hpp"

namespace slotd::bench {

enum class Interference {
  kNone,       ///< the peer goes on: what the machine's scheduler alone does
  kStopped,    ///< SIGSTOP for the whole window
  kThrottled,  ///< a CPU quota of a tenth
  kImitated    ///< the same imitated by SIGSTOP and SIGCONT in turns
};

inline constexpr const char* kImitationWords =
    "SIGSTOP for 4.5 ms, four times: no control group may be made here";

/// One run: the longest claim and release of another process in each of `windows` windows of 20 ms,
/// and of these the longest. Nanoseconds, for each contender; the windows are taken in turns.
/// `quota` has to be usable for kThrottled. Throws when it has throttled nobody.
std::vector<double> measure_stopped_peer(const Contenders& contenders, Interference interference,
                                         int windows, const CpuQuota& quota);

}  // namespace slotd::bench
