// `status`: the broker, the segment, CPU and memory, a line per type and group. Maps read-only;
// needs neither the broker nor write permission. The formatting is pure.
#pragma once

#include <string>

#include "slotd/snapshot.hpp"
#include "tools/slotctl/console.hpp"
#include "tools/slotctl/json.hpp"

namespace slotd::ctl {

class CommandSet;

void add_status(CommandSet& set);

Json status_json(const Snapshot& snapshot, const std::string& path);
std::string status_text(const Snapshot& snapshot, const std::string& path, const TableStyle& style,
                        Charset charset);

}  // namespace slotd::ctl
