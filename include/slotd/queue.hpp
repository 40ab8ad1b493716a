// The order of those who wait, and who of them may go now. Pure functions over values: no atomics,
// no clock, no I/O. Wakers, newcomers and the waiters themselves ask the same function, each with
// what it sees.
//
// Order: priority, which grows by one every overtake window that was waited, then ticket. In this
// order each waiter goes that fits beside what is held and beside those before it. A waiter that
// does not fit is passed over by smaller ones, until it has waited for an overtake window: from
// then on what the first of those lacks is kept for it, as long as it has shown lately that it
// runs, and never for one that only an idle node can hold. A waiter that was told and did not come
// in its turn has no place until it runs again.
//
// Bounds (docs/waiting.md): a waiter that is first and fits is told at once; one that does not fit
// gets in no later than overtake window + recheck + the longest remaining hold of the slots whose
// room it needs.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "slotd/admission.hpp"
#include "slotd/layout.hpp"

namespace slotd::inline v0_1 {

/// What a set of slot words takes, by type: enough to make a Usage for any type's rules.
struct Totals {
  std::uint32_t slots = 0;
  std::uint64_t charged_micro = 0;
  std::uint64_t memory_bytes = 0;
  TypeCounts by_type{};

  constexpr void add(std::uint32_t type, std::uint64_t micro, std::uint64_t bytes) noexcept {
    ++slots;
    charged_micro = add_saturating(charged_micro, micro);
    memory_bytes = add_saturating(memory_bytes, bytes);
    ++by_type[type & (kMaxTypes - 1U)];
  }
  constexpr void add(const Request& request) noexcept {
    add(request.type, std::uint64_t{request.cost_milli} * 1000U, request.memory_bytes);
  }
};

namespace detail {

/// `is_sure`: the claim is within what its type is sure of, which is not for others to take.
constexpr void add_totals(const Rules& rules, const Totals& totals, bool is_sure,
                          Usage& usage) noexcept {
  usage.slots += totals.slots;
  usage.memory_pending_bytes = add_saturating(usage.memory_pending_bytes, totals.memory_bytes);
  if (!is_sure) usage.charged_micro = add_saturating(usage.charged_micro, totals.charged_micro);
  for (std::uint32_t type = 0; type < kMaxTypes; ++type) {
    const std::uint32_t count = totals.by_type[type];
    if (count == 0) continue;
    usage.in_family += ((rules.family_mask >> type) & 1U) * count;
    for (std::uint32_t i = 0; !is_sure && i < rules.group_count; ++i)
      usage.by_group[i] += std::uint64_t{rules.groups[i].weight_of(type)} * count;
  }
}

}  // namespace detail

/// Of a claim beside what is held, and beside what is kept for a waiter that comes before it. That
/// counts towards no minimum, and takes nothing from a claim within its own.
constexpr Usage usage_of(const Rules& rules, const Request& request, const Totals& held,
                         const Totals& kept = {}) noexcept {
  const bool is_sure =
      rules.is_sure(request.cost_milli, held.by_type[request.type & (kMaxTypes - 1U)]);
  Usage usage;
  detail::add_totals(rules, held, false, usage);
  detail::add_totals(rules, kept, is_sure, usage);
  keep_minimums(rules, held.by_type, is_sure, usage);
  return usage;
}

inline constexpr std::uint32_t kMaxPriority = 255;

/// One who waits.
struct QueuedClaim {
  Request request;
  std::uint32_t priority = 0;
  std::uint64_t ticket = 0;
  std::uint64_t waited_ms = 0;
  bool has_missed = false;    ///< it was told, its turn is over, and it has not run since
  bool is_confirmed = false;  ///< it has looked for itself within the last recheck
  std::uint32_t entry = 0;    ///< whose; not looked at here, as the next
  std::uint64_t holder = 0;   ///< the word of the entry's holder
};

struct QueueRules {
  std::uint64_t overtake_window_ms = 1000;
  std::uint32_t slots = kMaxSlots;  ///< of the table
};

constexpr std::uint64_t effective_priority(const QueuedClaim& claim,
                                           const QueueRules& rules) noexcept {
  const std::uint64_t window = rules.overtake_window_ms == 0 ? 1 : rules.overtake_window_ms;
  return claim.priority + claim.waited_ms / window;
}

/// Does `a` come before `b`?
constexpr bool comes_before(const QueuedClaim& a, const QueuedClaim& b,
                            const QueueRules& rules) noexcept {
  const std::uint64_t first = effective_priority(a, rules);
  const std::uint64_t second = effective_priority(b, rules);
  return first != second ? first > second : a.ticket < b.ticket;
}

enum class QueuePlace : std::uint8_t {
  kGoes,        ///< fits now, beside those before it
  kKept,        ///< does not fit; what it lacks is kept for it
  kPassedOver,  ///< does not fit, or has missed its turn: others may go before it
};

/// Keeps for a claim that was refused for `reason` what it lacks, and nothing else: while it waits
/// for its type's limit, the cores that it would take are others' to use.
constexpr void keep_room(const Request& request, Reason reason, Totals& kept) noexcept {
  switch (reason) {
    case Reason::kTypeLimit:
    case Reason::kGroupLimit:
      ++kept.by_type[request.type & (kMaxTypes - 1U)];
      break;
    case Reason::kMemory:
      kept.memory_bytes = add_saturating(kept.memory_bytes, request.memory_bytes);
      break;
    case Reason::kCpu:
      kept.charged_micro =
          add_saturating(kept.charged_micro, std::uint64_t{request.cost_milli} * 1000U);
      break;
    default:
      ++kept.slots;  // a free slot
      break;
  }
}

/// Walks the queue in its order and calls place(claim, QueuePlace) for each. `queue` is sorted by
/// comes_before(). `rules_of(type)` gives the rules for claims of a type. `held` is what is held
/// now; afterwards it has those that go on top.
template <typename Queue, typename RulesOf, typename Place>
constexpr void walk_queue(const Queue& queue, const QueueRules& queue_rules, RulesOf rules_of,
                          Totals& held, Place place) noexcept {
  bool is_kept_for_one = false;
  Totals kept;  // for that one
  for (const QueuedClaim& claim : queue) {
    const Rules& rules = rules_of(claim.request.type);
    if (claim.has_missed) {
      place(claim, QueuePlace::kPassedOver);
      continue;
    }
    const Verdict verdict =
        decide(rules, claim.request, usage_of(rules, claim.request, held, kept));
    if (held.slots + kept.slots < queue_rules.slots && verdict) {
      held.add(claim.request);
      place(claim, QueuePlace::kGoes);
      continue;
    }
    const bool fits_a_busy_node =
        std::uint64_t{claim.request.cost_milli} * 1000U <= rules.budget_micro;
    const bool is_due = claim.waited_ms >= queue_rules.overtake_window_ms;
    const bool may_ever = rules.known && !rules.draining && check_too_large(rules, claim.request);
    if (!is_kept_for_one && is_due && claim.is_confirmed && fits_a_busy_node && may_ever) {
      is_kept_for_one = true;
      keep_room(claim.request, verdict.reason, kept);
      place(claim, QueuePlace::kKept);
    } else {
      place(claim, QueuePlace::kPassedOver);
    }
  }
}

}  // namespace slotd::inline v0_1
