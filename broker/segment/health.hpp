// Is the segment that this broker owns still whole, and still the one under its path? Two stat
// calls and a look at the header; never blocks for longer than the file system does.
#pragma once

#include <string>

#include "broker/segment/segment_owner.hpp"

namespace slotd::broker {

enum class Damage {
  kNone,
  kTruncated,    ///< the file is shorter than it was made
  kHolePunched,  ///< pages were taken out of it: what was in them reads as zero
  kDeleted,      ///< nothing stands under the path
  kReplaced,     ///< another file does
  kScribbled,    ///< the header contradicts itself
};

/// `was_cut`: a page of the mapping was found missing (slotd/fault_guard.hpp).
Damage find_damage(const OwnedSegment& owned, bool was_cut);

/// For the log: what has happened.
const char* describe(Damage damage);

/// Can the words still be believed as they stand in the mapping?
constexpr bool is_content_whole(Damage damage) {
  return damage == Damage::kDeleted || damage == Damage::kReplaced;
}

}  // namespace slotd::broker
