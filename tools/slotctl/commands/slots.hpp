// `slots`: who holds what since when, what was reserved, measured and reported, and which of it is
// charged. Maps read-only; needs neither the broker nor write permission. The formatting is pure.
#pragma once

#include <string>

#include "slotd/snapshot.hpp"
#include "tools/slotctl/console.hpp"
#include "tools/slotctl/json.hpp"

namespace slotd::ctl {

class CommandSet;

void add_slots(CommandSet& set);

Json slots_json(const Snapshot& snapshot);
/// Every column there is, also those that are not shown without being asked for.
Table slots_table(const Snapshot& snapshot, Charset charset);
std::string slots_text(const Snapshot& snapshot, const TableStyle& style, Charset charset);

/// "pending", "active", "ending"; "invalid" for a word that was scribbled over.
const char* slot_state_name(SlotState state);

}  // namespace slotd::ctl
