// The rules for claims of one type in the form that the sums of one quick scan are compared with,
// and that comparison. It admits what decide() admits on the same words and nothing else, except
// that it may say no where a charge below the reserved cost would have to be believed; a no of the
// quick way decides nothing. Reads only; never blocks; no allocation; no system call.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>

#include "slotd/admission.hpp"
#include "slotd/layout.hpp"
#include "slotd/ledger.hpp"
#include "slotd/quick_scan.hpp"
#include "slotd/segment_view.hpp"

namespace slotd::inline v0_1 {

/// The rules for claims of one type, in the form that the sums of one scan are compared with: the
/// most that they may be with the claim's own word among them. Made from what a stamp names, so
/// that they can be kept for as long as the stamp is the current one. Zeroed: of no stamp.
struct QuickRules {
  LedgerStamp stamp;
  std::uint32_t base = 0;  ///< see load_stamp()
  std::uint32_t classes =
      0;               ///< class 0 is the type's family, others are groups; 0: not for a scan
  QuickMasks masks{};  ///< types that are counted; the claimed one is in all of them
  std::array<std::uint32_t, kQuickClasses> most{};  ///< slots
  std::uint64_t most_cost_milli = 0;
  bool idle_rule = false;
  std::uint32_t default_cost_milli = 0;
  std::uint64_t default_memory_bytes = 0;
  std::uint64_t budget_micro = 0;
  std::uint64_t room_micro = 0;          ///< that a claim may cost if no other slot is there
  std::uint64_t memory_max_bytes = 0;    ///< 0: memory is not ruled
  std::uint64_t memory_taken_bytes = 0;  ///< measured, and the headroom
  QuickCharges charges;

  template <unsigned kClasses>
  bool admits(const QuickSums& sums) const noexcept {
    for (unsigned i = 0; i < kClasses; ++i) {
      if (sums.counts[i] > most[i]) return false;
    }
    if (sums.measured_micro == 0 && sums.cost_milli <= most_cost_milli) return true;
    if (idle_rule && sums.slots == 1) return true;
    return sums.measured_micro + sums.cost_milli * 1000U <= budget_micro;
  }
};

namespace detail {

/// False when nothing can be admitted, whatever is held, or it is no class for a quick scan.
inline bool add_quick_class(std::uint32_t type, std::uint32_t mask, std::uint64_t most,
                            QuickRules& rules) noexcept {
  if (rules.classes == kQuickClasses || ((mask >> type) & 1U) == 0 || most == 0) return false;
  rules.masks[rules.classes] = mask;
  rules.most[rules.classes] = static_cast<std::uint32_t>(std::min<std::uint64_t>(most, kNoLimit));
  ++rules.classes;
  return true;
}

/// CPU that types with a minimum may be sure of.
inline std::uint64_t kept_micro(const ConfigBlock& config, std::uint32_t minimum_mask) noexcept {
  std::uint64_t milli = 0;
  for (; minimum_mask != 0; minimum_mask &= minimum_mask - 1U) {
    const TypeConfig& other = config.types[__builtin_ctz(minimum_mask)];
    milli = add_saturating(
        milli, std::uint64_t{other.minimum.get()} * (other.cost_milli.get() & kMaxCostMilli));
  }
  return milli > ~std::uint64_t{0} / 1000U ? ~std::uint64_t{0} : milli * 1000U;
}

/// Weight of a group that types with a minimum, other than the claimed one, may be sure of.
inline std::uint64_t kept_weight(const GroupConfig& group, const ConfigBlock& config,
                                 std::uint32_t minimum_mask) noexcept {
  std::uint64_t weight = 0;
  for (; minimum_mask != 0; minimum_mask &= minimum_mask - 1U) {
    const auto other = static_cast<std::uint32_t>(__builtin_ctz(minimum_mask));
    weight = add_saturating(
        weight, std::uint64_t{config.types[other].minimum.get()} * group.weights[other].get());
  }
  return weight;
}

inline bool add_quick_group(const ConfigBlock& config, const SampleBlock& sample,
                            std::uint32_t type, std::uint32_t index, std::uint32_t minimum_mask,
                            QuickRules& rules) noexcept {
  const GroupConfig& group = config.groups[index];
  const std::uint32_t weight = group.uniform_weight.get();
  const std::uint32_t limit = group.limit.get();
  const std::uint64_t taken =
      add_saturating(sample.external_use[index].get(), kept_weight(group, config, minimum_mask));
  if (weight == 0 || group.weights[type].get() != weight) return false;
  std::uint64_t most = kNoLimit;
  if (limit != kNoLimit) most = taken < limit ? (limit - taken) / weight : 0;
  return add_quick_class(type, group.member_mask.get(), most, rules);
}

/// Fills `rules` from the blocks that its stamp names. False as for add_quick_class().
inline bool fill_quick_rules(const SegmentView& view, std::uint32_t type_index,
                             QuickRules& rules) noexcept {
  const ConfigBlock& config = view.config(rules.stamp.config_epoch);
  const TypeConfig& type = config.types[type_index];
  const SampleBlock& sample = view.sample(rules.stamp.sample_epoch);
  const std::uint64_t drained = kDrainAll | kDrainRebuild | (1ULL << type_index);
  if (type.flags.get() != TypeConfig::kKnown || (rules.stamp.drain & drained) != 0) return false;
  rules.memory_max_bytes = config.memory_max_bytes.get();
  rules.memory_taken_bytes =
      add_saturating(sample.memory_used_bytes.get(), config.memory_headroom_bytes.get());
  const std::uint64_t own_limit = rules.stamp.limit_override;
  const std::uint32_t limit =
      own_limit != 0 ? static_cast<std::uint32_t>(own_limit - 1U) : type.limit.get();
  rules.default_cost_milli = type.cost_milli.get() & kMaxCostMilli;
  rules.default_memory_bytes = type.memory_bytes.get();
  rules.idle_rule = config.idle_rule.get() != 0;
  // As if of the types that are sure of room none held any: what fits then fits all the more.
  const std::uint32_t minimum_mask = config.minimum_mask.get() & ~(1U << type_index);
  const std::uint64_t kept_micro = detail::kept_micro(config, minimum_mask);
  const std::uint64_t budget_micro = config.budget_micro.get();
  if (kept_micro > budget_micro) return false;
  rules.idle_rule = rules.idle_rule && minimum_mask == 0;
  rules.budget_micro = budget_micro - kept_micro;
  rules.room_micro = rules.idle_rule ? config.capacity_micro.get() : rules.budget_micro;
  rules.most_cost_milli = rules.budget_micro / 1000U;
  rules.classes = 0;
  if (!add_quick_class(type_index, type.family_mask.get(), limit, rules)) return false;
  const std::uint64_t charged = sample.charge_mark.get();
  rules.charges.words = view.charges(rules.stamp.sample_epoch);
  rules.charges.mark =
      charged < view.slot_count() ? static_cast<std::uint32_t>(charged) : view.slot_count();
  std::uint32_t groups = type.group_mask.get() & ((1U << kMaxGroups) - 1U);
  for (; groups != 0; groups &= groups - 1U) {
    const auto index = static_cast<std::uint32_t>(__builtin_ctz(groups));
    if (!add_quick_group(config, sample, type_index, index, minimum_mask, rules)) return false;
  }
  return true;
}

[[gnu::noinline]] inline bool load_quick_rules(const SegmentView& view, std::uint32_t type,
                                               QuickRules& rules) noexcept {
  const std::uint64_t epoch = view.header().config_epoch.load(std::memory_order_acquire);
  rules.base = load_base(view, epoch, type);
  rules.stamp = load_stamp(view, rules.base);
  // A reload just now: the next claim loads anew.
  if (rules.stamp.config_epoch != epoch) rules.stamp = {};
  if (rules.stamp.config_epoch == epoch && fill_quick_rules(view, type, rules)) return true;
  rules.classes = 0;
  return false;
}

}  // namespace detail

/// Brings `rules` up to date for a claim of `type`. False: not for a quick scan, or nothing can be
/// admitted. They count only if is_current() says so after the scan: a block is filled anew only
/// after the epoch that named it has passed, so what was read under a stamp belongs to it if the
/// stamp is still the current one.
inline bool update_quick_rules(const SegmentView& view, std::uint32_t type,
                               QuickRules& rules) noexcept {
  if (type >= kMaxTypes) return false;
  if (load_stamp(view, rules.base) == rules.stamp) return rules.classes != 0;
  return detail::load_quick_rules(view, type, rules);
}

/// Whose word among those scanned is the claim's own.
enum class OwnWord : std::uint8_t {
  kPublished,  ///< it is there
  kNone,       ///< it is to be counted in
};

namespace detail {

/// Memory held for the slots in `from_state` or later beside what the sample says is used. A record
/// is frozen before its word is published; if the word has moved on since, the claim that it showed
/// is over and the next one counts the caller.
inline std::uint64_t add_pending_memory(const SegmentView& view, const QuickRules& rules,
                                        SlotState from_state) noexcept {
  const QuickCharges& charges = rules.charges;
  std::uint64_t bytes = 0;
  const std::uint32_t mark = view.mark();
  for (std::uint32_t slot = 0; slot < mark; ++slot) {
    const SlotWord word{view.word(slot).load(std::memory_order_acquire)};
    if (word.state() < from_state) continue;
    if (slot < charges.mark) {
      const ChargeWord charge{charges.words[slot].load(std::memory_order_relaxed)};
      if (charge.matches(word) && (charge.flags() & ChargeWord::kMemorySampled) != 0) {
        bytes = add_saturating(bytes, view.memory_held(rules.stamp.sample_epoch)[slot].load(
                                          std::memory_order_relaxed));
        continue;
      }
    }
    bytes = add_saturating(bytes, view.record(slot).memory_bytes.get());
  }
  return bytes;
}

}  // namespace detail

/// Is there memory for a claim whose cost is `added_bytes` beside what is published?
inline bool has_memory_quickly(const SegmentView& view, const QuickRules& rules,
                               SlotState from_state, std::uint64_t added_bytes) noexcept {
  if (rules.memory_max_bytes == 0) return true;
  const std::uint64_t pending =
      add_saturating(detail::add_pending_memory(view, rules, from_state), added_bytes);
  return add_saturating(rules.memory_taken_bytes, pending) < rules.memory_max_bytes;
}

/// One scan of the words in `from_state` or later: is there room for a claim of this cost, at most
/// rules.room_micro? Precondition: update_quick_rules() said yes.
template <unsigned kClasses>
bool admits_quickly(const SegmentView& view, const QuickRules& rules, SlotState from_state,
                    OwnWord own, std::uint32_t cost_milli) noexcept {
  QuickSums sums = scan_quick<kClasses>(view, rules.masks, rules.charges, from_state);
  if (own == OwnWord::kNone) {
    for (unsigned i = 0; i < kClasses; ++i) ++sums.counts[i];
    sums.slots += 1;
    sums.cost_milli += cost_milli;
  }
  return rules.admits<kClasses>(sums);
}

inline bool admits_quickly(const SegmentView& view, const QuickRules& rules, SlotState from_state,
                           OwnWord own, std::uint32_t cost_milli) noexcept {
  switch (rules.classes) {
    case 1:
      return admits_quickly<1>(view, rules, from_state, own, cost_milli);
    case 2:
      return admits_quickly<2>(view, rules, from_state, own, cost_milli);
    case 3:
      return admits_quickly<3>(view, rules, from_state, own, cost_milli);
    default:
      return admits_quickly<kQuickClasses>(view, rules, from_state, own, cost_milli);
  }
}

}  // namespace slotd::inline v0_1
