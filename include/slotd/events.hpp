// Events: what was claimed, refused, handed over, freed and changed, by whom and when. Whoever does
// it notes it in a ring of its own process entry, so that a claim shares no line with others;
// reapings, operators and the broker use the node's ring. Readers merge the rings by time.
//
// A ring keeps the last events and overwrites the oldest. Each of an event's four words carries the
// lap, so a reader tells a whole event from one that is being overwritten, or was left half written
// by a process that was killed; those are lost, and a reader is told how many.
//
// Thread-safe; never blocks; writing allocates nothing and makes no system call. Nothing is decided
// by events, and what is read is untrusted: any value may come out of a scribbled ring.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <utility>
#include <vector>

#include "slotd/clock.hpp"
#include "slotd/histogram.hpp"
#include "slotd/layout.hpp"
#include "slotd/process_entry.hpp"
#include "slotd/segment_view.hpp"

namespace slotd::inline v0_1 {

inline constexpr std::uint32_t kNoEventSlot = 0x1fff;
inline constexpr std::uint32_t kNoEventType = 0x3f;

///   word 0   time, ms 40 | kind 6 | reason 4 | unused 6 | lap 8
///   word 1   pid 22 | slot 13 | type 6 | unused 15 | lap 8
///   word 2   amount 36 | cost 20 | lap 8
///   word 3   nonce 26 | other pid 22 | unused 8 | lap 8
struct Event {
  std::uint64_t time_ms = 0;  ///< host CLOCK_MONOTONIC_COARSE
  EventKind kind = EventKind::kNone;
  Reason reason = Reason::kNone;      ///< of a refusal
  std::uint32_t pid = 0;              ///< who did it, in its own PID namespace; 0: unknown
  std::uint32_t other_pid = 0;        ///< see EventKind; 0: none
  std::uint32_t slot = kNoEventSlot;  ///< kNoEventSlot: of none
  std::uint32_t type = kNoEventType;  ///< kNoEventType: of none, or of no type
  std::uint32_t cost_milli = 0;       ///< of a claim
  std::uint64_t amount = 0;           ///< see EventKind; saturates at kMostAmount
  std::uint32_t nonce = 0;            ///< of the claim, its low 26 bits: the same in all its events

  static constexpr std::uint64_t kMostAmount = (std::uint64_t{1} << 36) - 1U;

  friend constexpr bool operator==(const Event&, const Event&) noexcept = default;
};

namespace detail {

inline constexpr int kLapShift = 56;

constexpr std::uint64_t low_bits(std::uint64_t value, int bits) noexcept {
  return value & ((std::uint64_t{1} << bits) - 1U);
}
constexpr std::uint64_t lap_bits(std::uint64_t number, std::size_t cells) noexcept {
  return (number / cells + 1U) << kLapShift;
}

}  // namespace detail

using EventWords = std::array<std::uint64_t, 4>;

/// Without the lap.
constexpr EventWords pack_event(const Event& event) noexcept {
  using detail::low_bits;
  const std::uint64_t amount =
      event.amount > Event::kMostAmount ? Event::kMostAmount : event.amount;
  return {
      low_bits(event.time_ms, 40) | (low_bits(static_cast<std::uint64_t>(event.kind), 6) << 40) |
          (low_bits(static_cast<std::uint64_t>(event.reason), 4) << 46),
      low_bits(event.pid, 22) | (low_bits(event.slot, 13) << 22) | (low_bits(event.type, 6) << 35),
      amount | (low_bits(event.cost_milli, 20) << 36),
      low_bits(event.nonce, 26) | (low_bits(event.other_pid, 22) << 26)};
}

constexpr Event unpack_event(const EventWords& words) noexcept {
  using detail::low_bits;
  Event event;
  event.time_ms = low_bits(words[0], 40);
  const std::uint64_t kind = low_bits(words[0] >> 40, 6);
  event.kind = kind < static_cast<std::uint64_t>(EventKind::kCount) ? static_cast<EventKind>(kind)
                                                                    : EventKind::kNone;
  const std::uint64_t reason = low_bits(words[0] >> 46, 4);
  event.reason = reason < kReasons ? static_cast<Reason>(reason) : Reason::kNone;
  event.pid = static_cast<std::uint32_t>(low_bits(words[1], 22));
  event.slot = static_cast<std::uint32_t>(low_bits(words[1] >> 22, 13));
  event.type = static_cast<std::uint32_t>(low_bits(words[1] >> 35, 6));
  event.amount = low_bits(words[2], 36);
  event.cost_milli = static_cast<std::uint32_t>(low_bits(words[2] >> 36, 20));
  event.nonce = static_cast<std::uint32_t>(low_bits(words[3], 26));
  event.other_pid = static_cast<std::uint32_t>(low_bits(words[3] >> 26, 22));
  return event;
}

namespace detail {

template <std::size_t N>
inline void store_event(EventLane<N>& lane, std::uint64_t number, const Event& event) noexcept {
  const EventWords words = pack_event(event);
  const std::uint64_t lap = lap_bits(number, N);
  EventCell& cell = lane.cells[number % N];
  for (std::size_t i = 0; i < words.size(); ++i) cell.words[i].set(words[i] | lap);
}

}  // namespace detail

/// Notes an event in a lane that only the caller's thread writes.
template <std::size_t N>
inline void note_alone(EventLane<N>& lane, const Event& event) noexcept {
  const std::uint64_t number = lane.next.load(std::memory_order_relaxed);
  detail::store_event(lane, number, event);
  // Release only for the reader's sake: the laps say what is whole.
  lane.next.store(number + 1U, std::memory_order_release);
}

/// Notes an event in a lane that others write too. Who is overtaken by a whole lap in between
/// spoils one event, which the laps show.
template <std::size_t N>
inline void note_shared(EventLane<N>& lane, const Event& event) noexcept {
  detail::store_event(lane, lane.next.fetch_add(1, std::memory_order_relaxed), event);
}

/// Notes an event of the node; nothing in a read-only mapping.
inline void note_node_event(const SegmentView& view, const Event& event) noexcept {
  if (view.writable()) note_shared(view.node().events, event);
}

/// Notes what an operator or the broker did: to a type, or kNoEventType for the whole node.
inline void note_change(const SegmentView& view, const HostClock& clock, std::uint32_t pid,
                        EventKind kind, std::uint32_t type, std::uint64_t amount = 0) noexcept {
  Event event;
  event.time_ms = clock.coarse_ns() / kNsPerMs;
  event.kind = kind;
  event.pid = pid;
  event.type = type;
  event.amount = amount;
  note_node_event(view, event);
}

/// Counts a hold that has ended; see NodeRecord::hold for the first bucket.
inline void count_hold(const SegmentView& view, std::uint32_t type,
                       std::uint64_t held_ns) noexcept {
  const std::uint64_t held_us = held_ns / kNsPerUs;
  if (held_us <= kHoldBoundsUs[0]) return;
  add_duration(view.node().hold[type & (kMaxTypes - 1U)], kHoldBoundsUs, held_us);
}

/// Time from `since_ns` to `now_ns`; 0 where that is no time.
constexpr std::uint64_t elapsed_ns(std::uint64_t since_ns, std::uint64_t now_ns) noexcept {
  return since_ns == 0 || since_ns > now_ns ? 0 : now_ns - since_ns;
}

/// A held slot that was taken from its owner. What stood in the record was read before the word was
/// freed.
struct TakenSlot {
  EventKind kind = EventKind::kReap;  ///< or kForcedFree
  std::uint32_t slot = 0;
  SlotWord word;
  std::uint64_t since_ns = 0;
  std::uint64_t nonce = 0;
};

/// Counts it and tells of it. `pid` has taken it, `owner_pid` had it.
inline void count_taken(const SegmentView& view, const TakenSlot& taken, std::uint64_t now_ns,
                        std::uint32_t pid, std::uint32_t owner_pid) noexcept {
  const std::uint64_t held_ns = elapsed_ns(taken.since_ns, now_ns);
  const std::uint32_t type = taken.word.type();
  NodeRecord& node = view.node();
  Cell<std::uint64_t>* const counts = taken.kind == EventKind::kReap ? node.reaped : node.forced;
  counts[type].value.fetch_add(1, std::memory_order_relaxed);
  count_hold(view, type, held_ns);
  Event event;
  event.time_ms = now_ns / kNsPerMs;
  event.kind = taken.kind;
  event.pid = pid;
  event.other_pid = owner_pid;
  event.slot = taken.slot;
  event.type = type;
  event.amount = held_ns / kNsPerMs;
  event.cost_milli = taken.word.cost_milli();
  event.nonce = static_cast<std::uint32_t>(taken.nonce) & kGenerationMask;
  note_node_event(view, event);
}

// ---- Reading ------------------------------------------------------------------------------------

/// Reads all rings, each from where it was left, and the slots: a claim that did not wait is noted
/// by its slot alone, and its event is made here. One reader's; not thread-safe. Allocates.
class EventReader {
 public:
  /// Starts with the oldest events that there are.
  explicit EventReader(const SegmentView& view)
      : view_(view), places_(2 * (std::size_t{view.process_count()} + 1U) + 1U) {}

  /// Goes past everything that there is now.
  void skip() {
    read();
    lost_ = 0;
  }

  /// What is new since the last call, in order of time; events of one ring stay in their order.
  /// An event that is being written just now is read by the next call.
  std::vector<Event> read() {
    // The slots first: a claim that ends while the rings are read is told of by one or the other.
    const std::vector<Event> held = read_held();
    std::vector<Event> noted;
    std::size_t place = 0;
    read_lane(view_.node().events, places_[place++], noted);
    for (std::uint32_t index = 0; index <= view_.process_count(); ++index) {
      read_lane(view_.events(index).primary, places_[place++], noted);
      read_lane(view_.events(index).shared, places_[place++], noted);
    }
    is_first_ = false;
    ++reads_;
    std::vector<Event> events = tell(held, noted);
    forget();
    std::stable_sort(events.begin(), events.end(),
                     [](const Event& a, const Event& b) { return a.time_ms < b.time_ms; });
    return events;
  }

  /// Events that were overwritten before they were read, or never whole, since the first read().
  std::uint64_t lost() const noexcept { return lost_; }

 private:
  /// How far one lane has been read.
  struct Place {
    std::uint64_t next = 0;
    std::uint64_t awaited = 0;  ///< those before this one were waited for already
  };
  static constexpr std::uint64_t kAwaited = 8;  ///< events that may be written at the same time
  /// For so many calls a claim is remembered that has ended, or is not seen to be held. Its own
  /// event may come later than its end, and its end later than its slot is free: the lanes are read
  /// one after the other, and one waits a call for an event in the making.
  static constexpr std::uint64_t kRemembered = 3;
  /// What is known of a claim that was told of.
  struct Told {
    std::uint64_t read = 0;  ///< the call that saw it last
    bool has_ended = false;
  };
  using ClaimName = std::pair<std::uint32_t, std::uint32_t>;  ///< slot and nonce

  static bool is_end(const Event& event) noexcept {
    return event.kind == EventKind::kRelease || event.kind == EventKind::kReap ||
           event.kind == EventKind::kForcedFree;
  }
  static ClaimName name_of(const Event& event) noexcept { return {event.slot, event.nonce}; }

  /// The claims of the slots that are held now.
  std::vector<Event> read_held() const {
    std::vector<Event> claims;
    const std::uint32_t mark = view_.mark();
    for (std::uint32_t slot = 0; slot < mark; ++slot) {
      const SlotWord word{view_.word(slot).load(std::memory_order_acquire)};
      if (!word.is_held()) continue;
      const SlotRecord& record = view_.record(slot);
      Event event;
      event.kind = EventKind::kClaim;
      event.slot = slot;
      event.type = word.type();
      event.cost_milli = word.cost_milli();
      event.nonce = static_cast<std::uint32_t>(record.nonce.get()) & kGenerationMask;
      event.time_ms = record.claimed_at_ns.get() / kNsPerMs;
      event.pid = pid_of(word.owner());
      std::atomic_thread_fence(std::memory_order_acquire);  // the fields were read before this load
      const SlotWord after{view_.word(slot).load(std::memory_order_relaxed)};
      if (after.is_held() && after.generation() == word.generation()) claims.push_back(event);
    }
    return claims;
  }
  std::uint32_t pid_of(std::uint32_t owner) const noexcept {
    if (owner == kNobody || owner > view_.process_count()) return 0;
    return Reservation{view_.process(owner).reservation.load(std::memory_order_acquire)}.pid();
  }

  /// Each claim once: as it was noted, else by its slot, else by its end.
  std::vector<Event> tell(const std::vector<Event>& held, const std::vector<Event>& noted) {
    std::vector<Event> events;
    const auto tell_once = [&](const Event& claim) {
      const auto [told, is_new] = told_.try_emplace(name_of(claim));
      told->second.read = reads_;
      if (is_new) events.push_back(claim);
    };
    for (const Event& event : noted) {
      if (event.kind == EventKind::kClaim) tell_once(event);
    }
    for (const Event& event : held) tell_once(event);
    for (const Event& event : noted) {
      if (!is_end(event)) continue;
      const auto [told, is_new] = told_.try_emplace(name_of(event));
      if (is_new || told->second.has_ended) events.push_back(claim_of(event));
      told->second = {reads_, true};
    }
    // Claims first: what else happened within the same tick comes after them.
    for (const Event& event : noted) {
      if (event.kind != EventKind::kClaim) events.push_back(event);
    }
    return events;
  }
  static Event claim_of(const Event& end) noexcept {
    Event claim = end;
    claim.kind = EventKind::kClaim;
    claim.time_ms = end.time_ms > end.amount ? end.time_ms - end.amount : 0;
    // The holder: a release names it where it is not who released.
    const bool is_own = end.kind == EventKind::kRelease && end.other_pid == 0;
    claim.pid = is_own ? end.pid : end.other_pid;
    claim.other_pid = 0;
    claim.amount = 0;
    return claim;
  }
  /// Ends that were lost would leave their claims behind.
  void forget() {
    const bool is_full = told_.size() > 2 * std::size_t{view_.slot_count()};
    std::erase_if(told_, [&](const auto& told) {
      return (told.second.has_ended || is_full) && told.second.read + kRemembered < reads_;
    });
  }

  template <std::size_t N>
  void read_lane(const EventLane<N>& lane, Place& place, std::vector<Event>& events) {
    std::uint64_t& from = place.next;
    const std::uint64_t next = lane.next.load(std::memory_order_acquire);
    // Another history than the one that was read: a scribble.
    if (next < from) from = next;
    std::uint64_t number = from;
    if (next - number > N) {
      // What was overwritten before the first look is history, not a gap.
      if (!is_first_) lost_ += next - number - N;
      number = next - N;
    }
    for (; number < next; ++number) {
      EventWords words;
      bool is_whole = true;
      for (std::size_t i = 0; i < words.size(); ++i) {
        words[i] = lane.cells[number % N].words[i].get();
        is_whole = is_whole && (words[i] >> detail::kLapShift) ==
                                   (detail::lap_bits(number, N) >> detail::kLapShift);
      }
      if (!is_whole) {
        // It may be in the making, with others that are ready by now behind it: once more, the next
        // time.
        if (next - number <= kAwaited && number >= place.awaited) {
          place.awaited = next;
          break;
        }
        lost_ += is_first_ ? 0 : 1;
        continue;
      }
      const Event event = unpack_event(words);
      if (event.kind != EventKind::kNone) events.push_back(event);
    }
    from = number;
  }

  SegmentView view_;
  std::vector<Place> places_;
  std::map<ClaimName, Told> told_;
  std::uint64_t reads_ = 0;
  std::uint64_t lost_ = 0;
  bool is_first_ = true;
};

}  // namespace slotd::inline v0_1
