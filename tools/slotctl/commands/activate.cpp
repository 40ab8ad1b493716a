#include "tools/slotctl/commands/activate.hpp"

#include <memory>
#include <string>

#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/segment_access.hpp"
#include "tools/slotctl/token_step.hpp"

namespace slotd::ctl {

namespace {

int run_activate(const std::string& token, const Context& context) {
  const Member member(context.globals);
  const HeldSlot held = resolve_token(*member, token);
  require_step(member->activate(held));
  print_step(context, held, "active");
  return to_status(ExitCode::kDone);
}

}  // namespace

void add_activate(CommandSet& set) {
  auto token = std::make_shared<std::string>();
  Verb verb = set.add("activate", "the job of a slot runs now",
                      [token](const Context& context) { return run_activate(*token, context); });
  add_token_argument(verb, *token);
}

}  // namespace slotd::ctl
