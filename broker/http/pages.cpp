#include "broker/http/pages.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <string>
#include <vector>

#include "broker/config/source_text.hpp"
#include "slotd/admission.hpp"
#include "slotd/layout.hpp"
#include "slotd/units.hpp"

namespace slotd::broker {

namespace {

constexpr int kSchema = 1;  // of slotctl's documents

const char* state_name(BrokerState state) {
  switch (state) {
    case BrokerState::kReady:
      return "ready";
    case BrokerState::kDraining:
      return "draining";
    case BrokerState::kDown:
      break;
  }
  return "down";
}

/// A type that was removed by a reload is shown for as long as something of it is held.
bool is_shown(const TypeSnapshot& type) { return !type.retired || type.in_use != 0; }

// ---- JSON

/// In quotes. Bytes that are no UTF-8 are written as the characters of those numbers.
std::string json_text(std::string_view text) {
  const bool is_utf8 = find_byte_fault(text).why.empty();
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out.append({'\\', c});
    } else if (byte < 0x20 || byte == 0x7f || (byte >= 0x80 && !is_utf8)) {
      std::array<char, 7> code{};
      std::snprintf(code.data(), code.size(), "\\u%04x", static_cast<unsigned>(byte));
      out.append(code.data());
    } else {
      out += c;
    }
  }
  return out + '"';
}

/// "key":value, with a comma in front of all but the first.
class JsonObject {
 public:
  JsonObject& add(const char* key, const std::string& value) {
    text_.append(text_.size() > 1 ? ",\"" : "\"").append(key).append("\":").append(value);
    return *this;
  }
  JsonObject& add_number(const char* key, std::uint64_t value) {
    return add(key, std::to_string(value));
  }
  JsonObject& add_bool(const char* key, bool value) { return add(key, value ? "true" : "false"); }
  [[nodiscard]] std::string take() const { return text_ + "}"; }

 private:
  std::string text_ = "{";
};

std::string json_list(const std::vector<std::string>& items) {
  std::string out = "[";
  for (const std::string& item : items) out.append(out.size() > 1 ? "," : "").append(item);
  return out + "]";
}

/// Always as a decimal: 2.0, 9.6.
std::string decimal(const std::string& text) {
  return text.find('.') == std::string::npos ? text + ".0" : text;
}
std::string json_micro(std::int64_t micro) { return decimal(format_cores_micro(micro)); }
std::string json_cores(std::uint64_t micro) {
  return micro == kNotMeasured ? "null" : json_micro(static_cast<std::int64_t>(micro));
}
std::string json_limit(std::uint32_t limit) {
  return limit == kNoLimit ? "null" : std::to_string(limit);
}
std::string json_name_or_null(const std::string& name) {
  return name.empty() ? "null" : json_text(name);
}

std::string broker_json(const BrokerSnapshot& broker) {
  const bool is_sampled = broker.sample_age_s >= 0;
  const std::string age = decimal(format_seconds_ms(std::llround(broker.sample_age_s * 1e3)));
  return JsonObject()
      .add("state", json_text(state_name(broker.state)))
      .add("pid", broker.pid == 0 ? "null" : std::to_string(broker.pid))
      .add("version", json_text(broker.version))
      .add("sample_age", is_sampled ? age : "null")
      .add_bool("sample_stale", broker.is_sample_stale)
      .take();
}

std::string cpu_json(const Snapshot& snapshot) {
  const std::uint64_t psi_ppb = snapshot.psi_cpu_ppb;
  const std::string psi = psi_ppb == kNotMeasured
                              ? "null"
                              : decimal(format_ratio_ppb(static_cast<std::uint32_t>(psi_ppb)));
  return JsonObject()
      .add("capacity", json_micro(static_cast<std::int64_t>(snapshot.capacity_micro)))
      .add("budget", json_micro(static_cast<std::int64_t>(snapshot.budget_micro)))
      .add("charged", json_micro(static_cast<std::int64_t>(snapshot.charged_micro)))
      .add("available", json_micro(snapshot.available_micro()))
      .add("measured", json_cores(snapshot.measured_micro))
      .add("host_busy", json_cores(snapshot.host_busy_micro))
      .add("psi", psi)
      .take();
}

std::string type_json(const TypeSnapshot& type) {
  const Reason reason = type.verdict.reason;
  return JsonObject()
      .add("name", json_text(type.name))
      .add("limit", json_limit(type.limit))
      .add_number("in_use", type.in_use)
      .add_number("pending", type.pending)
      .add_number("waiting", type.waiting)
      .add("cpu", decimal(format_cores_milli(type.cost_milli)))
      .add_bool("can_accept", reason == Reason::kNone)
      .add("refusal", reason == Reason::kNone ? "null" : json_text(reason_name(reason)))
      .add_number("memory", type.memory_bytes)
      .add_bool("draining", type.draining)
      .add("counts_as", json_name_or_null(type.counts_as))
      .take();
}

std::string group_json(const GroupSnapshot& group) {
  return JsonObject()
      .add("name", json_text(group.name))
      .add("limit", json_limit(group.limit))
      .add_number("in_use", group.in_use)
      .add("external", group.external_unreadable ? "null" : std::to_string(group.external))
      .add_bool("external_unreadable", group.external_unreadable)
      .take();
}

// ---- HTML

std::string cores_text(std::uint64_t micro) {
  return micro == kNotMeasured ? "-" : format_cores_micro(static_cast<std::int64_t>(micro));
}
std::string limit_text(std::uint32_t limit) {
  return limit == kNoLimit ? "none" : std::to_string(limit);
}

/// Cells are escaped here, and only here.
std::string html_row(const char* cell, const std::vector<std::string>& texts) {
  std::string out = "<tr>";
  for (const std::string& text : texts) {
    out.append("<").append(cell).append(">").append(escape_html(text));
    out.append("</").append(cell).append(">");
  }
  return out + "</tr>\n";
}

std::string types_html(const Snapshot& snapshot) {
  std::string out = "<h2>Types</h2>\n<table id=\"types\">\n";
  out += html_row("th", {"type", "limit", "in use", "pending", "waiting", "cpu", "can accept"});
  for (const TypeSnapshot& type : snapshot.types) {
    if (!is_shown(type)) continue;
    const Reason reason = type.verdict.reason;
    out += html_row("td", {type.name, limit_text(type.limit), std::to_string(type.in_use),
                           std::to_string(type.pending), std::to_string(type.waiting),
                           format_cores_milli(type.cost_milli),
                           reason == Reason::kNone ? std::string("yes")
                                                   : std::string("no: ") + reason_name(reason)});
  }
  return out + "</table>\n";
}

std::string groups_html(const Snapshot& snapshot) {
  if (snapshot.groups.empty()) return {};
  std::string out = "<h2>Groups</h2>\n<table id=\"groups\">\n";
  out += html_row("th", {"group", "limit", "in use"});
  for (const GroupSnapshot& group : snapshot.groups)
    out += html_row("td", {group.name, limit_text(group.limit), std::to_string(group.in_use)});
  return out + "</table>\n";
}

std::string node_html(const Snapshot& snapshot, const std::string& path) {
  std::string out = "<table id=\"node\">\n";
  const auto row = [&out](const char* name, const std::string& value) {
    out += html_row("td", {name, value});
  };
  row("broker",
      std::string(state_name(snapshot.broker.state)) + ", version " + snapshot.broker.version);
  row("segment", path);
  row("slots held",
      std::to_string(snapshot.slots.size()) + " of " + std::to_string(snapshot.capacities.slots));
  row("cpu", "capacity " + cores_text(snapshot.capacity_micro) + ", budget " +
                 cores_text(snapshot.budget_micro) + ", charged " +
                 cores_text(snapshot.charged_micro) + ", available " +
                 format_cores_micro(snapshot.available_micro()) + ", measured " +
                 cores_text(snapshot.measured_micro));
  row("memory",
      "max " +
          (snapshot.memory_max_bytes == 0 ? std::string("none")
                                          : format_bytes_human(snapshot.memory_max_bytes)) +
          ", used " + format_bytes_human(snapshot.memory_used_bytes));
  row("counters", std::to_string(snapshot.counters.claims) + " claims, " +
                      std::to_string(snapshot.counters.refused()) + " refusals, " +
                      std::to_string(snapshot.counters.releases) + " releases, " +
                      std::to_string(snapshot.counters.reaped) + " reaped");
  return out + "</table>\n";
}

constexpr char kHead[] =
    "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
    "<meta http-equiv=\"refresh\" content=\"5\">\n<title>slotd</title>\n"
    "<style>body{font-family:sans-serif;margin:2em}table{border-collapse:collapse}"
    "td,th{border:1px solid #999;padding:.2em .6em;text-align:left}</style>\n</head>\n<body>\n"
    "<h1>slotd</h1>\n";
constexpr char kFoot[] =
    "<p><a href=\"/metrics\">metrics</a> <a href=\"/v1/status\">status</a></p>\n"
    "</body>\n</html>\n";

}  // namespace

std::string write_status_json(const Snapshot& snapshot, const std::string& path) {
  std::vector<std::string> types;
  for (const TypeSnapshot& type : snapshot.types) {
    if (is_shown(type)) types.push_back(type_json(type));
  }
  std::vector<std::string> groups;
  for (const GroupSnapshot& group : snapshot.groups) groups.push_back(group_json(group));
  JsonObject out;
  out.add_number("schema", kSchema)
      .add("broker", broker_json(snapshot.broker))
      .add("segment", JsonObject()
                          .add("path", json_text(path))
                          .add_number("layout", kLayout)
                          .add_number("slots", snapshot.capacities.slots)
                          .add_number("processes", snapshot.capacities.processes)
                          .take())
      .add("cpu", cpu_json(snapshot))
      .add("memory", JsonObject()
                         .add_number("max", snapshot.memory_max_bytes)
                         .add_number("used", snapshot.memory_used_bytes)
                         .add_number("pending", snapshot.memory_pending_bytes)
                         .add_number("headroom", snapshot.memory_headroom_bytes)
                         .take())
      .add("types", json_list(types))
      .add("groups", json_list(groups))
      .add("counters", JsonObject()
                           .add_number("claims", snapshot.counters.claims)
                           .add_number("refusals", snapshot.counters.refused())
                           .add_number("releases", snapshot.counters.releases)
                           .add_number("reaped", snapshot.counters.reaped)
                           .add_number("stale_releases", snapshot.counters.stale)
                           .take());
  if (!snapshot.stable) out.add_bool("unstable", true);
  return out.take() + "\n";
}

std::string write_status_page(const Snapshot& snapshot, const std::string& path) {
  return kHead + node_html(snapshot, path) + types_html(snapshot) + groups_html(snapshot) + kFoot;
}

std::string unready_reason(const Snapshot& snapshot, std::uint64_t drain) {
  if ((drain & kDrainRebuild) != 0) return "rebuilding: holders assert their slots anew";
  if ((drain & kDrainAll) != 0) return "draining";
  if (snapshot.broker.state == BrokerState::kDown) return "starting";
  return {};
}

std::string escape_html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '&') {
      out += "&amp;";
    } else if (c == '<') {
      out += "&lt;";
    } else if (c == '>') {
      out += "&gt;";
    } else if (c == '"') {
      out += "&quot;";
    } else if (c == '\'') {
      out += "&#39;";
    } else if (byte < 0x20 || byte >= 0x7f) {
      out += '?';
    } else {
      out += c;
    }
  }
  return out;
}

}  // namespace slotd::broker
