// From a release, or from the SIGKILL of all holders, to the blocked waiter running: slotd against
// one SysV semaphore set with SEM_UNDO, in turns, with the broker up and down.
#pragma once

#include <vector>

#include "tests/bench/figures.hpp"

namespace slotd::bench {

struct WaiterRounds {
  int runs = 5;
  int releases = 300;   ///< of each side in a run
  int kills = 40;       ///< of one holder
  int mass_kills = 10;  ///< of 64 holders
  int large_kills = 3;  ///< of a holder of 1 GiB
};

/// Lines of the tables `waiter` (the runs' medians) and `waiter_p99` (their 99th percentiles).
/// The waiter is a process that sleeps when the clock starts. The time ends when its call has come
/// back and it has read the clock.
std::vector<Line> run_waiters(const WaiterRounds& rounds);

}  // namespace slotd::bench
