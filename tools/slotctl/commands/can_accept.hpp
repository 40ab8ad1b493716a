// `can-accept -t TYPE`: would a claim be admitted now? Takes nothing. Maps read-only; needs neither
// the broker nor write permission. The formatting is pure.
#pragma once

#include <string>

#include "tools/slotctl/json.hpp"
#include "tools/slotctl/refusal.hpp"

namespace slotd::ctl {

class CommandSet;

void add_can_accept(CommandSet& set);

/// `affinity` is -1 where the answer is no.
Json can_accept_json(const Refusal& answer, double affinity);
std::string can_accept_text(const Refusal& answer, double affinity, Charset charset);

}  // namespace slotd::ctl
