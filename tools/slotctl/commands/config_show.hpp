// `config show`: the limits, costs, weights and the budget in force, as the segment holds them.
// Maps read-only; needs neither the broker nor write permission. The formatting is pure.
#pragma once

#include <string>

#include "tools/slotctl/config_view.hpp"
#include "tools/slotctl/console.hpp"
#include "tools/slotctl/json.hpp"

namespace slotd::ctl {

class CommandSet;
class Verb;

void add_config_show(CommandSet& set, const Verb& config);

Json config_show_json(const ConfigView& config);
std::string config_show_text(const ConfigView& config, const TableStyle& style, Charset charset);

}  // namespace slotd::ctl
