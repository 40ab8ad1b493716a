#include "tools/slotctl/commands/adopt.hpp"

#include "tools/slotctl/token_step.hpp"

namespace slotd::ctl {

void add_adopt(CommandSet& set) {
  add_handover(set,
               {"adopt", "take a slot over by its token and print its new token",
                "the new owner, instead of the process that started slotctl", Need::kOptional});
}

}  // namespace slotd::ctl
