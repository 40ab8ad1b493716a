#include "tools/slotctl/commands/bind.hpp"

#include <memory>
#include <string>

#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/owner.hpp"
#include "tools/slotctl/token_step.hpp"

namespace slotd::ctl {

namespace {

struct BindOptions {
  std::string token;
  int pid = 0;
};

int run_bind(const BindOptions& options, const Context& context) {
  return run_handover(context, options.token, choose_owner(context, options.pid));
}

}  // namespace

void add_bind(CommandSet& set) {
  auto options = std::make_shared<BindOptions>();
  Verb verb = set.add("bind", "give a slot to a process and print its new token",
                      [options](const Context& context) { return run_bind(*options, context); });
  add_token_argument(verb, options->token);
  verb.add_pid(options->pid, "the new owner", Need::kRequired);
}

}  // namespace slotd::ctl
