#include "tools/slotctl/commands/adopt.hpp"

#include <memory>
#include <string>

#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/owner.hpp"
#include "tools/slotctl/token_step.hpp"

namespace slotd::ctl {

namespace {

struct AdoptOptions {
  std::string token;
  int pid = 0;
};

int run_adopt(const AdoptOptions& options, const Context& context) {
  return run_handover(context, options.token, choose_owner(context, options.pid));
}

}  // namespace

void add_adopt(CommandSet& set) {
  auto options = std::make_shared<AdoptOptions>();
  Verb verb = set.add("adopt", "take a slot over by its token and print its new token",
                      [options](const Context& context) { return run_adopt(*options, context); });
  add_token_argument(verb, options->token);
  verb.add_pid(options->pid, "the new owner, instead of the process that started slotctl",
               Need::kOptional);
}

}  // namespace slotd::ctl
