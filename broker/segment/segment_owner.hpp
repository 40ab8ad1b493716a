// Owning the segment file: the lock that keeps a second broker out, making a segment whole or not
// at all, adopting a live one. The only file of the broker that creates, links or unlinks segment
// files. Blocks on the file system only.
//
// A segment appears under its path by one linkat() of a complete file. A broker killed before that
// leaves nothing; killed after it, a segment that the next broker adopts. The lock is in
// owner_lock.hpp, what can be told of a segment of another layout in other_layout.hpp.
#pragma once

#include <sys/types.h>

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "broker/segment/owner_failure.hpp"
#include "slotd/process_probe.hpp"
#include "slotd/segment.hpp"

namespace slotd::broker {

struct OwnerOptions {
  std::string path;
  std::uint32_t mode = 0660;
  std::string group;  ///< empty: the broker's own primary group
  Capacities capacities;
  std::string version;
  bool retire = false;  ///< a segment of another layout in which slots are held is drained
};

enum class Origin { kCreated, kAdopted, kRebuilt };

struct OwnedSegment {
  UniqueFd lock;  ///< closing it lets the next broker in
  UniqueFd file;  ///< the segment's own, whatever stands under the path by now
  std::string path;
  std::int64_t blocks = 0;  ///< st_blocks when it was taken over or made; 0 where that says nothing
  /// An earlier segment may still have users who have not been told: they need time to find this
  /// one.
  bool has_lost_users = false;
  OpenedSegment opened;
  Origin origin = Origin::kCreated;
  std::vector<std::string> notes;  ///< for the log: what was discarded, corrected, kept
};

/// Called with the view before a new segment is linked, and with an adopted one: publishes the
/// ledger. False = give up.
using Prepare = std::function<bool(const SegmentView& view, Origin origin)>;

/// Takes the lock, then adopts the segment at the path or makes a new one. On failure `failure` is
/// filled; when prepare returned false its message stays empty. Where it is draining a segment of
/// another layout it is to be called again until nothing is held there.
std::optional<OwnedSegment> own_segment(const OwnerOptions& options, const Prepare& prepare,
                                        OwnerFailure& failure);

/// Retires a damaged segment that this broker owns, tells its users, and makes a new one under the
/// path; `prepare` is called with Origin::kRebuilt before anybody sees it. On failure nothing
/// stands under the path, or what stood there, and `owned` is as it was: to be tried again.
bool rebuild_segment(const OwnerOptions& options, OwnedSegment& owned, const Prepare& prepare,
                     OwnerFailure& failure);

/// The first half of it, for a broker that wants to read the old segment between the two: from now
/// on its users claim nothing there.
void retire_segment(const OwnedSegment& owned);

/// The path for this user when neither the command line nor the config names one.
std::string choose_segment_path();

}  // namespace slotd::broker
