// `free SLOT --force`: an operator frees one held slot, whoever holds it; the holder's later
// release is refused as stale.
#pragma once

namespace slotd::ctl {

class CommandSet;

void add_free(CommandSet& set);

}  // namespace slotd::ctl
