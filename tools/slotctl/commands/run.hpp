// `run -t TYPE -- CMD...`: claims, runs the command as the slot's owner, releases. The command's
// exit status is passed on. slotctl killed meanwhile does not free the slot: the command owns it.
// The command killed frees it.
#pragma once

namespace slotd::ctl {

class CommandSet;

void add_run(CommandSet& set);

}  // namespace slotd::ctl
