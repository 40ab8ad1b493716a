// What the verbs on a token share: resolving it, handing the slot to a process, and telling what
// became of it. Each throws Failure; a stale or foreign token is one (exit status 1).
#pragma once

#include <string>

#include "slotd/attachment.hpp"
#include "tools/slotctl/context.hpp"
#include "tools/slotctl/verb.hpp"

namespace slotd::ctl {

class CommandSet;

/// The positional TOKEN.
void add_token_argument(Verb& verb, std::string& token);

/// Checks a token against the segment.
HeldSlot resolve_token(Attachment& attachment, const std::string& token);

/// Gives the slot to a process; `held` names the claim anew afterwards.
void bind_to(Attachment& attachment, HeldSlot& held, int pid);

/// Throws Failure unless the step was done.
void require_step(Errc code);

/// The name of the type in a slot word that is held.
std::string read_type_of(const Attachment& attachment, const HeldSlot& held);

/// {"schema":1,"token":...,"slot":...,"type":...,"owner":{"pid":...}}: what claim, bind and adopt
/// answer.
Json token_json(const std::string& token, std::uint32_t slot, const std::string& type,
                int owner_pid);
/// Prints that, or the token alone on a line.
void print_token(const Context& context, const Attachment& attachment, const HeldSlot& held,
                 const std::string& type, int owner_pid);

/// {"schema":1,"slot":...,"state":...}: what activate, end and release answer with -J; nothing
/// otherwise.
Json step_json(std::uint32_t slot, const char* state);
void print_step(const Context& context, const HeldSlot& held, const char* state);

/// A verb that takes one step with a slot: activate, end, release.
struct TokenStep {
  const char* name;
  const char* help;
  Errc (Attachment::*step)(const HeldSlot&) noexcept;
  const char* state;  ///< of the slot afterwards
};
void add_step(CommandSet& set, const TokenStep& step);

/// A verb that gives a slot to a process and prints its new token: bind, adopt.
struct Handover {
  const char* name;
  const char* help;
  const char* pid_help;
  Need pid;
};
void add_handover(CommandSet& set, const Handover& handover);

}  // namespace slotd::ctl
