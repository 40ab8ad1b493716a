// The part of the segment's layout that no claim reads: what has happened. Counters, histograms and
// event rings, for slotctl, the metrics and whoever asks later. Part of layout.hpp, which is the
// specification.
//
//   CounterBlock   one a process: its counts by type. They outlive its tenants, so sums over
//                  entries only grow.
//   EventRing      one a process: its last events.
//   NodeRecord     one: what is counted rarely or by anybody, and events of no process entry.
//
// Each thing that happens is written once, by whoever did it, after the CAS that did it: a process
// killed in between has done it and nobody is told. So these are records, not truths; nothing is
// decided by them. `primary` parts are written by one thread of a process without an RMW, `shared`
// ones by all others, and the node's by anybody, with one. All relaxed.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "slotd/layout.hpp"

namespace slotd::inline v0_1 {

struct alignas(kLine) CounterSet {
  Cell<std::uint64_t> reaped;  ///< held slots of dead owners that this process freed
  Cell<std::uint64_t>
      stale;  ///< releases and other steps refused because the token was stale or foreign
  Cell<std::uint64_t> reserved[6];
  Cell<std::uint64_t> claims[kMaxTypes];  ///< admitted
  Cell<std::uint64_t> releases[kMaxTypes];
};
struct CounterBlock {
  CounterSet primary;
  CounterSet shared;
};

/// What an event tells of. Values are part of the layout.
enum class EventKind : std::uint8_t {
  kNone = 0,
  kClaim,         ///< admitted after it waited; amount: milliseconds. Others: see events.hpp
  kRefusal,       ///< reason
  kHandOver,      ///< bound or adopted; other pid: the new owner
  kActivate,      ///< the job runs
  kEnd,           ///< the job has ended, its slot is still charged
  kRelease,       ///< amount: milliseconds held; other pid: the owner, where another released it
  kReap,          ///< a dead owner's slot was freed; other pid: the owner; amount: as above
  kForcedFree,    ///< an operator freed a slot; likewise
  kLimitSet,      ///< amount: the limit, kNoLimit for none
  kLimitReset,    ///< an override was taken back
  kDrain,         ///< of a type, or of the node
  kUndrain,       ///< likewise
  kReload,        ///< the broker took a configuration
  kReloadFailed,  ///< it refused one
  kBrokerStart,   ///< amount: slots that it found held
  kBrokerStop,    ///< likewise
  kNotice,        ///< the pressure policy: amount is the Notice
  kCount
};

/// One event: four words, each with the lap of the ring in its upper byte, so that words of
/// different laps are not taken for one event. See events.hpp for the rest.
struct EventCell {
  Cell<std::uint64_t> words[4];
};

template <std::size_t N>
struct alignas(kLine) EventLane {
  std::atomic<std::uint64_t> next;  ///< events begun so far; event n lies at n % N
  Cell<std::uint64_t> reserved[7];
  EventCell cells[N];
};
inline constexpr std::size_t kLaneEvents = 64;
inline constexpr std::size_t kNodeEvents = 1024;

struct EventRing {
  EventLane<kLaneEvents> primary;
  EventLane<kLaneEvents> shared;
};

/// Counts by duration. What the bounds are is for whoever counts: see histogram.hpp.
inline constexpr std::size_t kBuckets = 12;
struct alignas(kLine) Histogram {
  Cell<std::uint64_t> counts[kBuckets];  ///< each its own bucket alone
  Cell<std::uint64_t> sum_us;
  Cell<std::uint64_t> reserved[3];
};

/// Refusals by type and reason. Sixteen of them, used by process entries in turn, so that pollers
/// seldom write to the same lines.
struct alignas(kLine) RefusalCounts {
  Cell<std::uint64_t> by_type[kMaxTypes + 1][kReasons];  ///< the last: of what is no type
};
inline constexpr std::size_t kRefusalShards = 16;

/// What the broker tells of itself; it alone writes it.
struct alignas(kLine) BrokerRecord {
  Cell<std::uint64_t> starts;
  Cell<std::uint64_t> rebuilds;
  Cell<std::uint64_t> reloads;
  Cell<std::uint64_t> reload_failures;
  Cell<std::uint64_t> is_last_reload_ok;  ///< 1: yes, or there was none
  Cell<std::uint64_t> reloaded_at_s;      ///< of the last good one; CLOCK_REALTIME
  Cell<std::uint64_t> notices;            ///< of the pressure policy
  Cell<std::uint64_t> signals;            ///< sent by it
  Cell<std::uint64_t> reserved[8];
};

struct NodeRecord {
  BrokerRecord broker;
  RefusalCounts refusals[kRefusalShards];
  Histogram hold[kMaxTypes];  ///< the first bucket is left empty: whoever holds that briefly has no
                              ///< time to count it; it is what has ended and is in no other
  Histogram wait[kMaxTypes];  ///< of admitted claims that had to wait
  Histogram reap;             ///< from the news of a death to the freed slot; the broker
  alignas(kLine) Cell<std::uint64_t> reaped[kMaxTypes];
  Cell<std::uint64_t> forced[kMaxTypes];  ///< freed by operators
  EventLane<kNodeEvents> events;
};

static_assert(sizeof(CounterSet) == 64 + 16 * kMaxTypes && sizeof(CounterBlock) == 1152);
static_assert(sizeof(EventCell) == 32 && sizeof(EventRing) == 2 * (64 + 32 * kLaneEvents));
static_assert(sizeof(Histogram) == 128 && sizeof(BrokerRecord) == 128);
static_assert(sizeof(NodeRecord) % kLine == 0 && offsetof(NodeRecord, refusals) == 128);
static_assert(std::is_standard_layout_v<NodeRecord> && std::is_trivially_copyable_v<NodeRecord>);

}  // namespace slotd::inline v0_1

#include "slotd/geometry.hpp"  // IWYU pragma: export
