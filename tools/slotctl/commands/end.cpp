#include "tools/slotctl/commands/end.hpp"

#include "tools/slotctl/token_step.hpp"

namespace slotd::ctl {

void add_end(CommandSet& set) {
  add_step(set, {"end", "the job of a slot has ended and may still use CPU", &Attachment::end,
                 "ending"});
}

}  // namespace slotd::ctl
