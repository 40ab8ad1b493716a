// Admission: may one more job of this type start, given plain facts? Pure functions over values: no
// atomics, no I/O, no clock. Callers gather Rules from a config block and Usage from a scan; the
// same function decides admission (usage of held and tentative words), refusal (usage of words
// proven held at once), dry runs and what slotctl prints.
//
// CPU is integer microcores, memory bytes, counts are exact. The order of the checks is the order
// of `Reason`.
#pragma once

#include <array>
#include <cstdint>

#include "slotd/layout.hpp"

namespace slotd::inline v0_1 {

/// What one claim asks for.
struct Request {
  std::uint32_t type = 0;        ///< index < kMaxTypes
  std::uint32_t cost_milli = 0;  ///< millicores, <= kMaxCostMilli
  std::uint64_t memory_bytes = 0;
  bool cost_is_default = false;    ///< the claim takes the figure from the rules that decide it
  bool memory_is_default = false;  ///< likewise
};

/// The rules that bear on one claim, copied from one config block. The groups are left
/// uninitialised: only the first group_count of them are meant (filling all of them would cost more
/// than the rest of a claim).
struct Rules {
  struct Group {
    std::uint32_t index;
    std::uint32_t limit;                           ///< kNoLimit for none
    std::uint32_t weight;                          ///< of the claimed type
    std::uint32_t uniform_weight;                  ///< see GroupConfig
    std::uint32_t member_mask;                     ///< types with a weight
    std::array<std::uint32_t, kMaxTypes> weights;  ///< meant only where uniform_weight is 0
    std::uint64_t external_use;                    ///< taken from outside slotd

    constexpr std::uint32_t weight_of(std::uint32_t type) const noexcept {
      if (uniform_weight != 0) return ((member_mask >> type) & 1U) * uniform_weight;
      return weights[type];
    }
  };

  /// Room that another type is sure of while it holds fewer slots than this.
  struct Minimum {
    std::uint32_t type;
    std::uint32_t count;
    std::uint32_t cost_milli;
    std::array<std::uint32_t, kMaxGroups> weights;  ///< in the order of Rules::groups
  };

  bool known = false;
  bool draining = false;
  bool idle_rule = true;
  std::uint32_t limit = kNoLimit;  ///< effective: config, or the operator's override
  std::uint32_t family_mask = 0;   ///< types that count against it
  std::uint32_t group_count = 0;
  std::uint64_t capacity_micro = 0;
  std::uint64_t budget_micro = 0;
  std::uint64_t memory_max_bytes = 0;  ///< 0 = off
  std::uint64_t memory_headroom_bytes = 0;
  std::uint64_t memory_used_bytes = 0;  ///< sampled, from the sample block
  std::array<Group, kMaxGroups> groups;
  std::uint32_t own_type = 0;           ///< the claimed one; read it through count_own()
  std::uint32_t own_minimum = 0;        ///< its own; see is_sure()
  std::uint32_t own_default_milli = 0;  ///< its default cost: no more than that is it sure of
  std::uint32_t minimum_count = 0;
  std::array<Minimum, kMaxTypes> minimums;  ///< of other types; likewise only the first are meant

  /// Is a claim of this cost within what its type is sure of, while it holds so many slots? Then it
  /// leaves nothing to other types: two that are both below their minimum would refuse each other
  /// for what neither uses.
  constexpr bool is_sure(std::uint32_t cost_milli, std::uint32_t own_held) const noexcept {
    return own_held < own_minimum && cost_milli <= own_default_milli;
  }
};

/// What a set of slot words uses, as far as one claim's rules ask.
struct Usage {
  std::uint32_t slots = 0;
  std::uint32_t in_family = 0;  ///< slots that count against the type's limit
  std::uint64_t charged_micro = 0;
  std::uint64_t memory_pending_bytes =
      0;  ///< reserved costs of slots that memory_used does not hold yet
  bool duplicate_key = false;
  std::array<std::uint64_t, kMaxGroups>
      by_group{};  ///< weight taken, in the order of Rules::groups
  // Kept for types that are below their minimum: keep_minimums().
  bool keeps_room = false;
  std::uint64_t kept_micro = 0;
  std::array<std::uint64_t, kMaxGroups> kept_by_group{};

  /// Adds one slot. type < kMaxTypes.
  constexpr void add(const Rules& rules, std::uint32_t type, std::uint64_t slot_charge_micro,
                     std::uint64_t slot_memory_pending) noexcept {
    slots += 1;
    in_family += (rules.family_mask >> type) & 1U;
    charged_micro += slot_charge_micro;
    memory_pending_bytes = memory_pending_bytes > ~std::uint64_t{0} - slot_memory_pending
                               ? ~std::uint64_t{0}
                               : memory_pending_bytes + slot_memory_pending;
    for (std::uint32_t i = 0; i < rules.group_count; ++i)
      by_group[i] += rules.groups[i].weight_of(type);
  }
};

/// The answer with the figures that explain it. Only those of the reason given are meant.
struct Verdict {
  Reason reason = Reason::kNone;
  std::uint32_t limit = kNoLimit;     ///< kTypeLimit, kGroupLimit
  std::uint64_t in_use = 0;           ///< kTypeLimit, kGroupLimit
  std::uint32_t group = 0;            ///< kGroupLimit, kTooLarge by weight: index
  std::uint32_t weight = 0;           ///< kGroupLimit
  std::uint64_t kept_weight = 0;      ///< kGroupLimit: kept for other types, beside what is in use
  std::int64_t required_micro = 0;    ///< kCpu, kTooLarge by CPU
  std::int64_t available_micro = 0;   ///< kCpu, kTooLarge by CPU
  std::uint64_t kept_micro = 0;       ///< kCpu: kept for other types, and so not available
  std::uint64_t memory_required = 0;  ///< kMemory, kTooLarge by memory
  std::uint64_t memory_used = 0;      ///< kMemory: used and pending
  std::uint64_t memory_max = 0;       ///< kMemory, kTooLarge by memory

  explicit operator bool() const noexcept { return reason == Reason::kNone; }
};

/// a + b, saturating: figures from a scribbled segment must not wrap into "fits".
constexpr std::uint64_t add_saturating(std::uint64_t a, std::uint64_t b) noexcept {
  return a > ~std::uint64_t{0} - b ? ~std::uint64_t{0} : a + b;
}

/// Slots of each type.
using TypeCounts = std::array<std::uint32_t, kMaxTypes>;

/// Slots of the claimed type. A claim of what is no type comes here too, before it is refused.
constexpr std::uint32_t count_own(const Rules& rules, const TypeCounts& counts) noexcept {
  return counts[rules.own_type & (kMaxTypes - 1U)];
}

/// Sets what is kept of CPU and groups for types of which fewer slots are held than their minimum:
/// the default cost and weight of each slot that is lacking. `held` are counts of held slots alone:
/// a tentative one may come to nothing, and its type is still sure of the room. Nothing is kept
/// from a claim that is_sure() itself.
constexpr void keep_minimums(const Rules& rules, const TypeCounts& held, bool is_sure,
                             Usage& usage) noexcept {
  if (rules.minimum_count == 0) return;
  usage.keeps_room = false;
  usage.kept_micro = 0;
  usage.kept_by_group = {};
  if (is_sure) return;
  for (std::uint32_t i = 0; i < rules.minimum_count; ++i) {
    const Rules::Minimum& minimum = rules.minimums[i];
    const std::uint32_t count = held[minimum.type & (kMaxTypes - 1U)];
    if (count >= minimum.count) continue;
    const std::uint64_t lacking = minimum.count - count;
    usage.keeps_room = true;
    usage.kept_micro =
        add_saturating(usage.kept_micro, lacking * std::uint64_t{minimum.cost_milli} * 1000U);
    for (std::uint32_t group = 0; group < rules.group_count; ++group) {
      usage.kept_by_group[group] =
          add_saturating(usage.kept_by_group[group], lacking * minimum.weights[group]);
    }
  }
}

/// Weight of the group that is taken: by slots and from outside. `position` is an index into
/// Rules::groups.
constexpr std::uint64_t group_use(const Rules& rules, const Usage& usage,
                                  std::uint32_t position) noexcept {
  return add_saturating(rules.groups[position].external_use, usage.by_group[position]);
}

/// Signed difference that saturates instead of wrapping.
constexpr std::int64_t difference_micro(std::uint64_t a, std::uint64_t b) noexcept {
  constexpr std::uint64_t kMax = 0x7fff'ffff'ffff'ffffULL;
  if (a >= b) return static_cast<std::int64_t>(a - b > kMax ? kMax : a - b);
  return -static_cast<std::int64_t>(b - a > kMax ? kMax : b - a);
}

/// CPU that a new job may take, microcores. With nothing else on the node the idle rule offers the
/// whole capacity, unless other types are sure of some: what is above the budget would be theirs.
constexpr std::int64_t available_micro(const Rules& rules, const Usage& usage) noexcept {
  if (rules.idle_rule && usage.slots == 0 && !usage.keeps_room)
    return difference_micro(rules.capacity_micro, 0);
  return difference_micro(rules.budget_micro,
                          add_saturating(usage.charged_micro, usage.kept_micro));
}

namespace detail {

/// What is there for a claim at the most: what other types are sure of is kept or in use, and while
/// they are sure of any the idle rule offers no more than the budget.
struct MostRoom {
  std::uint64_t micro = 0;
  std::array<std::uint64_t, kMaxGroups> sure_by_group{};
};

constexpr MostRoom find_most_room(const Rules& rules, const Request& request) noexcept {
  MostRoom most;
  most.micro = rules.idle_rule ? rules.capacity_micro : rules.budget_micro;
  if (rules.minimum_count == 0 || rules.is_sure(request.cost_milli, 0)) return most;
  std::uint64_t sure_micro = 0;
  for (std::uint32_t i = 0; i < rules.minimum_count; ++i) {
    const Rules::Minimum& minimum = rules.minimums[i];
    sure_micro = add_saturating(
        sure_micro, std::uint64_t{minimum.count} * (minimum.cost_milli & kMaxCostMilli) * 1000U);
    for (std::uint32_t group = 0; group < rules.group_count; ++group) {
      most.sure_by_group[group] = add_saturating(
          most.sure_by_group[group], std::uint64_t{minimum.count} * minimum.weights[group]);
    }
  }
  most.micro = rules.budget_micro > sure_micro ? rules.budget_micro - sure_micro : 0;
  return most;
}

}  // namespace detail

/// Can this request never fit, whatever the others do? Measured use plays no part.
constexpr Verdict check_too_large(const Rules& rules, const Request& request) noexcept {
  Verdict verdict;
  const detail::MostRoom most = detail::find_most_room(rules, request);
  const std::uint64_t room = most.micro;
  const std::uint64_t required = std::uint64_t{request.cost_milli} * 1000U;
  verdict.required_micro = static_cast<std::int64_t>(required);
  verdict.available_micro = difference_micro(room, 0);
  if (required > room) {
    verdict.reason = Reason::kTooLarge;
    return verdict;
  }
  if (rules.memory_max_bytes != 0 &&
      add_saturating(request.memory_bytes, rules.memory_headroom_bytes) >= rules.memory_max_bytes) {
    verdict.reason = Reason::kTooLarge;
    verdict.memory_required = request.memory_bytes;
    verdict.memory_max = rules.memory_max_bytes;
    return verdict;
  }
  for (std::uint32_t i = 0; i < rules.group_count; ++i) {
    const Rules::Group& group = rules.groups[i];
    if (group.limit != kNoLimit &&
        add_saturating(group.weight, most.sure_by_group[i]) > group.limit) {
      verdict.reason = Reason::kTooLarge;
      verdict.group = group.index;
      verdict.weight = group.weight;
      verdict.limit = group.limit;
      return verdict;
    }
  }
  return verdict;
}

namespace detail {

/// Precondition: the group has a limit.
constexpr bool has_group_room(const Rules& rules, const Usage& usage,
                              std::uint32_t position) noexcept {
  const Rules::Group& group = rules.groups[position];
  const std::uint64_t taken =
      add_saturating(group_use(rules, usage, position), usage.kept_by_group[position]);
  return add_saturating(taken, group.weight) <= group.limit;
}

constexpr Verdict check_counts(const Rules& rules, const Usage& usage) noexcept {
  Verdict verdict;
  if (rules.limit != kNoLimit && usage.in_family >= rules.limit) {
    verdict.reason = Reason::kTypeLimit;
    verdict.limit = rules.limit;
    verdict.in_use = usage.in_family;
    return verdict;
  }
  for (std::uint32_t i = 0; i < rules.group_count; ++i) {
    const Rules::Group& group = rules.groups[i];
    const std::uint64_t use = group_use(rules, usage, i);
    if (group.limit != kNoLimit && !has_group_room(rules, usage, i)) {
      verdict.reason = Reason::kGroupLimit;
      verdict.limit = group.limit;
      verdict.in_use = use;
      verdict.kept_weight = usage.kept_by_group[i];
      verdict.group = group.index;
      verdict.weight = group.weight;
      return verdict;
    }
  }
  return verdict;
}

}  // namespace detail

/// Decides one claim against one usage. table_full, queued_ahead and contended are not for this
/// function: they are states of the table, not of the ledger.
constexpr Verdict decide(const Rules& rules, const Request& request, const Usage& usage) noexcept {
  Verdict verdict;
  if (!rules.known) {
    verdict.reason = Reason::kUnknownType;
    return verdict;
  }
  if (rules.draining) {
    verdict.reason = Reason::kDraining;
    return verdict;
  }
  if (usage.duplicate_key) {
    verdict.reason = Reason::kDuplicateKey;
    return verdict;
  }
  verdict = check_too_large(rules, request);
  if (!verdict) return verdict;
  verdict = detail::check_counts(rules, usage);
  if (!verdict) return verdict;
  if (rules.memory_max_bytes != 0) {
    const std::uint64_t used = add_saturating(rules.memory_used_bytes, usage.memory_pending_bytes);
    if (add_saturating(add_saturating(used, request.memory_bytes), rules.memory_headroom_bytes) >=
        rules.memory_max_bytes) {
      verdict.reason = Reason::kMemory;
      verdict.memory_required = request.memory_bytes;
      verdict.memory_used = used;
      verdict.memory_max = rules.memory_max_bytes;
      return verdict;
    }
  }
  verdict.required_micro = static_cast<std::int64_t>(request.cost_milli) * 1000;
  verdict.available_micro = available_micro(rules, usage);
  if (verdict.available_micro < verdict.required_micro) {
    verdict.reason = Reason::kCpu;
    verdict.kept_micro = usage.kept_micro;
  }
  return verdict;
}

/// Can a minimum of this type keep room from the claim?
constexpr bool has_minimum(const Rules& rules, std::uint32_t type) noexcept {
  for (std::uint32_t i = 0; i < rules.minimum_count; ++i) {
    if (rules.minimums[i].type == type) return true;
  }
  return false;
}

/// Would taking away one tentative word of this type, cost and memory ease a limit that fails for
/// the request? Used to find the words in a claimant's way; `counted` is the usage in which the
/// request does not fit.
constexpr bool is_in_the_way(const Rules& rules, const Request& request, const Usage& counted,
                             std::uint32_t type, std::uint32_t cost_milli,
                             std::uint64_t memory_bytes) noexcept {
  if (rules.limit != kNoLimit && counted.in_family >= rules.limit &&
      ((rules.family_mask >> (type & 31U)) & 1U) != 0) {
    return true;
  }
  for (std::uint32_t i = 0; i < rules.group_count; ++i) {
    const Rules::Group& group = rules.groups[i];
    if (group.limit != kNoLimit && !detail::has_group_room(rules, counted, i) &&
        group.weight_of(type & 31U) != 0) {
      return true;
    }
  }
  if (rules.memory_max_bytes != 0 && memory_bytes != 0 &&
      add_saturating(
          add_saturating(add_saturating(rules.memory_used_bytes, counted.memory_pending_bytes),
                         request.memory_bytes),
          rules.memory_headroom_bytes) >= rules.memory_max_bytes) {
    return true;
  }
  const bool cpu_fails =
      available_micro(rules, counted) < static_cast<std::int64_t>(request.cost_milli) * 1000;
  // Under the idle rule any other slot, even one without cost, takes the node out of idleness; and
  // one that counts towards a minimum gives back, once it is held, what is kept for it.
  return cpu_fails && (cost_milli != 0 || rules.idle_rule || has_minimum(rules, type & 31U));
}

/// The name that CLI, JSON, logs and metrics use.
constexpr const char* reason_name(Reason reason) noexcept {
  switch (reason) {
    case Reason::kNone:
      return "none";
    case Reason::kUnknownType:
      return "unknown_type";
    case Reason::kDraining:
      return "draining";
    case Reason::kDuplicateKey:
      return "duplicate_key";
    case Reason::kTooLarge:
      return "too_large";
    case Reason::kTypeLimit:
      return "type_limit";
    case Reason::kGroupLimit:
      return "group_limit";
    case Reason::kMemory:
      return "memory";
    case Reason::kCpu:
      return "cpu";
    case Reason::kTableFull:
      return "table_full";
    case Reason::kQueuedAhead:
      return "queued_ahead";
    case Reason::kContended:
      return "contended";
    case Reason::kCount:
      break;
  }
  return "invalid";
}

}  // namespace slotd::inline v0_1
