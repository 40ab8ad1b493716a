// What a broker can tell of a segment whose layout is not its own, and do to it: only what lies at
// the same place in every layout (docs/abi.md, "Frozen for all layouts"). Untrusted like every
// segment: nothing read is used unchecked. Memory only; nothing blocks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "slotd/segment.hpp"

namespace slotd::broker {

/// The slots that somebody holds or is about to, in their order.
std::vector<std::uint32_t> find_held_slots(const OpenedSegment& existing);

/// From now on its claims are refused as `draining`; its jobs go on.
void drain_segment(const OpenedSegment& existing);

/// "2 of its slots are held (0, 7): ..." and the remedy, or how it goes on.
std::string describe_held(const std::vector<std::uint32_t>& held, bool is_draining);

}  // namespace slotd::broker
