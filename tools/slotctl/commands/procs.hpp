// `procs`: the processes that own or may own slots, how their life is known, and what they were
// measured to use. Maps read-only; needs neither the broker nor write permission. The formatting is
// pure.
#pragma once

#include <string>

#include "slotd/snapshot.hpp"
#include "tools/slotctl/console.hpp"
#include "tools/slotctl/json.hpp"

namespace slotd::ctl {

class CommandSet;

void add_procs(CommandSet& set);

Json procs_json(const Snapshot& snapshot);
Table procs_table(const Snapshot& snapshot, Charset charset);
std::string procs_text(const Snapshot& snapshot, const TableStyle& style, Charset charset);

}  // namespace slotd::ctl
