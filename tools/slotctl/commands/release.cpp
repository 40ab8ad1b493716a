#include "tools/slotctl/commands/release.hpp"

#include "tools/slotctl/token_step.hpp"

namespace slotd::ctl {

void add_release(CommandSet& set) {
  add_step(set, {"release", "give a slot back", &Attachment::release, "free"});
}

}  // namespace slotd::ctl
