// Whatever becomes of the benchmark, nothing of it is left behind: a supervisor starts it as a
// child, ends it when its time is over or the terminal says so, and removes its folder. Its own
// processes end with it (team.hpp), its semaphores too (semaphores.hpp).
#pragma once

#include <functional>

namespace slotd::bench {

/// Runs `work` in a child whose test folders (tests/support/broker_process.hpp) lie in one of its
/// own. Returns its exit status; 128 + N when it ended by signal N or was ended for one, 124 after
/// `limit_s` seconds. Precondition: no other thread.
int supervise(int limit_s, const std::function<int()>& work);

}  // namespace slotd::bench
