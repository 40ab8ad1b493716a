#include "tools/slotctl/commands/release.hpp"

#include <memory>
#include <string>

#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/segment_access.hpp"
#include "tools/slotctl/token_step.hpp"

namespace slotd::ctl {

namespace {

int run_release(const std::string& token, const Context& context) {
  const Member member(context.globals);
  const HeldSlot held = resolve_token(*member, token);
  require_step(member->release(held));
  print_step(context, held, "free");
  return to_status(ExitCode::kDone);
}

}  // namespace

void add_release(CommandSet& set) {
  auto token = std::make_shared<std::string>();
  Verb verb = set.add("release", "give a slot back",
                      [token](const Context& context) { return run_release(*token, context); });
  add_token_argument(verb, *token);
}

}  // namespace slotd::ctl
