// Is the segment that this broker owns still whole, and still the one under its path? Two stat
// calls and a look at the header; never blocks for longer than the file system does.
#pragma once

#include "broker/segment/segment_owner.hpp"

namespace slotd::broker {

enum class Damage {
  kNone,
  kTruncated,    ///< the file is shorter than it was made
  kHolePunched,  ///< pages were taken out of it, or written to behind everybody's back
  kDeleted,      ///< nothing stands under the path
  kReplaced,     ///< another file does
  kScribbled,    ///< the header contradicts itself
};

/// `was_touched`: a page of the mapping was found missing (slotd/fault_guard.hpp), or the file was
/// changed by a system call.
Damage find_damage(const OwnedSegment& owned, bool was_touched);

/// Hears of system calls that change the segment file's content: truncation, holes, writes. Nobody
/// of slotd's makes any; claims and steps store through mappings, which is not heard. A page that
/// was taken out of the file and touched again leaves no other trace.
class FileWatch {
 public:
  /// Watches this segment's file from now on, and no other. Where the kernel allows no more watches
  /// it hears nothing.
  void follow(const OwnedSegment& owned);
  /// Has there been any since the last question?
  bool has_heard();

 private:
  UniqueFd notices_;
};

/// For the log: what has happened.
const char* describe(Damage damage);

/// Can the words still be believed as they stand in the mapping?
constexpr bool is_content_whole(Damage damage) {
  return damage == Damage::kDeleted || damage == Damage::kReplaced;
}

}  // namespace slotd::broker
