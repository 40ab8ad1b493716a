// For verbs that take their time, or whose word has to last: the broker replaces a segment that was
// damaged, under the same path, and they go along. Also the pauses between two looks: read-only
// tools never sleep on a futex, they poll. Not thread-safe; blocks as each function says.
#pragma once

#include <cstdint>
#include <functional>
#include <limits>
#include <optional>

#include "slotd/error.hpp"
#include "slotd/process_table.hpp"
#include "slotd/segment_view.hpp"
#include "tools/slotctl/context.hpp"

namespace slotd::ctl {

/// Is this how a segment looks that the broker is about to replace, or has replaced a moment ago?
/// Pure.
constexpr bool may_be_replaced(Errc code) noexcept {
  return code == Errc::kNoSegment || code == Errc::kNotReady || code == Errc::kRetired ||
         code == Errc::kCorrupt;
}

/// Pauses of 20 ms at first, growing to 200 ms, until a bound.
class Polling {
 public:
  static constexpr std::uint64_t kUnbounded = std::numeric_limits<std::uint64_t>::max();
  static constexpr std::uint64_t kFirstPauseMs = 20;
  static constexpr std::uint64_t kLongestPauseMs = 200;

  explicit Polling(std::uint64_t bound_ms) noexcept;

  /// Sleeps for one pause, or for what is left of the time. False, without having slept, when it is
  /// over.
  bool sleep();
  double waited_s() const noexcept;

  /// Each pause is half as long again as the one before. Pure.
  static constexpr std::uint64_t next_pause_ms(std::uint64_t pause_ms) noexcept {
    const std::uint64_t next = pause_ms + pause_ms / 2;
    return next > kLongestPauseMs ? kLongestPauseMs : next;
  }

 private:
  std::uint64_t since_ns_;
  std::uint64_t bound_ns_;
  std::uint64_t pause_ms_ = kFirstPauseMs;
};

/// The segment that stands under the path now, read-only. Nothing while it is being replaced:
/// `last` says how it looks. Throws Failure for what time does not change.
std::optional<ProcessTable> try_open_for_reading(const GlobalOptions& options, Errc& last);

/// Calls `change` with a writable view. A word that was written into a segment while the broker was
/// replacing it may be lost, so it is called again with the next segment then: it has to allow
/// that. Those who wait in line and fit now are told. Returns the view that has the word. Throws
/// Failure, also what `change` throws. Blocks for
/// at most two seconds, for the next segment.
SegmentView change_segment(const GlobalOptions& options,
                           const std::function<void(const SegmentView&)>& change);

/// The same for who had a segment that is being replaced: there may be none just now, which is
/// waited for, too.
SegmentView change_next_segment(const GlobalOptions& options,
                                const std::function<void(const SegmentView&)>& change);

/// Tells `events` of what an operator did here: to a type, or kNoEventType for the whole node.
void note_operator(const SegmentView& view, EventKind kind, std::uint32_t type,
                   std::uint64_t amount = 0);

/// Has the broker replaced the segment of this view? To be asked after a write that was seq_cst.
bool is_replaced(const SegmentView& view) noexcept;

}  // namespace slotd::ctl
