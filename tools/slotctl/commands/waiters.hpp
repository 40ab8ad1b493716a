// `waiters`: who waits for what, for how long, in the order in which they would go. Maps read-only;
// needs neither the broker nor write permission. The formatting is pure.
#pragma once

#include <string>

#include "slotd/snapshot.hpp"
#include "tools/slotctl/console.hpp"
#include "tools/slotctl/json.hpp"

namespace slotd::ctl {

class CommandSet;

void add_waiters(CommandSet& set);

Json waiters_json(const Snapshot& snapshot);
Table waiters_table(const Snapshot& snapshot, Charset charset);
std::string waiters_text(const Snapshot& snapshot, const TableStyle& style, Charset charset);

}  // namespace slotd::ctl
