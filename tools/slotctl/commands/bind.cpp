#include "tools/slotctl/commands/bind.hpp"

#include "tools/slotctl/token_step.hpp"

namespace slotd::ctl {

void add_bind(CommandSet& set) {
  add_handover(set, {"bind", "give a slot to a process and print its new token", "the new owner",
                     Need::kRequired});
}

}  // namespace slotd::ctl
