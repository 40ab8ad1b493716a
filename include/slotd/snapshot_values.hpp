// What a snapshot of a segment holds, as plain values: snapshot.hpp reads them, tools show them.
// Names and keys in them are untrusted bytes.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "slotd/admission.hpp"
#include "slotd/layout.hpp"
#include "slotd/slot_table.hpp"
#include "slotd/slot_word.hpp"

namespace slotd::inline v0_1 {

/// Which figure a slot is charged.
enum class ChargeOrigin : std::uint8_t { kReserved, kMeasured, kReported };

/// How the life of an owner is known.
enum class Liveness : std::uint8_t {
  kPresence,  ///< its kernel-held presence word
  kPid,       ///< by pid alone: bound by others, never attached
  kDead,      ///< proven dead; its slots are free for the taking
};

struct ProcessSnapshot {
  std::uint32_t index = 0;
  int pid = 0;  ///< in its own PID namespace
  std::uint32_t pid_ns_inode = 0;
  std::uint64_t uid = 0;
  std::string name;  ///< untrusted bytes
  Liveness liveness = Liveness::kPid;
  bool watched = false;                         ///< the broker holds a pidfd
  std::uint32_t slots = 0;                      ///< held ones
  std::optional<std::uint64_t> measured_micro;  ///< its whole tree; nothing before a sample
  std::optional<std::uint64_t> memory_bytes;    ///< likewise
  UsageOrigin origin = UsageOrigin::kNone;
  double attached_age_s = 0;
};

struct SlotSnapshot {
  std::uint32_t slot = 0;
  SlotWord word;
  std::string token;
  std::string type;
  std::string key;  ///< untrusted bytes; empty: none
  int owner_pid = 0;
  std::string owner_name;  ///< untrusted bytes
  bool owner_dead = false;
  std::uint64_t charge_micro = 0;
  ChargeOrigin charge_origin = ChargeOrigin::kReserved;
  std::optional<std::uint64_t> measured_micro;  ///< its share of the owner's use at the last sample
  std::optional<std::uint64_t> measured_memory_bytes;  ///< likewise
  UsageOrigin origin = UsageOrigin::kNone;             ///< of both
  Report reported;                                     ///< by the job itself, as far as it counts
  Notice notice = Notice::kCalm;
  std::uint64_t memory_bytes = 0;          ///< reserved cost
  std::uint64_t memory_pending_bytes = 0;  ///< held for it beside what is used
  double age_s = 0;                        ///< since the claim
  double active_s = -1;                    ///< since its job was activated; below 0: it was not
};

struct TypeSnapshot {
  std::uint32_t index = 0;
  std::string name;
  std::string counts_as;  ///< base type whose limit it shares; empty for none
  bool retired = false;
  bool draining = false;
  std::uint32_t configured_limit = kNoLimit;
  std::uint32_t limit = kNoLimit;  ///< effective
  bool overridden = false;
  std::uint32_t in_use = 0;  ///< against the limit: of the whole family, pending included
  std::uint32_t pending = 0;
  std::uint32_t waiting = 0;
  std::uint32_t cost_milli = 0;
  std::uint32_t minimum = 0;  ///< below so many it is sure of CPU and of its groups
  std::uint64_t memory_bytes = 0;
  Verdict verdict;  ///< what a claim with default costs would be told
};

struct GroupSnapshot {
  std::uint32_t index = 0;
  std::string name;
  std::uint32_t limit = kNoLimit;
  std::uint64_t in_use = 0;          ///< by slots and from outside
  std::uint64_t external = 0;        ///< the part from outside
  bool external_unreadable = false;  ///< then the outside part counts as the whole limit
};

struct WaiterSnapshot {
  std::uint32_t entry = 0;
  std::string type;
  int pid = 0;
  std::string name;  ///< untrusted bytes
  std::uint32_t priority = 0;
  std::uint64_t ticket = 0;
  std::uint32_t cost_milli = 0;
  std::uint64_t memory_bytes = 0;
  double waited_s = 0;
  bool is_told = false;     ///< its turn is running
  bool has_missed = false;  ///< it was told and did not come
};

enum class BrokerState : std::uint8_t { kReady, kDraining, kDown };

constexpr const char* broker_state_name(BrokerState state) noexcept {
  switch (state) {
    case BrokerState::kReady:
      return "ready";
    case BrokerState::kDraining:
      return "draining";
    case BrokerState::kDown:
      break;
  }
  return "down";
}

struct BrokerSnapshot {
  BrokerState state = BrokerState::kDown;
  int pid = 0;                   ///< 0 while it is down
  std::string version;           ///< of the one that runs or ran last
  double sample_age_s = -1;      ///< below 0: never sampled
  bool is_sample_stale = false;  ///< older than three intervals: figures are not what is used now
};

/// A histogram that was read: each count is its own bucket's alone.
struct HistogramValues {
  std::array<std::uint64_t, kBuckets> counts{};
  std::uint64_t sum_us = 0;

  std::uint64_t count() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t bucket : counts) sum += bucket;
    return sum;
  }
};

inline HistogramValues read_histogram(const Histogram& histogram) noexcept {
  HistogramValues values;
  for (std::size_t i = 0; i < kBuckets; ++i) values.counts[i] = histogram.counts[i].get();
  values.sum_us = histogram.sum_us.get();
  return values;
}

struct TypeTotals {
  std::uint64_t claims = 0;
  std::uint64_t releases = 0;
  std::uint64_t reaped = 0;
  std::uint64_t forced = 0;
  std::array<std::uint64_t, kReasons> refusals{};
  HistogramValues hold;
  HistogramValues wait;
};

struct NodeTotals {
  std::array<TypeTotals, kMaxTypes + 1> types{};  ///< the last: refusals of what is no type
  std::uint64_t reaped = 0;                       ///< of all types
  std::uint64_t stale = 0;
  HistogramValues reap;
};

struct CounterTotals {
  std::uint64_t claims = 0;
  std::uint64_t releases = 0;
  std::uint64_t reaped = 0;
  std::uint64_t stale = 0;
  std::array<std::uint64_t, kReasons> refusals{};

  std::uint64_t refused() const noexcept {
    std::uint64_t sum = 0;
    for (const std::uint64_t count : refusals) sum += count;
    return sum;
  }
};

struct Snapshot {
  bool stable = true;
  BrokerSnapshot broker;
  Capacities capacities;
  std::uint64_t segment_id = 0;
  std::uint64_t capacity_micro = 0;
  std::uint64_t budget_micro = 0;
  std::uint64_t charged_micro = 0;
  std::uint64_t measured_micro = kNotMeasured;
  std::uint64_t host_busy_micro = kNotMeasured;
  std::uint64_t psi_cpu_ppb = kNotMeasured;
  std::uint64_t memory_max_bytes = 0;
  std::uint64_t memory_headroom_bytes = 0;
  std::uint64_t memory_used_bytes = 0;
  std::uint64_t memory_pending_bytes = 0;
  std::vector<TypeSnapshot> types;
  std::vector<GroupSnapshot> groups;
  std::vector<SlotSnapshot> slots;         ///< held ones, by index
  std::vector<ProcessSnapshot> processes;  ///< entries in use, by index
  std::vector<WaiterSnapshot> waiters;     ///< in their order
  CounterTotals counters;

  std::int64_t available_micro() const noexcept {
    return difference_micro(budget_micro, charged_micro);
  }
};

}  // namespace slotd::inline v0_1
