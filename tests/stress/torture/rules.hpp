// The node that the torture runs on: its types and limits, once as figures for the observer and
// once as the broker's config. Types with weights that differ are decided by full passes, the
// others by the quick scan. Constants and pure functions only.
#pragma once

#include <array>
#include <cstdint>
#include <string>

namespace slotd::torture {

struct TypeRule {
  const char* name;
  std::uint32_t family;      ///< type whose limit it shares
  std::uint32_t limit;       ///< of the family; 0 = none
  std::uint32_t cost_milli;  ///< default
  std::uint32_t web;         ///< weight in group web
  std::uint32_t pulse;       ///< weight in group pulse
};

inline constexpr std::array<TypeRule, 5> kTypes = {{{"composite", 0, 3, 4000, 1, 4},
                                                    {"audio", 0, 3, 1000, 1, 2},
                                                    {"web", 2, 5, 3000, 1, 4},
                                                    {"participant", 3, 7, 2000, 0, 0},
                                                    {"track", 4, 0, 300, 0, 0}}};
inline constexpr std::uint32_t kWebLimit = 6;
inline constexpr std::uint32_t kPulseLimit = 21;
inline constexpr std::uint32_t kCapacityMilli = 20'000;
inline constexpr std::uint32_t kBudgetMilli = 16'000;
/// max - headroom, bytes; the sum of the costs stays below it.
inline constexpr std::uint32_t kMemoryRoom = 3'000;
inline constexpr std::uint32_t kKeys = 24;
inline constexpr std::uint32_t kSlots = 40;
inline constexpr std::uint32_t kProcesses = 40;

inline std::string make_config() {
  return "cpu: { capacity: 20, max_utilization: 0.8, idle_rule: true, sample_interval: 200ms }\n"
         "memory: { max: 4000, headroom: 1000 }\n"
         "types:\n"
         "  composite: { max: 3, cpu: 4.0, groups: { web: 1, pulse: 4 } }\n"
         "  audio: { counts_as: composite, cpu: 1.0, groups: { web: 1, pulse: 2 } }\n"
         "  web: { max: 5, cpu: 3.0, groups: { web: 1, pulse: 4 } }\n"
         "  participant: { max: 7, cpu: 2.0 }\n"
         "  track: { cpu: 0.3 }\n"
         "groups: { web: { max: 6 }, pulse: { max: 21 } }\n"
         "segment: { slots: " +
         std::to_string(kSlots) + ", processes: " + std::to_string(kProcesses) + " }\n";
}

}  // namespace slotd::torture
