// The configuration in force, as the segment holds it: limits, costs, weights, budget. Read whole
// or not at all: one epoch before and after. read_config_view() reads the segment; the rest is
// pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "slotd/layout.hpp"
#include "slotd/segment_view.hpp"
#include "tools/slotctl/json.hpp"

namespace slotd::ctl {

struct TypeView {
  std::string name;
  std::string counts_as;  ///< the type whose limit it shares; empty: its own
  std::vector<std::string> aliases;
  bool retired = false;
  std::uint32_t limit = kNoLimit;
  std::uint32_t minimum = 0;
  std::uint32_t cost_milli = 0;
  std::uint64_t memory_bytes = 0;
};

struct WeightView {
  std::string type;
  std::uint32_t weight = 0;
};

struct GroupView {
  std::string name;
  bool retired = false;
  std::uint32_t limit = kNoLimit;
  std::vector<WeightView> members;
};

struct ConfigView {
  bool stable = true;  ///< false: reloads kept coming while it was read
  std::uint64_t epoch = 0;
  std::uint64_t capacity_micro = 0;
  std::uint64_t budget_micro = 0;
  bool idle_rule = true;
  std::uint32_t charge_mode = 0;  ///< ChargeMode
  std::uint32_t affinity = 0;     ///< AffinityMode
  std::uint32_t hold_ms = 0;
  std::uint32_t sample_interval_ms = 0;
  std::uint32_t overtake_window_ms = 0;
  std::uint32_t turn_ms = 0;
  std::uint64_t memory_max_bytes = 0;
  std::uint64_t memory_headroom_bytes = 0;
  Capacities capacities;
  std::vector<TypeView> types;
  std::vector<GroupView> groups;
};

ConfigView read_config_view(const SegmentView& view);

/// "max", "measured", "reserved", or "invalid" for a scribbled value.
const char* charge_mode_name(std::uint32_t mode);
/// "consolidate", "spread", or "invalid".
const char* affinity_name(std::uint32_t mode);

}  // namespace slotd::ctl
