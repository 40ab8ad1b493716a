// `report TOKEN`: what a job says that it uses. Counts beside what the broker measures, the larger
// of both, for 30 s.
#pragma once

#include <cstdint>

#include "slotd/slot_table.hpp"
#include "tools/slotctl/json.hpp"

namespace slotd::ctl {

class CommandSet;

void add_report(CommandSet& set);

/// {"schema":1,"slot":...,"reported":{"cpu":...,"memory":...}}: what was said just now; null for a
/// figure that was not given and stays as it was.
Json report_json(std::uint32_t slot, const Report& report);

}  // namespace slotd::ctl
