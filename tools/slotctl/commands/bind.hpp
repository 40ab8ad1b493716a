// `bind TOKEN --pid N`: gives the slot to a process, whose death frees it from then on; prints the
// new token.
#pragma once

namespace slotd::ctl {

class CommandSet;

void add_bind(CommandSet& set);

}  // namespace slotd::ctl
