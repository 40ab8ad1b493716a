// `status [-w SEC]`: what is wrong, the broker, the segment, CPU and memory, a line per type and
// group; once, or again and again until SIGINT, SIGTERM or SIGHUP. Maps read-only; needs neither
// the broker nor write permission; a segment that is replaced meanwhile is followed by its path.
// The formatting is pure.
#pragma once

#include <cstdint>
#include <string>

#include "slotd/snapshot.hpp"
#include "tools/slotctl/bars.hpp"
#include "tools/slotctl/console.hpp"

namespace slotd::ctl {

class CommandSet;

void add_status(CommandSet& set);

/// `drain` is the header's word: who drains what. As JSON: slotd/status_document.hpp.
std::string status_text(const Snapshot& snapshot, const std::string& path, const TableStyle& style,
                        Charset charset, std::uint64_t drain = 0);

/// Every column there is, also those that are not shown without being asked for.
Table types_table(const Snapshot& snapshot, Charset charset);
Table groups_table(const Snapshot& snapshot, Charset charset);

/// Of the CPU budget, and of the memory limit.
Fill cpu_fill(const Snapshot& snapshot);
Fill memory_fill(const Snapshot& snapshot);

}  // namespace slotd::ctl
