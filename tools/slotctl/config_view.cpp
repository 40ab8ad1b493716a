#include "tools/slotctl/config_view.hpp"

#include <algorithm>
#include <atomic>

namespace slotd::ctl {

namespace {

constexpr int kPasses = 16;

std::string name_of(const NameCells& cells) { return std::string(text_view(load_text(cells))); }

std::vector<std::string> read_aliases(const ConfigBlock& config, std::uint32_t type) {
  std::vector<std::string> aliases;
  for (std::uint32_t i = 0; i < std::min(config.alias_count.get(), kMaxAliases); ++i) {
    if (config.aliases[i].type.get() == type) aliases.push_back(name_of(config.aliases[i].name));
  }
  return aliases;
}

TypeView read_type(const SegmentView& view, const ConfigBlock& config, std::uint32_t index) {
  const TypeConfig& from = config.types[index];
  const std::uint32_t base = from.base.get() & (kMaxTypes - 1U);
  TypeView type;
  type.name = name_of(view.type_name(index).name);
  if (base != index) type.counts_as = name_of(view.type_name(base).name);
  type.aliases = read_aliases(config, index);
  type.retired = from.flags.get() != TypeConfig::kKnown;
  type.limit = from.limit.get();
  type.minimum = from.minimum.get();
  type.cost_milli = from.cost_milli.get();
  type.memory_bytes = from.memory_bytes.get();
  return type;
}

GroupView read_group(const SegmentView& view, const ConfigBlock& config, std::uint32_t index) {
  const GroupConfig& from = config.groups[index];
  GroupView group;
  group.name = name_of(view.group_name(index).name);
  group.retired = from.flags.get() != GroupConfig::kKnown;
  group.limit = from.limit.get();
  for (std::uint32_t type = 0; type < kMaxTypes; ++type) {
    const std::uint32_t weight = from.weights[type].get();
    if (weight == 0) continue;
    group.members.push_back({name_of(view.type_name(type).name), weight});
  }
  return group;
}

ConfigView read_once(const SegmentView& view, std::uint64_t epoch) {
  const ConfigBlock& config = view.config(epoch);
  ConfigView out;
  out.epoch = epoch;
  out.capacity_micro = config.capacity_micro.get();
  out.budget_micro = config.budget_micro.get();
  out.idle_rule = config.idle_rule.get() != 0;
  out.charge_mode = config.charge_mode.get();
  out.affinity = config.affinity.get();
  out.hold_ms = config.hold_ms.get();
  out.sample_interval_ms = config.sample_interval_ms.get();
  out.overtake_window_ms = config.overtake_window_ms.get();
  out.turn_ms = config.turn_ms.get();
  out.memory_max_bytes = config.memory_max_bytes.get();
  out.memory_headroom_bytes = config.memory_headroom_bytes.get();
  out.capacities = view.capacities();
  for (std::uint32_t i = 0; i < std::min(config.type_count.get(), kMaxTypes); ++i) {
    out.types.push_back(read_type(view, config, i));
  }
  for (std::uint32_t i = 0; i < std::min(config.group_count.get(), kMaxGroups); ++i) {
    out.groups.push_back(read_group(view, config, i));
  }
  return out;
}

}  // namespace

ConfigView read_config_view(const SegmentView& view) {
  ConfigView out;
  for (int pass = 0; pass < kPasses; ++pass) {
    const std::uint64_t epoch = view.header().config_epoch.load(std::memory_order_acquire);
    out = read_once(view, epoch);
    std::atomic_thread_fence(std::memory_order_acquire);  // keeps the reads before the second look
    if (view.header().config_epoch.load(std::memory_order_acquire) == epoch) return out;
  }
  out.stable = false;
  return out;
}

const char* charge_mode_name(std::uint32_t mode) {
  switch (static_cast<ChargeMode>(mode)) {
    case ChargeMode::kMax:
      return "max";
    case ChargeMode::kMeasured:
      return "measured";
    case ChargeMode::kReserved:
      return "reserved";
  }
  return "invalid";
}

const char* affinity_name(std::uint32_t mode) {
  switch (static_cast<AffinityMode>(mode)) {
    case AffinityMode::kConsolidate:
      return "consolidate";
    case AffinityMode::kSpread:
      return "spread";
  }
  return "invalid";
}

}  // namespace slotd::ctl
