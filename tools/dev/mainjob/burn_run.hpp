// The burning variant of the main job: handlers that really use CPU, once with slots charged by
// what was measured and once by the larger of that and what they reserve; the same jobs ask for
// room both times. Compares what slotd measured of each handler with what getrusage says, and sees
// to it that no admission exceeded the budget. Leaves no process and no file behind.
#pragma once

#include "tools/dev/mainjob/options.hpp"

namespace slotd::mainjob {

/// Returns the exit status: 0 clean, 1 not, 128+N stopped by signal N. Takes twice the seconds
/// asked for and a little more. Once only.
int run_burn(const Options& options);

}  // namespace slotd::mainjob
