#include "tools/dev/mainjob/limits.hpp"

#include <algorithm>

#include "slotd/units.hpp"

namespace slotd::mainjob {
namespace {

struct DefaultType {
  const char* name;
  std::uint32_t limit;
  const char* cores;
  bool in_web;
};
constexpr std::array<DefaultType, 5> kDefaultTypes{{{"room_composite", 5, "4.0", true},
                                                    {"web", 5, "4.0", true},
                                                    {"participant", 3, "2.0", false},
                                                    {"track_composite", 5, "1.0", false},
                                                    {"track", 10, "0.5", false}}};
constexpr std::uint32_t kDefaultWebLimit = 18;

Limits read_limits_once(const SegmentView& view, std::uint64_t epoch) {
  const ConfigBlock& config = view.config(epoch);
  Limits limits;
  const std::uint32_t types = std::min(config.type_count.get(), kMaxTypes);
  for (std::uint32_t index = 0; index < types; ++index) {
    const TypeConfig& from = config.types[index];
    TypeLimit type;
    type.name = text_view(load_text(view.type_name(index).name));
    type.base = from.base.get() & (kMaxTypes - 1);
    type.limit = from.limit.get();
    const std::uint64_t override_word =
        view.limit_override(index).word.load(std::memory_order_acquire);
    if (override_word != 0)
      type.limit = std::max(type.limit, static_cast<std::uint32_t>(override_word - 1));
    limits.types.push_back(std::move(type));
  }
  const std::uint32_t groups = std::min(config.group_count.get(), kMaxGroups);
  for (std::uint32_t index = 0; index < groups; ++index) {
    GroupLimit group;
    group.name = text_view(load_text(view.group_name(index).name));
    group.limit = config.groups[index].limit.get();
    for (std::uint32_t type = 0; type < kMaxTypes; ++type)
      group.weights[type] = config.groups[index].weights[type].get();
    limits.groups.push_back(std::move(group));
  }
  limits.capacity_micro = config.capacity_micro.get();
  limits.budget_micro = config.budget_micro.get();
  limits.idle_rule = config.idle_rule.get() != 0;
  limits.reserved_is_bound =
      config.charge_mode.get() != static_cast<std::uint32_t>(ChargeMode::kMeasured);
  return limits;
}

}  // namespace

std::string make_default_config() {
  std::string text =
      "# Written by the main job: more is asked for than fits, so that limits and CPU are really "
      "met.\n"
      "cpu: { capacity: 32.0, max_utilization: 0.8 }\n"
      "types:\n";
  for (const DefaultType& type : kDefaultTypes) {
    text += std::string("  ") + type.name + ": { max: " + std::to_string(type.limit) +
            ", cpu: " + type.cores + (type.in_web ? ", groups: [web]" : "") + " }\n";
  }
  text += "groups: { web: { max: " + std::to_string(kDefaultWebLimit) + " } }\n";
  text += "segment: { slots: 256, processes: 256 }\n";
  return text;
}

Limits make_default_limits() {
  Limits limits;
  GroupLimit web{"web", kDefaultWebLimit, {}};
  for (std::uint32_t index = 0; index < kDefaultTypes.size(); ++index) {
    const DefaultType& type = kDefaultTypes[index];
    limits.types.push_back({type.name, type.limit, index});
    if (type.in_web) web.weights[index] = 1;
  }
  limits.groups.push_back(std::move(web));
  limits.capacity_micro = 32'000'000;
  limits.budget_micro = 25'600'000;
  return limits;
}

Limits read_limits(const SegmentView& view) {
  for (;;) {
    const std::uint64_t epoch = view.header().config_epoch.load(std::memory_order_acquire);
    Limits limits = read_limits_once(view, epoch);
    std::atomic_thread_fence(std::memory_order_acquire);
    if (view.header().config_epoch.load(std::memory_order_relaxed) == epoch) return limits;
  }
}

Tally count_words(const Limits& limits, std::span<const SlotWord> held) {
  Tally tally;
  tally.by_group.resize(limits.groups.size());
  for (const SlotWord word : held) {
    const std::uint32_t type = word.type();
    ++tally.slots;
    ++tally.by_type[type];
    ++tally.by_base[type < limits.types.size() ? limits.types[type].base : type];
    for (std::size_t group = 0; group < limits.groups.size(); ++group) {
      tally.by_group[group] += limits.groups[group].weights[type];
    }
    tally.reserved_micro += std::uint64_t{word.cost_milli()} * 1000;
  }
  return tally;
}

std::vector<std::string> find_excess(const Limits& limits, const Tally& tally) {
  std::vector<std::string> excess;
  const auto report = [&](const std::string& what, const std::string& use,
                          const std::string& limit) {
    excess.push_back(what + ": " + use + " of " + limit);
  };
  for (std::uint32_t type = 0; type < kMaxTypes; ++type) {
    if (type >= limits.types.size()) {
      if (tally.by_type[type] != 0)
        report("type " + std::to_string(type), std::to_string(tally.by_type[type]), "none");
      continue;
    }
    if (limits.types[type].base != type || tally.by_base[type] <= limits.types[type].limit)
      continue;
    report(limits.types[type].name, std::to_string(tally.by_base[type]),
           std::to_string(limits.types[type].limit));
  }
  for (std::size_t group = 0; group < limits.groups.size(); ++group) {
    if (limits.groups[group].limit == kNoLimit ||
        tally.by_group[group] <= limits.groups[group].limit)
      continue;
    report("group " + limits.groups[group].name, std::to_string(tally.by_group[group]),
           std::to_string(limits.groups[group].limit));
  }
  // Alone on the node a slot may have the whole capacity; while it has more than the budget nobody
  // else is let in.
  const bool is_alone = limits.idle_rule && tally.slots == 1;
  const std::uint64_t room_micro = is_alone ? limits.capacity_micro : limits.budget_micro;
  if (limits.reserved_is_bound && tally.reserved_micro > room_micro) {
    report("cpu", format_cores_micro(static_cast<std::int64_t>(tally.reserved_micro)),
           format_cores_micro(static_cast<std::int64_t>(room_micro)));
  }
  return excess;
}

}  // namespace slotd::mainjob
