// The ledger's rules as plain values with their indices: what plan_ledger() makes from a Config and
// publish_config() writes into a segment. No I/O.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "slotd/layout.hpp"

namespace slotd::broker {

/// Whether a name is configured now, or was and still has an index.
enum class Standing : std::uint8_t { kKnown, kRetired };

struct LedgerType {
  std::string name;
  Standing standing = Standing::kKnown;
  std::uint32_t limit = kNoLimit;
  std::uint32_t base = 0;  ///< index of the type whose limit it shares; its own for most
  std::uint32_t cost_milli = 0;
  std::uint64_t memory_bytes = 0;
  std::uint32_t minimum = 0;

  bool operator==(const LedgerType&) const = default;
};

struct LedgerGroup {
  std::string name;
  Standing standing = Standing::kKnown;
  std::uint32_t limit = kNoLimit;
  std::array<std::uint32_t, kMaxTypes> weights{};  ///< by type index

  bool operator==(const LedgerGroup&) const = default;
};

struct LedgerAlias {
  std::string name;
  std::uint32_t type = 0;

  bool operator==(const LedgerAlias&) const = default;
};

/// Index in `types` and `groups` is the index in the segment.
struct LedgerSpec {
  std::vector<LedgerType> types;
  std::vector<LedgerGroup> groups;
  std::vector<LedgerAlias> aliases;
  bool idle_rule = true;
  ChargeMode charge_mode = ChargeMode::kMax;
  AffinityMode affinity = AffinityMode::kConsolidate;
  std::uint32_t hold_ms = 15'000;
  std::uint32_t sample_interval_ms = 1'000;
  std::uint32_t overtake_window_ms = 1'000;
  std::uint32_t turn_ms = 20;
  std::uint64_t capacity_micro = 0;
  std::uint64_t budget_micro = 0;
  std::uint64_t memory_max_bytes = 0;
  std::uint64_t memory_headroom_bytes = 0;

  bool operator==(const LedgerSpec&) const = default;
};

}  // namespace slotd::broker
