// The document of `slotctl status -J` and of the broker's /v1/status, docs/schema/status.json: one
// writer, so that both say the same. Pure; thread-safe; allocates. More fields may come, none is
// renamed.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "slotd/admission.hpp"
#include "slotd/json_text.hpp"
#include "slotd/layout.hpp"
#include "slotd/snapshot_values.hpp"
#include "slotd/units.hpp"
#include "slotd/warnings.hpp"

namespace slotd::inline v0_1 {

/// A type that was removed by a reload is shown for as long as something of it is held.
inline bool is_shown(const TypeSnapshot& type) noexcept {
  return !type.retired || type.in_use != 0;
}

namespace detail {

inline std::string warning_json(const Warning& warning) {
  JsonObject out;
  out.add("warning", json_text(warning.name)).add("text", json_text(warning.text));
  if (!warning.type.empty()) out.add("type", json_text(warning.type));
  if (!warning.group.empty()) out.add("group", json_text(warning.group));
  if (!warning.slots.empty()) {
    std::vector<std::string> slots;
    for (const std::uint32_t slot : warning.slots) slots.push_back(std::to_string(slot));
    out.add("slots", json_list(slots));
  }
  if (warning.by != nullptr) out.add("by", json_text(warning.by));
  return out.text();
}

inline std::string broker_json(const BrokerSnapshot& broker) {
  return JsonObject()
      .add("state", json_text(broker_state_name(broker.state)))
      .add("pid", broker.pid == 0 ? "null" : std::to_string(broker.pid))
      .add("version", json_text(broker.version))
      .add("sample_age", broker.sample_age_s < 0 ? "null" : json_seconds(broker.sample_age_s))
      .add_bool("sample_stale", broker.is_sample_stale)
      .text();
}

inline std::string segment_json(const Snapshot& snapshot, std::string_view path) {
  return JsonObject()
      .add("path", json_text(path))
      .add_number("layout", kLayout)
      .add_number("slots", snapshot.capacities.slots)
      .add_number("processes", snapshot.capacities.processes)
      .text();
}

inline std::string cpu_json(const Snapshot& snapshot) {
  const std::uint64_t psi = snapshot.psi_cpu_ppb;
  return JsonObject()
      .add("capacity", json_cores(snapshot.capacity_micro))
      .add("budget", json_cores(snapshot.budget_micro))
      .add("charged", json_cores(snapshot.charged_micro))
      .add("available", json_cores(snapshot.available_micro()))
      .add("measured", json_measured_cores(snapshot.measured_micro))
      .add("host_busy", json_measured_cores(snapshot.host_busy_micro))
      .add("psi", psi == kNotMeasured
                      ? "null"
                      : json_decimal(format_ratio_ppb(static_cast<std::uint32_t>(psi))))
      .text();
}

inline std::string memory_json(const Snapshot& snapshot) {
  return JsonObject()
      .add_number("max", snapshot.memory_max_bytes)
      .add_number("used", snapshot.memory_used_bytes)
      .add_number("pending", snapshot.memory_pending_bytes)
      .add_number("headroom", snapshot.memory_headroom_bytes)
      .text();
}

inline std::string type_json(const TypeSnapshot& type) {
  const Reason reason = type.verdict.reason;
  const bool is_admitted = reason == Reason::kNone;
  return JsonObject()
      .add("name", json_text(type.name))
      .add("limit", json_limit(type.limit))
      .add_number("in_use", type.in_use)
      .add_number("pending", type.pending)
      .add_number("waiting", type.waiting)
      .add("cpu", json_decimal(format_cores_milli(type.cost_milli)))
      .add_bool("can_accept", is_admitted)
      .add("refusal", is_admitted ? "null" : json_text(reason_name(reason)))
      .add_number("memory", type.memory_bytes)
      .add_bool("draining", type.draining)
      .add("counts_as", json_text_or_null(type.counts_as))
      .text();
}

inline std::string group_json(const GroupSnapshot& group) {
  return JsonObject()
      .add("name", json_text(group.name))
      .add("limit", json_limit(group.limit))
      .add_number("in_use", group.in_use)
      .add("external", group.external_unreadable ? "null" : std::to_string(group.external))
      .add_bool("external_unreadable", group.external_unreadable)
      .text();
}

inline std::string counters_json(const CounterTotals& counters) {
  return JsonObject()
      .add_number("claims", counters.claims)
      .add_number("refusals", counters.refused())
      .add_number("releases", counters.releases)
      .add_number("reaped", counters.reaped)
      .add_number("stale_releases", counters.stale)
      .text();
}

}  // namespace detail

/// One line without its end. `drain` is the header's word: who drains what. `time_s` is the time of
/// the look, in seconds since 1970, where it is one of several; below 0 it is not said.
inline std::string write_status_document(const Snapshot& snapshot, std::string_view path,
                                         std::uint64_t drain, std::int64_t time_s = -1) {
  std::vector<std::string> warnings;
  for (const Warning& warning : find_warnings(snapshot, drain))
    warnings.push_back(detail::warning_json(warning));
  std::vector<std::string> types;
  for (const TypeSnapshot& type : snapshot.types) {
    if (is_shown(type)) types.push_back(detail::type_json(type));
  }
  std::vector<std::string> groups;
  for (const GroupSnapshot& group : snapshot.groups) groups.push_back(detail::group_json(group));
  JsonObject out;
  out.add_number("schema", kJsonSchema)
      .add("warnings", json_list(warnings))
      .add("broker", detail::broker_json(snapshot.broker))
      .add("segment", detail::segment_json(snapshot, path))
      .add("cpu", detail::cpu_json(snapshot))
      .add("memory", detail::memory_json(snapshot))
      .add("types", json_list(types))
      .add("groups", json_list(groups))
      .add("counters", detail::counters_json(snapshot.counters));
  if (!snapshot.stable) out.add_bool("unstable", true);
  if (time_s >= 0) out.add_number("time", static_cast<std::uint64_t>(time_s));
  return out.text();
}

}  // namespace slotd::inline v0_1
