#include "tools/slotctl/commands/activate.hpp"

#include "tools/slotctl/token_step.hpp"

namespace slotd::ctl {

void add_activate(CommandSet& set) {
  add_step(set, {"activate", "the job of a slot runs now", &Attachment::activate, "active"});
}

}  // namespace slotd::ctl
