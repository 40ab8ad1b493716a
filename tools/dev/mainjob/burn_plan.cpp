#include "tools/dev/mainjob/burn_plan.hpp"

#include <algorithm>

#include "slotd/units.hpp"

namespace slotd::mainjob {
namespace {

const char* charge_name(ChargeMode charge) {
  return charge == ChargeMode::kMeasured ? "measured" : "max";
}

}  // namespace

const std::vector<BurnType>& burn_types() {
  static const std::vector<BurnType> types = {{"light", 500, 250, false},
                                              {"browser", 800, 500, true},
                                              {"steady", 1000, 900, false},
                                              {"heavy", 1500, 1500, false}};
  return types;
}

std::string make_burn_config(ChargeMode charge) {
  std::string text =
      "# Written by the main job: handlers really use the CPU, so the capacity is this machine's.\n"
      "cpu: { capacity: auto, max_utilization: 0.8, idle_rule: false, sample_interval: 1s, "
      "hold: 3s, charge: " +
      std::string(charge_name(charge)) + " }\ntypes:\n";
  for (const BurnType& type : burn_types())
    text += "  " + type.name + ": { cpu: " + format_cores_milli(type.cost_milli) + " }\n";
  return text + "segment: { slots: 256, processes: 256 }\n";
}

BurnLane::BurnLane(std::uint64_t seed, std::uint32_t lane, std::uint32_t seconds,
                   std::uint64_t budget_milli)
    : random_(seed * 1'000'003 + lane), seconds_(seconds), begins_with_largest_(lane == 0) {
  for (const BurnType& type : burn_types()) {
    if (type.cost_milli > budget_milli) continue;
    largest_ = type;
    // What needs nearly all of the budget would stand in its lane for good.
    if (type.cost_milli * 3U > budget_milli * 2U) continue;
    const bool is_small = type.cost_milli * 2U <= budget_milli;
    pool_.insert(pool_.end(), is_small ? 3 : 1, type);
  }
  if (pool_.empty()) pool_.push_back(largest_);
}

BurnJob BurnLane::next() {
  BurnJob job;
  // A sixth to a third of the run: many handlers, each through its hold and well measured. In a
  // short run long enough for two samples.
  constexpr std::uint32_t kLeastMs = 2500;
  job.run_ms = std::max(static_cast<std::uint32_t>(random_.pick(seconds_ * 160U, seconds_ * 320U)),
                        kLeastMs);
  job.type = begins_with_largest_ ? largest_ : pool_[random_.pick(0, pool_.size() - 1)];
  begins_with_largest_ = false;
  return job;
}

std::uint32_t count_lanes(std::uint64_t budget_micro) {
  return static_cast<std::uint32_t>(std::clamp<std::uint64_t>(budget_micro / 250'000, 4, 64));
}

}  // namespace slotd::mainjob
