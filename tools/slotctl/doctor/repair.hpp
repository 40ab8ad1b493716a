// What `doctor --fix` does: only what any claim would do on its way, so that it can never take a
// slot from the living. Not thread-safe; never waits for anybody.
#pragma once

#include <string>
#include <vector>

#include "slotd/process_table.hpp"

namespace slotd::ctl {

/// Frees the slot words and the process entries of owners that are proven dead, ends a drain for a
/// rebuild that is overdue, and wakes those who wait and fit now. Returns a line for each thing
/// that was done. Precondition: the segment is mapped for writing.
std::vector<std::string> repair_segment(const ProcessTable& processes);

}  // namespace slotd::ctl
