// Runs the scenes and the crowds in turns, so that a slow minute of the machine hits both sides and
// every line alike.
#pragma once

#include <vector>

#include "tests/bench/options.hpp"
#include "tests/bench/report.hpp"
#include "tests/bench/semaphores.hpp"
#include "tests/bench/single_process.hpp"

namespace slotd::bench {

/// One line a scene, one figure a run.
std::vector<Line> run_scenes(const std::vector<Scene>& scenes, const Semaphores& semaphores,
                             const Options& options);

/// Throughput of 1, 2, 8 and kMaxMembers processes at 0 to 1000 held slots.
std::vector<Line> run_crowds(const Semaphores& semaphores, const Options& options);

}  // namespace slotd::bench
