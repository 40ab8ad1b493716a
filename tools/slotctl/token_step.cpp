#include "tools/slotctl/token_step.hpp"

#include <memory>
#include <nlohmann/json.hpp>

#include "slotd/token.hpp"
#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/owner.hpp"
#include "tools/slotctl/refusal.hpp"
#include "tools/slotctl/segment_access.hpp"

namespace slotd::ctl {

void add_token_argument(Verb& verb, std::string& token) {
  verb.add_text("TOKEN", token, "", "the slot's current token", Need::kRequired);
}

HeldSlot resolve_token(Attachment& attachment, const std::string& token) {
  const auto parsed = parse_token(token);
  if (!parsed) throw Failure(Errc::kMalformedToken);
  HeldSlot held;
  require_step(attachment.resolve(*parsed, held));
  return held;
}

void bind_to(Attachment& attachment, HeldSlot& held, int pid) {
  const Errc code = attachment.bind(held, pid);
  if (code == Errc::kNoSuchProcess) {
    throw Failure(code, "no such process: " + std::to_string(pid));
  }
  require_step(code);
}

void require_step(Errc code) {
  if (code != Errc::kOk) throw Failure(code);
}

std::string read_type_of(const Attachment& attachment, const HeldSlot& held) {
  const auto word = load_claim(attachment.view(), held.ref());
  return word ? read_type_name(attachment.view(), word->type()) : std::string();
}

Json token_json(const std::string& token, std::uint32_t slot, const std::string& type,
                int owner_pid) {
  Json document = make_document();
  document["token"] = token;
  document["slot"] = slot;
  document["type"] = type;
  document["owner"] = Json{{"pid", owner_pid}};
  return document;
}

void print_token(const Context& context, const Attachment& attachment, const HeldSlot& held,
                 const std::string& type, int owner_pid) {
  const std::string token = format_token(attachment.token_of(held));
  if (context.globals.json) {
    context.print_json(token_json(token, held.slot, type, owner_pid));
  } else {
    context.console.print(token + "\n");
  }
}

Json step_json(std::uint32_t slot, const char* state) {
  Json document = make_document();
  document["slot"] = slot;
  document["state"] = state;
  return document;
}

void print_step(const Context& context, const HeldSlot& held, const char* state) {
  if (context.globals.json) context.print_json(step_json(held.slot, state));
}

namespace {

struct TokenOptions {
  std::string token;
  int pid = 0;  ///< 0: not given
};

int run_step(const TokenStep& step, const std::string& token, const Context& context) {
  const Member member(context.globals);
  const HeldSlot held = resolve_token(*member, token);
  require_step(((*member).*step.step)(held));
  print_step(context, held, step.state);
  return to_status(ExitCode::kDone);
}

int run_handover(const TokenOptions& options, const Context& context) {
  const int pid = choose_owner(context, options.pid);
  const Member member(context.globals);
  HeldSlot held = resolve_token(*member, options.token);
  const std::string type = read_type_of(*member, held);
  bind_to(*member, held, pid);
  print_token(context, *member, held, type, pid);
  return to_status(ExitCode::kDone);
}

}  // namespace

void add_step(CommandSet& set, const TokenStep& step) {
  auto options = std::make_shared<TokenOptions>();
  Verb verb = set.add(step.name, step.help, [step, options](const Context& context) {
    return run_step(step, options->token, context);
  });
  add_token_argument(verb, options->token);
}

void add_handover(CommandSet& set, const Handover& handover) {
  auto options = std::make_shared<TokenOptions>();
  Verb verb = set.add(handover.name, handover.help, [options](const Context& context) {
    return run_handover(*options, context);
  });
  add_token_argument(verb, options->token);
  verb.add_pid(options->pid, handover.pid_help, handover.pid);
}

}  // namespace slotd::ctl
