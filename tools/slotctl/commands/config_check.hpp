// `config check FILE`: is this a configuration that slotd would take? Asks slotd itself, the one
// beside slotctl or else the one in PATH, so that there is one parser. The formatting is pure.
#pragma once

#include <string>

#include "tools/slotctl/json.hpp"

namespace slotd::ctl {

class CommandSet;
class Verb;

void add_config_check(CommandSet& set, const Verb& config);

/// `errors` is what slotd wrote to stderr: a line a message.
Json config_check_json(const std::string& file, bool valid, const std::string& errors);

}  // namespace slotd::ctl
