// `adopt TOKEN [--pid N]`: takes the slot over for the caller's parent, or the named process;
// prints the new token.
#pragma once

namespace slotd::ctl {

class CommandSet;

void add_adopt(CommandSet& set);

}  // namespace slotd::ctl
