#include "broker/ledger/plan.hpp"

#include <algorithm>
#include <limits>

#include "slotd/units.hpp"

namespace slotd::broker {

namespace {

template <typename Entry>
std::optional<std::uint32_t> find_index(const std::vector<Entry>& entries,
                                        const std::string& name) {
  const auto at = std::find_if(entries.begin(), entries.end(),
                               [&](const Entry& entry) { return entry.name == name; });
  if (at == entries.end()) return std::nullopt;
  return static_cast<std::uint32_t>(at - entries.begin());
}

std::uint32_t clamp_ms(std::uint64_t value_ms) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>(value_ms, std::numeric_limits<std::uint32_t>::max()));
}

std::uint32_t limit_of(const std::optional<std::uint32_t>& max) { return max.value_or(kNoLimit); }

class Planner {
 public:
  Planner(const Config& config, std::uint64_t capacity_micro, const LedgerSpec& current)
      : config_(config), spec_(current) {
    spec_.capacity_micro = capacity_micro;
  }

  LedgerPlan run() {
    plan_numbers();
    retire_all();
    plan_groups();
    plan_types();
    plan_bases_and_aliases();
    LedgerPlan plan;
    plan.problems = std::move(problems_);
    if (plan.problems.empty()) plan.spec = std::move(spec_);
    return plan;
  }

 private:
  void plan_numbers() {
    spec_.idle_rule = config_.cpu.idle_rule;
    spec_.charge_mode = config_.cpu.charge == ChargePolicy::kMeasured   ? ChargeMode::kMeasured
                        : config_.cpu.charge == ChargePolicy::kReserved ? ChargeMode::kReserved
                                                                        : ChargeMode::kMax;
    spec_.affinity = config_.cpu.affinity == AffinityPolicy::kSpread ? AffinityMode::kSpread
                                                                     : AffinityMode::kConsolidate;
    spec_.hold_ms = clamp_ms(config_.cpu.hold_ms);
    spec_.sample_interval_ms = clamp_ms(config_.cpu.sample_interval_ms);
    spec_.overtake_window_ms = clamp_ms(config_.queue.overtake_window_ms);
    spec_.turn_ms = clamp_ms(config_.queue.turn_ms);
    spec_.budget_micro = static_cast<std::uint64_t>(budget_micro(
        static_cast<std::int64_t>(spec_.capacity_micro), config_.cpu.max_utilization_ppb));
    spec_.memory_max_bytes = config_.memory.max_bytes;
    spec_.memory_headroom_bytes = config_.memory.headroom_bytes;
  }

  void retire_all() {
    for (LedgerType& type : spec_.types) type.standing = Standing::kRetired;
    for (LedgerGroup& group : spec_.groups) group.standing = Standing::kRetired;
    spec_.aliases.clear();
  }

  /// Index of the name, which is appended when it is new; nothing, and a problem, when all indices
  /// are used up. `kind`: "type" or "group".
  template <typename Entry>
  std::optional<std::uint32_t> take_index(std::vector<Entry>& entries, const std::string& kind,
                                          const std::string& name, std::uint32_t most) {
    if (const auto known = find_index(entries, name)) return known;
    if (entries.size() >= most) {
      problems_.push_back({kind + "s." + name,
                           "all " + std::to_string(most) + " " + kind +
                               " indices of this segment are used, retired names included; a new "
                               "segment is needed"});
      return std::nullopt;
    }
    entries.emplace_back();
    entries.back().name = name;
    return static_cast<std::uint32_t>(entries.size() - 1);
  }

  void plan_groups() {
    for (const GroupSpec& from : config_.groups) {
      const auto index = take_index(spec_.groups, "group", from.name, kMaxGroups);
      if (!index) continue;
      spec_.groups[*index].standing = Standing::kKnown;
      spec_.groups[*index].limit = limit_of(from.max);
    }
  }

  void plan_types() {
    for (const TypeSpec& from : config_.types) {
      const auto index = take_index(spec_.types, "type", from.name, kMaxTypes);
      if (!index) continue;
      LedgerType& type = spec_.types[*index];
      type.standing = Standing::kKnown;
      type.limit = limit_of(from.max);
      type.base = *index;
      type.cost_milli = from.cpu_milli;
      type.memory_bytes = from.memory_bytes;
      type.minimum = from.min;
      // A known type's weights are the config's alone; a retired one keeps its last.
      for (LedgerGroup& group : spec_.groups) group.weights[*index] = 0;
      for (const GroupWeight& weight : from.groups) {
        if (const auto group = find_index(spec_.groups, weight.group))
          spec_.groups[*group].weights[*index] = weight.weight;
      }
    }
  }

  void plan_bases_and_aliases() {
    for (const TypeSpec& from : config_.types) {
      const auto index = find_index(spec_.types, from.name);
      if (!index) continue;
      if (const auto base = find_index(spec_.types, from.counts_as);
          base && !from.counts_as.empty()) {
        spec_.types[*index].base = *base;
        spec_.types[*index].limit = spec_.types[*base].limit;
      }
      for (const std::string& alias : from.aliases) spec_.aliases.push_back({alias, *index});
    }
  }

  const Config& config_;
  LedgerSpec spec_;
  std::vector<PlanProblem> problems_;
};

}  // namespace

LedgerPlan plan_ledger(const Config& config, std::uint64_t capacity_micro,
                       const LedgerSpec& current) {
  return Planner(config, capacity_micro, current).run();
}

FitReport check_fit(const LedgerSpec& spec) {
  FitReport report;
  const auto minimum_micro = [](const LedgerType& type) {
    return type.standing == Standing::kKnown ? std::uint64_t{type.minimum} * type.cost_milli * 1000U
                                             : 0;
  };
  for (const LedgerType& type : spec.types) report.minimum_micro += minimum_micro(type);
  report.minimums_fit = report.minimum_micro <= spec.budget_micro;
  std::size_t known = 0;
  for (const LedgerType& type : spec.types) {
    if (type.standing != Standing::kKnown) continue;
    ++known;
    const std::uint64_t of_others = report.minimum_micro - minimum_micro(type);
    // Where others are sure of room the idle rule offers no more than the budget.
    const bool offers_all =
        spec.idle_rule &&
        std::none_of(spec.types.begin(), spec.types.end(), [&](const auto& other) {
          return &other != &type && other.standing == Standing::kKnown && other.minimum != 0;
        });
    const std::uint64_t room = offers_all ? spec.capacity_micro : spec.budget_micro;
    if (std::uint64_t{type.cost_milli} * 1000U + of_others > room)
      report.never.push_back(type.name);
  }
  report.none_fits = known != 0 && report.never.size() == known;
  return report;
}

}  // namespace slotd::broker
