#include "broker/ledger/publish.hpp"

#include <algorithm>

namespace slotd::broker {

namespace {

/// Of an epoch's two blocks, begins filling the idle one. Release: a reader that sees a new cell
/// sees, behind its acquire fence, an epoch at least as new as the one that made this block idle.
std::uint64_t begin_filling(const std::atomic<std::uint64_t>& epoch) {
  const std::uint64_t next = epoch.load(std::memory_order_relaxed) + 1;
  std::atomic_thread_fence(std::memory_order_release);
  return next;
}

void write_type(TypeConfig& to, const LedgerSpec& spec, std::uint32_t index) {
  const bool used = index < spec.types.size();
  const LedgerType type = used ? spec.types[index] : LedgerType{};
  std::uint32_t family = 0;
  for (std::uint32_t other = 0; used && other < spec.types.size(); ++other) {
    if (spec.types[other].base == type.base) family |= 1U << other;
  }
  std::uint32_t groups = 0;
  for (std::uint32_t group = 0; used && group < spec.groups.size(); ++group) {
    if (spec.groups[group].standing == Standing::kKnown && spec.groups[group].weights[index] != 0)
      groups |= 1U << group;
  }
  const std::uint32_t standing =
      type.standing == Standing::kKnown ? TypeConfig::kKnown : TypeConfig::kRetired;
  to.flags.set(used ? standing : 0);
  to.limit.set(type.limit);
  to.base.set(used ? type.base : index);
  to.family_mask.set(family);
  to.group_mask.set(groups);
  to.cost_milli.set(type.cost_milli);
  to.minimum.set(type.standing == Standing::kKnown ? type.minimum : 0);
  to.memory_bytes.set(type.memory_bytes);
}

void write_group(GroupConfig& to, const LedgerSpec& spec, std::uint32_t index) {
  const bool used = index < spec.groups.size();
  const LedgerGroup group = used ? spec.groups[index] : LedgerGroup{};
  std::uint32_t members = 0;
  std::uint32_t uniform = 0;
  bool differs = false;
  for (std::uint32_t type = 0; type < kMaxTypes; ++type) {
    const std::uint32_t weight = group.weights[type];
    to.weights[type].set(weight);
    if (weight == 0) continue;
    members |= 1U << type;
    differs = differs || (uniform != 0 && uniform != weight);
    uniform = weight;
  }
  const std::uint32_t standing =
      group.standing == Standing::kKnown ? GroupConfig::kKnown : GroupConfig::kRetired;
  to.flags.set(used ? standing : 0);
  to.limit.set(group.limit);
  to.member_mask.set(members);
  to.uniform_weight.set(differs ? 0 : uniform);
}

void write_numbers(ConfigBlock& block, const LedgerSpec& spec) {
  block.type_count.set(static_cast<std::uint32_t>(spec.types.size()));
  block.group_count.set(static_cast<std::uint32_t>(spec.groups.size()));
  block.idle_rule.set(spec.idle_rule ? 1 : 0);
  block.charge_mode.set(static_cast<std::uint32_t>(spec.charge_mode));
  block.affinity.set(static_cast<std::uint32_t>(spec.affinity));
  block.hold_ms.set(spec.hold_ms);
  block.sample_interval_ms.set(spec.sample_interval_ms);
  block.overtake_window_ms.set(spec.overtake_window_ms);
  block.turn_ms.set(spec.turn_ms);
  block.capacity_micro.set(spec.capacity_micro);
  block.budget_micro.set(spec.budget_micro);
  block.memory_max_bytes.set(spec.memory_max_bytes);
  block.memory_headroom_bytes.set(spec.memory_headroom_bytes);
}

void write_aliases(ConfigBlock& block, const LedgerSpec& spec) {
  const std::size_t count = std::min<std::size_t>(spec.aliases.size(), kMaxAliases);
  block.alias_count.set(static_cast<std::uint32_t>(count));
  for (std::size_t i = 0; i < count; ++i) {
    store_text(block.aliases[i].name, spec.aliases[i].name);
    block.aliases[i].type.set(spec.aliases[i].type);
  }
}

}  // namespace

void publish_config(const SegmentView& view, const LedgerSpec& spec) {
  Header& header = view.header();
  // A name is written once; writing it again when it stands already would race with readers for
  // nothing.
  for (std::uint32_t type = 0; type < spec.types.size(); ++type) {
    if (text_view(load_text(view.type_name(type).name)) != spec.types[type].name) {
      store_text(view.type_name(type).name, spec.types[type].name);
    }
  }
  for (std::uint32_t group = 0; group < spec.groups.size(); ++group) {
    if (text_view(load_text(view.group_name(group).name)) != spec.groups[group].name) {
      store_text(view.group_name(group).name, spec.groups[group].name);
    }
  }
  const std::uint64_t next = begin_filling(header.config_epoch);
  ConfigBlock& block = view.config(next);
  write_numbers(block, spec);
  write_aliases(block, spec);
  for (std::uint32_t type = 0; type < kMaxTypes; ++type) write_type(block.types[type], spec, type);
  for (std::uint32_t group = 0; group < kMaxGroups; ++group)
    write_group(block.groups[group], spec, group);
  std::uint32_t minimum_mask = 0;
  for (std::uint32_t type = 0; type < kMaxTypes; ++type)
    minimum_mask |= block.types[type].minimum.get() != 0 ? 1U << type : 0U;
  block.minimum_mask.set(minimum_mask);
  header.config_epoch.store(next, std::memory_order_release);
}

LedgerSpec read_config_block(const SegmentView& view) {
  const ConfigBlock& block =
      view.config(view.header().config_epoch.load(std::memory_order_acquire));
  LedgerSpec spec;
  const std::uint32_t types = std::min(block.type_count.get(), kMaxTypes);
  const std::uint32_t groups = std::min(block.group_count.get(), kMaxGroups);
  for (std::uint32_t index = 0; index < types; ++index) {
    const TypeConfig& from = block.types[index];
    LedgerType type;
    type.name = text_view(load_text(view.type_name(index).name));
    type.standing = from.flags.get() == TypeConfig::kKnown ? Standing::kKnown : Standing::kRetired;
    type.limit = from.limit.get();
    type.base = from.base.get() & (kMaxTypes - 1U);
    type.cost_milli = from.cost_milli.get() & kMaxCostMilli;
    type.memory_bytes = from.memory_bytes.get();
    type.minimum = from.minimum.get();
    spec.types.push_back(std::move(type));
  }
  for (std::uint32_t index = 0; index < groups; ++index) {
    const GroupConfig& from = block.groups[index];
    LedgerGroup group;
    group.name = text_view(load_text(view.group_name(index).name));
    group.standing =
        from.flags.get() == GroupConfig::kKnown ? Standing::kKnown : Standing::kRetired;
    group.limit = from.limit.get();
    for (std::uint32_t type = 0; type < kMaxTypes; ++type)
      group.weights[type] = from.weights[type].get();
    spec.groups.push_back(std::move(group));
  }
  const std::uint32_t aliases = std::min(block.alias_count.get(), kMaxAliases);
  for (std::uint32_t index = 0; index < aliases; ++index) {
    const AliasConfig& from = block.aliases[index];
    spec.aliases.push_back({std::string(text_view(load_text(from.name))),
                            static_cast<std::uint32_t>(from.type.get()) & (kMaxTypes - 1U)});
  }
  spec.idle_rule = block.idle_rule.get() != 0;
  spec.charge_mode = static_cast<ChargeMode>(std::min(block.charge_mode.get(), 2U));
  spec.affinity = block.affinity.get() == 1 ? AffinityMode::kSpread : AffinityMode::kConsolidate;
  spec.hold_ms = block.hold_ms.get();
  spec.sample_interval_ms = block.sample_interval_ms.get();
  spec.overtake_window_ms = block.overtake_window_ms.get();
  spec.turn_ms = block.turn_ms.get();
  spec.capacity_micro = block.capacity_micro.get();
  spec.budget_micro = block.budget_micro.get();
  spec.memory_max_bytes = block.memory_max_bytes.get();
  spec.memory_headroom_bytes = block.memory_headroom_bytes.get();
  return spec;
}

void publish_sample(const SegmentView& view, const Sample& sample) {
  Header& header = view.header();
  const std::uint64_t next = begin_filling(header.sample_epoch);
  SampleBlock& block = view.sample(next);
  std::atomic<std::uint64_t>* charges = view.charges(next);
  std::atomic<std::uint64_t>* memory = view.memory_held(next);
  const std::size_t count = std::min<std::size_t>(sample.charges.size(), view.slot_count());
  std::size_t mark = 0;
  for (std::size_t slot = 0; slot < count; ++slot) {
    charges[slot].store(sample.charges[slot].raw, std::memory_order_relaxed);
    memory[slot].store(slot < sample.memory_held.size() ? sample.memory_held[slot] : 0,
                       std::memory_order_relaxed);
    if (sample.charges[slot].raw != 0) mark = slot + 1;
  }
  block.charge_mark.set(mark);
  block.sampled_at_ns.set(sample.sampled_at_ns);
  block.memory_used_bytes.set(sample.memory_used_bytes);
  block.measured_micro.set(sample.measured_micro);
  for (std::uint32_t group = 0; group < kMaxGroups; ++group)
    block.external_use[group].set(sample.external_use[group]);
  block.external_unreadable.set(sample.external_unreadable);
  block.host_busy_micro.set(sample.host_busy_micro);
  block.psi_cpu_ppb.set(sample.psi_cpu_ppb);
  header.sample_epoch.store(next, std::memory_order_release);
}

}  // namespace slotd::broker
