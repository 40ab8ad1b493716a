// `claim -t TYPE`: claims a slot for another process, the caller's parent if none is named, and
// prints the token. Until the slot is handed over it is slotctl's own, so a kill at any moment
// before frees it.
#pragma once

namespace slotd::ctl {

class CommandSet;

void add_claim(CommandSet& set);

}  // namespace slotd::ctl
