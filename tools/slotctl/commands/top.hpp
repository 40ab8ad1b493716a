// `top [-d SEC]`: the node on the whole screen, live. Maps read-only and polls: needs neither the
// broker nor write permission, and never sleeps on a futex. A segment that goes away is said on the
// screen, and the one that stands under the path next is shown.
#pragma once

namespace slotd::ctl {

class CommandSet;

void add_top(CommandSet& set);

}  // namespace slotd::ctl
