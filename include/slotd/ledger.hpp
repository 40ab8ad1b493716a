// Reading the ledger's rules out of the segment: one stamp names the config block, the sample block
// and the operator words that a verdict rests on. A verdict counts only if the stamp is the same
// before its passes and after their last read, so a reload or a sample is seen whole or not at all
// (design: two blocks, one 64-bit epoch each).
//
// Memory order: the broker writes an idle block after a release fence and publishes it by a release
// store of the epoch. A reader loads the epoch (acquire), reads cells (relaxed), then fences
// (acquire) and loads the epoch again: a cell of a newer filling of the same block implies a newer
// epoch. Never blocks, no system call, no allocation.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string_view>

#include "slotd/admission.hpp"
#include "slotd/layout.hpp"
#include "slotd/segment_view.hpp"

namespace slotd::inline v0_1 {

/// Names the rules of one moment for one type.
struct LedgerStamp {
  std::uint64_t config_epoch = 0;
  std::uint64_t sample_epoch = 0;
  std::uint64_t drain = 0;
  std::uint64_t limit_override = 0;

  friend constexpr bool operator==(const LedgerStamp&, const LedgerStamp&) noexcept = default;
};

/// `counted_type` is the type whose limit word bears on the claim (the base of a derived type).
inline LedgerStamp load_stamp(const SegmentView& view, std::uint32_t counted_type) noexcept {
  const Header& header = view.header();
  LedgerStamp stamp;
  stamp.config_epoch = header.config_epoch.load(std::memory_order_acquire);
  stamp.sample_epoch = header.sample_epoch.load(std::memory_order_acquire);
  stamp.drain = header.drain.load(std::memory_order_acquire);
  stamp.limit_override = view.limit_override(counted_type).word.load(std::memory_order_acquire);
  return stamp;
}

/// To be asked after the last read of all passes and before any verdict.
inline bool is_current(const SegmentView& view, const LedgerStamp& stamp,
                       std::uint32_t counted_type) noexcept {
  std::atomic_thread_fence(
      std::memory_order_acquire);  // keeps the reads of the passes before these loads
  return load_stamp(view, counted_type) == stamp;
}

/// The type whose limit a claim of `type` counts against, in the block now valid.
inline std::uint32_t load_base(const SegmentView& view, std::uint64_t config_epoch,
                               std::uint32_t type) noexcept {
  return view.config(config_epoch).types[type & (kMaxTypes - 1U)].base.get() & (kMaxTypes - 1U);
}

/// Index of a configured type by name or alias; nothing when there is none. The index is valid for
/// the segment's life.
inline std::optional<std::uint32_t> find_type_index(const SegmentView& view,
                                                    std::string_view name) noexcept {
  const ConfigBlock& config =
      view.config(view.header().config_epoch.load(std::memory_order_acquire));
  const std::uint32_t types = std::min(config.type_count.get(), kMaxTypes);
  for (std::uint32_t type = 0; type < types; ++type) {
    const auto known = load_text(view.type_name(type).name);
    if (text_view(known) == name) return type;
  }
  const std::uint32_t aliases = std::min(config.alias_count.get(), kMaxAliases);
  for (std::uint32_t alias = 0; alias < aliases; ++alias) {
    const auto known = load_text(config.aliases[alias].name);
    if (text_view(known) == name)
      return static_cast<std::uint32_t>(config.aliases[alias].type.get()) & (kMaxTypes - 1U);
  }
  return std::nullopt;
}

namespace detail {

inline void load_groups(const ConfigBlock& config, const SampleBlock& sample, std::uint32_t type,
                        std::uint32_t group_mask, Rules& rules) noexcept {
  for (std::uint32_t mask = group_mask & ((1U << kMaxGroups) - 1U); mask != 0; mask &= mask - 1U) {
    const auto index = static_cast<std::uint32_t>(__builtin_ctz(mask));
    const GroupConfig& from = config.groups[index];
    Rules::Group& group = rules.groups[rules.group_count++];
    group.index = index;
    group.limit = from.limit.get();
    group.weight = from.weights[type].get();
    group.uniform_weight = from.uniform_weight.get();
    group.member_mask = from.member_mask.get();
    group.external_use = sample.external_use[index].get();
    if (group.uniform_weight == 0) {
      for (std::uint32_t t = 0; t < kMaxTypes; ++t) group.weights[t] = from.weights[t].get();
    }
  }
}

/// Those of other types. A drained type gets no room, so none is kept for it.
inline void load_minimums(const ConfigBlock& config, std::uint64_t drain, std::uint32_t type,
                          Rules& rules) noexcept {
  rules.own_type = type;
  rules.own_minimum = config.types[type].minimum.get();
  rules.own_default_milli = config.types[type].cost_milli.get() & kMaxCostMilli;
  rules.minimum_count = 0;
  std::uint32_t mask = config.minimum_mask.get() & ~static_cast<std::uint32_t>(drain);
  for (mask &= ~(1U << type); mask != 0; mask &= mask - 1U) {
    const auto other = static_cast<std::uint32_t>(__builtin_ctz(mask));
    const TypeConfig& from = config.types[other];
    Rules::Minimum& minimum = rules.minimums[rules.minimum_count++];
    minimum.type = other;
    minimum.count = from.minimum.get();
    minimum.cost_milli = from.cost_milli.get() & kMaxCostMilli;
    for (std::uint32_t i = 0; i < rules.group_count; ++i)
      minimum.weights[i] = config.groups[rules.groups[i].index].weights[other].get();
  }
}

}  // namespace detail

/// Fills `rules` for a claim of `type` from the blocks that the stamp names. Values are plain
/// numbers to the caller: whatever a scribbler wrote, no index is taken from them unmasked.
inline void load_rules(const SegmentView& view, const LedgerStamp& stamp, std::uint32_t type,
                       Rules& rules) noexcept {
  const ConfigBlock& config = view.config(stamp.config_epoch);
  const SampleBlock& sample = view.sample(stamp.sample_epoch);
  const std::uint32_t index = type & (kMaxTypes - 1U);
  const TypeConfig& from = config.types[index];
  rules.known = type < kMaxTypes && from.flags.get() == TypeConfig::kKnown;
  rules.draining =
      (stamp.drain & (kDrainAll | kDrainRebuild)) != 0 || ((stamp.drain >> index) & 1U) != 0;
  rules.idle_rule = config.idle_rule.get() != 0;
  rules.limit = stamp.limit_override != 0 ? static_cast<std::uint32_t>(stamp.limit_override - 1U)
                                          : from.limit.get();
  rules.family_mask = from.family_mask.get();
  rules.capacity_micro = config.capacity_micro.get();
  rules.budget_micro = config.budget_micro.get();
  rules.memory_max_bytes = config.memory_max_bytes.get();
  rules.memory_headroom_bytes = config.memory_headroom_bytes.get();
  rules.memory_used_bytes = sample.memory_used_bytes.get();
  rules.group_count = 0;
  detail::load_groups(config, sample, index, from.group_mask.get(), rules);
  detail::load_minimums(config, stamp.drain, index, rules);
}

/// Fills the costs that are defaults from the config block of `config_epoch`. An index out of range
/// keeps zero costs.
inline void fill_default_costs(const SegmentView& view, std::uint64_t config_epoch,
                               Request& request) noexcept {
  if (request.type >= kMaxTypes) return;
  const TypeConfig& from = view.config(config_epoch).types[request.type];
  if (request.cost_is_default) request.cost_milli = from.cost_milli.get() & kMaxCostMilli;
  if (request.memory_is_default) request.memory_bytes = from.memory_bytes.get();
}

/// A request of `type` with the costs given, or with the type's own: those are taken anew from the
/// rules that decide.
inline Request make_request(const SegmentView& view, std::uint32_t type,
                            std::optional<std::uint32_t> cost_milli = std::nullopt,
                            std::optional<std::uint64_t> memory_bytes = std::nullopt) noexcept {
  Request request;
  request.type = type;
  request.cost_is_default = !cost_milli.has_value();
  request.memory_is_default = !memory_bytes.has_value();
  request.cost_milli = cost_milli.value_or(0);
  request.memory_bytes = memory_bytes.value_or(0);
  fill_default_costs(view, view.header().config_epoch.load(std::memory_order_acquire), request);
  return request;
}

}  // namespace slotd::inline v0_1
