// A literal Snapshot for the tests of what slotctl prints.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "slotd/snapshot.hpp"
#include "tests/support/json_schema.hpp"

namespace slotd::ctl {

/// 12 cores at 0.8; three participants of a limit of 3, one of them still pending, and room for
/// other jobs.
inline Snapshot busy_node() {
  Snapshot out;
  out.broker = {BrokerState::kReady, 4711, "0.1.0", 0.4};
  out.capacities = {1024, 512};
  out.capacity_micro = 12'000'000;
  out.budget_micro = 9'600'000;
  out.charged_micro = 6'000'000;
  out.measured_micro = 5'100'000;
  out.memory_headroom_bytes = 1ULL << 30;

  TypeSnapshot participant;
  participant.index = 2;
  participant.name = "participant";
  participant.configured_limit = 3;
  participant.limit = 3;
  participant.in_use = 3;
  participant.pending = 1;
  participant.cost_milli = 2000;
  participant.verdict.reason = Reason::kTypeLimit;
  TypeSnapshot track;
  track.index = 4;
  track.name = "track";
  track.cost_milli = 500;
  out.types = {participant, track};

  GroupSnapshot web;
  web.name = "web";
  web.limit = 18;
  out.groups = {web};

  out.counters.claims = 7;
  out.counters.releases = 3;
  out.counters.reaped = 1;
  out.counters.stale = 2;
  out.counters.refusals[static_cast<std::size_t>(Reason::kTypeLimit)] = 4;
  out.counters.refusals[static_cast<std::size_t>(Reason::kCpu)] = 1;
  return out;
}

/// Charged by its smoothed use, which is less than what the last sample says.
inline SlotSnapshot held_slot() {
  SlotSnapshot slot;
  slot.slot = 5;
  slot.word = SlotWord::make(9, SlotState::kActive, 2, 2000, 77);
  slot.token = "v1-a-5-b-4d";
  slot.type = "participant";
  slot.key = "EG_1";
  slot.owner_pid = 4712;
  slot.owner_name = "handler";
  slot.charge_micro = 2'500'000;
  slot.charge_origin = ChargeOrigin::kMeasured;
  slot.measured_micro = 2'734'567;
  slot.measured_memory_bytes = 850ULL << 20;
  slot.origin = UsageOrigin::kTree;
  slot.memory_bytes = 1ULL << 30;
  slot.memory_pending_bytes = 174ULL << 20;  // 1024 MiB less 850
  slot.age_s = 12.5;
  slot.active_s = 10.25;
  return slot;
}

/// A node whose last sample is 0.4 s old, with these slots.
inline Snapshot sampled_node(std::vector<SlotSnapshot> slots) {
  Snapshot out;
  out.broker = {BrokerState::kReady, 4711, "0.1.0", 0.4};
  out.slots = std::move(slots);
  return out;
}

/// Empty when the document follows docs/schema.
inline std::string problems(const std::string& schema, const std::string& text) {
  return testing::schema_problems(std::string(SLOTD_SOURCE_DIR) + "/docs/schema", schema, text);
}

}  // namespace slotd::ctl
