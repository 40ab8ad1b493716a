// `end TOKEN`: the job has ended and may still use CPU; charged until released.
#pragma once

namespace slotd::ctl {

class CommandSet;

void add_end(CommandSet& set);

}  // namespace slotd::ctl
