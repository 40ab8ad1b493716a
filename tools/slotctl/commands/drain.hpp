// `drain [TYPE...]` and `undrain [TYPE...]`: refuse new claims, of all types or of some; what runs
// goes on. One atomic word in the segment; effective at once and without the broker. The formatting
// is pure.
#pragma once

#include <string>
#include <vector>

#include "tools/slotctl/json.hpp"

namespace slotd::ctl {

class CommandSet;

/// Adds both verbs.
void add_drain(CommandSet& set);

/// `node`: all types are drained, whatever `types` says.
Json drain_json(bool node, const std::vector<std::string>& types);

}  // namespace slotd::ctl
