// `events [-f] [--since WHEN] [-t TYPE]`: what was claimed, refused, handed over, freed and
// changed, merged in order of time from the rings of all processes; gaps are shown. Maps read-only
// and polls: needs neither the broker nor write permission.
#pragma once

namespace slotd::ctl {

class CommandSet;

void add_events(CommandSet& set);

}  // namespace slotd::ctl
