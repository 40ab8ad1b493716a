#include "tools/slotctl/commands/status.hpp"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "slotd/admission.hpp"
#include "slotd/units.hpp"
#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/figures.hpp"
#include "tools/slotctl/segment_access.hpp"
#include "tools/slotctl/usage_view.hpp"

namespace slotd::ctl {

namespace {

const char* state_name(BrokerState state) {
  switch (state) {
    case BrokerState::kReady:
      return "ready";
    case BrokerState::kDraining:
      return "draining";
    case BrokerState::kDown:
      return "down";
  }
  return "down";
}

Tone state_tone(BrokerState state) {
  switch (state) {
    case BrokerState::kReady:
      return Tone::kGood;
    case BrokerState::kDraining:
      return Tone::kWarning;
    case BrokerState::kDown:
      return Tone::kBad;
  }
  return Tone::kBad;
}

Json broker_json(const BrokerSnapshot& broker) {
  Json out{{"state", state_name(broker.state)}};
  out["pid"] = broker.pid != 0 ? Json(broker.pid) : Json(nullptr);
  out["version"] = broker.version;
  out["sample_age"] = sample_age_json(broker, true);
  out["sample_stale"] = broker.is_sample_stale;
  return out;
}

/// A figure of the sample, or nothing.
std::optional<std::uint64_t> known(std::uint64_t figure) {
  return figure == kNotMeasured ? std::nullopt : std::optional<std::uint64_t>(figure);
}

Json cpu_json(const Snapshot& snapshot) {
  Json out;
  out["capacity"] = cores_json(to_signed(snapshot.capacity_micro));
  out["budget"] = cores_json(to_signed(snapshot.budget_micro));
  out["charged"] = cores_json(to_signed(snapshot.charged_micro));
  out["available"] = cores_json(snapshot.available_micro());
  out["measured"] = optional_cores_json(known(snapshot.measured_micro));
  out["host_busy"] = optional_cores_json(known(snapshot.host_busy_micro));
  const auto psi_ppb = known(snapshot.psi_cpu_ppb);
  out["psi"] = psi_ppb ? Json(static_cast<double>(*psi_ppb) / 1e9) : Json(nullptr);
  return out;
}

Json type_json(const TypeSnapshot& type) {
  const Reason reason = type.verdict.reason;
  Json out;
  out["name"] = type.name;
  out["limit"] = limit_json(type.limit);
  out["in_use"] = type.in_use;
  out["pending"] = type.pending;
  out["waiting"] = type.waiting;
  out["cpu"] = milli_cores_json(type.cost_milli);
  out["can_accept"] = reason == Reason::kNone;
  out["refusal"] = reason == Reason::kNone ? Json(nullptr) : Json(reason_name(reason));
  out["memory"] = type.memory_bytes;
  out["draining"] = type.draining;
  out["counts_as"] = type.counts_as.empty() ? Json(nullptr) : Json(type.counts_as);
  return out;
}

Json counters_json(const CounterTotals& counters) {
  return Json{{"claims", counters.claims},
              {"refusals", counters.refused()},
              {"releases", counters.releases},
              {"reaped", counters.reaped},
              {"stale_releases", counters.stale}};
}

/// A type that was removed by a reload is shown for as long as something of it is held.
bool is_shown(const TypeSnapshot& type) { return !type.retired || type.in_use != 0; }

std::string broker_line(const BrokerSnapshot& broker, const TableStyle& style, Charset charset) {
  std::string line =
      "broker    " + paint(state_name(broker.state), state_tone(broker.state), style);
  if (broker.pid != 0) line += ", pid " + std::to_string(broker.pid);
  line += ", version " + escape_text(broker.version, charset);
  if (broker.sample_age_s < 0) {
    line += ", nothing sampled yet";
  } else {
    line += ", sampled " + age_text(broker.sample_age_s) + " ago";
  }
  return line + "\n";
}

std::string segment_line(const Snapshot& snapshot, const std::string& path, Charset charset) {
  return "segment   " + escape_text(path, charset) + ", layout " + std::to_string(kLayout) + ", " +
         std::to_string(snapshot.slots.size()) + " of " +
         std::to_string(snapshot.capacities.slots) + " slots, " +
         std::to_string(snapshot.processes.size()) + " of " +
         std::to_string(snapshot.capacities.processes) + " processes\n";
}

std::string cpu_line(const Snapshot& snapshot) {
  return "cpu       capacity " + rounded_cores_text(to_signed(snapshot.capacity_micro)) +
         ", budget " + rounded_cores_text(to_signed(snapshot.budget_micro)) + ", charged " +
         rounded_cores_text(to_signed(snapshot.charged_micro)) + ", available " +
         rounded_cores_text(snapshot.available_micro()) + "\n";
}

/// 12345678 parts of a thousand million are "1.2 %".
std::string percent_text(std::uint64_t ppb) {
  const std::uint64_t tenths = ppb / 1'000'000U;
  return std::to_string(tenths / 10U) + "." + std::to_string(tenths % 10U) + " %";
}

std::string load_line(const Snapshot& snapshot) {
  const auto measured = known(snapshot.measured_micro);
  const auto busy = known(snapshot.host_busy_micro);
  const auto psi_ppb = known(snapshot.psi_cpu_ppb);
  if (!measured && !busy && !psi_ppb) return "load      not measured yet\n";
  std::string text;
  const auto add = [&text](const std::string& part) { text += (text.empty() ? "" : ", ") + part; };
  if (measured) add("owners use " + optional_cores_text(measured));
  if (busy) add("whole host " + optional_cores_text(busy));
  if (psi_ppb) add("CPU pressure " + percent_text(*psi_ppb));
  return "load      " + text + "\n";
}

std::string memory_line(const Snapshot& snapshot) {
  const std::string used = format_bytes_human(snapshot.memory_used_bytes);
  if (snapshot.memory_max_bytes == 0) {
    const bool is_measured = known(snapshot.measured_micro).has_value();
    return is_measured ? "memory    used " + used + ", not limited\n" : "memory    not limited\n";
  }
  return "memory    max " + format_bytes_human(snapshot.memory_max_bytes) + ", used " + used +
         ", pending " + format_bytes_human(snapshot.memory_pending_bytes) + ", headroom " +
         format_bytes_human(snapshot.memory_headroom_bytes) + "\n";
}

std::string counters_line(const CounterTotals& counters) {
  return "counters  " + std::to_string(counters.claims) + " claims, " +
         std::to_string(counters.refused()) + " refusals, " + std::to_string(counters.releases) +
         " releases, " + std::to_string(counters.reaped) + " reaped, " +
         std::to_string(counters.stale) + " stale releases\n";
}

Table types_table(const Snapshot& snapshot, Charset charset) {
  Table table;
  table.columns = {{"TYPE", Align::kLeft, true}, {"LIMIT", Align::kRight},
                   {"IN USE", Align::kRight},    {"PENDING", Align::kRight},
                   {"WAITING", Align::kRight},   {"CPU", Align::kRight},
                   {"CAN ACCEPT", Align::kLeft}};
  for (const TypeSnapshot& type : snapshot.types) {
    if (!is_shown(type)) continue;
    const Reason reason = type.verdict.reason;
    const bool yes = reason == Reason::kNone;
    const std::string answer = yes ? "yes" : "no: " + std::string(reason_name(reason));
    table.rows.push_back({{escape_text(type.name, charset)},
                          {limit_text(type.limit)},
                          {std::to_string(type.in_use)},
                          {std::to_string(type.pending)},
                          {std::to_string(type.waiting)},
                          {format_cores_milli(type.cost_milli)},
                          {answer, yes ? Tone::kGood : Tone::kWarning}});
  }
  return table;
}

Json group_json(const GroupSnapshot& group) {
  Json out;
  out["name"] = group.name;
  out["limit"] = limit_json(group.limit);
  out["in_use"] = group.in_use;
  out["external"] = group.external_unreadable ? Json(nullptr) : Json(group.external);
  out["external_unreadable"] = group.external_unreadable;
  return out;
}

Cell external_cell(const GroupSnapshot& group) {
  if (group.external_unreadable) return {"unreadable: counts as full", Tone::kBad};
  return {group.external == 0 ? "-" : std::to_string(group.external)};
}

Table groups_table(const Snapshot& snapshot, Charset charset) {
  const bool has_external = std::any_of(
      snapshot.groups.begin(), snapshot.groups.end(),
      [](const GroupSnapshot& group) { return group.external != 0 || group.external_unreadable; });
  Table table;
  table.columns = {
      {"GROUP", Align::kLeft, true}, {"LIMIT", Align::kRight}, {"IN USE", Align::kRight}};
  if (has_external) table.columns.push_back({"FROM OUTSIDE", Align::kLeft});
  for (const GroupSnapshot& group : snapshot.groups) {
    std::vector<Cell> row = {{escape_text(group.name, charset)},
                             {limit_text(group.limit)},
                             {std::to_string(group.in_use)}};
    if (has_external) row.push_back(external_cell(group));
    table.rows.push_back(std::move(row));
  }
  return table;
}

int run_status(const Context& context) {
  const ProcessTable processes = open_for_reading(context.globals);
  const Snapshot snapshot = read_snapshot(processes);
  const std::string path = segment_path_of(context.globals);
  if (context.globals.json) {
    context.print_json(status_json(snapshot, path));
  } else {
    const Console& console = context.console;
    context.console.print(status_text(snapshot, path, console.style(), console.charset()));
  }
  return to_status(ExitCode::kDone);
}

}  // namespace

Json status_json(const Snapshot& snapshot, const std::string& path) {
  Json out = make_document();
  out["broker"] = broker_json(snapshot.broker);
  out["segment"] = Json{{"path", path},
                        {"layout", kLayout},
                        {"slots", snapshot.capacities.slots},
                        {"processes", snapshot.capacities.processes}};
  out["cpu"] = cpu_json(snapshot);
  out["memory"] = Json{{"max", snapshot.memory_max_bytes},
                       {"used", snapshot.memory_used_bytes},
                       {"pending", snapshot.memory_pending_bytes},
                       {"headroom", snapshot.memory_headroom_bytes}};
  out["types"] = Json::array();
  for (const TypeSnapshot& type : snapshot.types) {
    if (is_shown(type)) out["types"].push_back(type_json(type));
  }
  out["groups"] = Json::array();
  for (const GroupSnapshot& group : snapshot.groups) out["groups"].push_back(group_json(group));
  out["counters"] = counters_json(snapshot.counters);
  if (!snapshot.stable) out["unstable"] = true;
  return out;
}

std::string status_text(const Snapshot& snapshot, const std::string& path, const TableStyle& style,
                        Charset charset) {
  std::string text = broker_line(snapshot.broker, style, charset);
  text += stale_line(snapshot.broker, style);
  text += segment_line(snapshot, path, charset);
  text += cpu_line(snapshot);
  text += load_line(snapshot);
  text += memory_line(snapshot);
  text += counters_line(snapshot.counters);
  if (!snapshot.stable) text += "unstable  slots kept changing while they were read\n";
  text += "\n" + render_table(types_table(snapshot, charset), style);
  if (!snapshot.groups.empty()) text += "\n" + render_table(groups_table(snapshot, charset), style);
  return text;
}

void add_status(CommandSet& set) {
  set.add("status", "broker, segment, cpu, memory, a line per type and group", run_status);
}

}  // namespace slotd::ctl
