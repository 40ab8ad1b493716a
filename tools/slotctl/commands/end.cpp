#include "tools/slotctl/commands/end.hpp"

#include <memory>
#include <string>

#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/segment_access.hpp"
#include "tools/slotctl/token_step.hpp"

namespace slotd::ctl {

namespace {

int run_end(const std::string& token, const Context& context) {
  const Member member(context.globals);
  const HeldSlot held = resolve_token(*member, token);
  require_step(member->end(held));
  print_step(context, held, "ending");
  return to_status(ExitCode::kDone);
}

}  // namespace

void add_end(CommandSet& set) {
  auto token = std::make_shared<std::string>();
  Verb verb = set.add("end", "the job of a slot has ended and may still use CPU",
                      [token](const Context& context) { return run_end(*token, context); });
  add_token_argument(verb, *token);
}

}  // namespace slotd::ctl
