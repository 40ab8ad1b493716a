// Is the segment that this broker owns still whole, and still the one under its path? Two stat
// calls and a look at the header; never blocks for longer than the file system does.
#pragma once

#include <cstdint>
#include <vector>

#include "broker/ledger/ledger_spec.hpp"
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

/// What never goes back in a segment, as the broker saw it last: a page that was taken out of the
/// file and touched again reads as zero, and nothing else tells.
class ContentWatch {
 public:
  /// kNone, or kHolePunched when something has gone back, or kScribbled when the rules are not
  /// those that the broker has published. Remembers what it saw when it was kNone.
  Damage look(const SegmentView& view, const LedgerSpec& published);
  /// For another segment.
  void forget() { *this = {}; }

 private:
  std::vector<std::uint32_t> generations_;
  std::vector<std::uint64_t> attaches_;
  std::uint64_t mark_ = 0;
};

/// For the log: what has happened.
const char* describe(Damage damage);

/// Can the words still be believed as they stand in the mapping?
constexpr bool is_content_whole(Damage damage) {
  return damage == Damage::kDeleted || damage == Damage::kReplaced;
}

}  // namespace slotd::broker
