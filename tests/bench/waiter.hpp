// From a release, or from the SIGKILL of all holders, to the blocked waiter running: slotd, whose
// broker is up, beside each of the others, and beside SysV alone with the broker down.
#pragma once

#include <vector>

#include "tests/bench/figures.hpp"
#include "tests/bench/rivals/contender.hpp"

namespace slotd::bench {

struct WaiterRounds {
  int runs = 5;
  int releases = 200;   ///< of each contender in a run
  int kills = 30;       ///< of one holder
  int mass_kills = 10;  ///< of 64 holders
  int large_kills = 1;  ///< of a holder of 1 GiB
};

/// Lines of the tables `waiter` (the runs' medians) and `waiter_p99` (their 99th percentiles).
/// The waiter is a process that sleeps when the clock starts. The time ends when its call has come
/// back and it has read the clock. A line of a contender whose waiter nothing wakes after a death,
/// or nothing before a lease has run out, has no figures but an outcome.
///
/// `contenders`: SysV second, what stands for slotd first; it is replaced by one with a broker.
std::vector<Line> run_waiters(const WaiterRounds& rounds, const Contenders& contenders,
                              const std::vector<Skipped>& skipped);

}  // namespace slotd::bench
