// What a process costs: to attach, to carry the library along, to be started under a command.
#pragma once

#include <vector>

#include "tests/bench/figures.hpp"
#include "tests/bench/rivals/contender.hpp"

namespace slotd::bench {

/// One run: nanoseconds from the start of joining to the first slot held, the median of `processes`
/// new processes, for each contender.
std::vector<double> measure_attach(const Contenders& contenders, int processes);

/// Bytes of private memory that a member adds to its process, for each contender.
std::vector<double> measure_private_bytes(const Contenders& contenders);

/// Bytes of the segment that one more slot, and one more process, takes.
struct SegmentBytes {
  double slot = 0;
  double process = 0;
};
SegmentBytes compute_segment_bytes();

/// Lines of the table `command`: a command under `slotctl run`, under GNU parallel's sem, under
/// flock(1), and alone. `runs` runs with `starts` starts of each.
std::vector<Line> run_commands(int runs, int starts);

}  // namespace slotd::bench
