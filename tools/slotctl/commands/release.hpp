// `release TOKEN`: gives the slot back.
#pragma once

namespace slotd::ctl {

class CommandSet;

void add_release(CommandSet& set);

}  // namespace slotd::ctl
