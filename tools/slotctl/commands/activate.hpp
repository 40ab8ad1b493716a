// `activate TOKEN`: the job runs; its CPU counts from now on.
#pragma once

namespace slotd::ctl {

class CommandSet;

void add_activate(CommandSet& set);

}  // namespace slotd::ctl
