#include "broker/http/pages.hpp"

#include <string>
#include <vector>

#include "slotd/admission.hpp"
#include "slotd/layout.hpp"
#include "slotd/status_document.hpp"
#include "slotd/units.hpp"
#include "slotd/warnings.hpp"

namespace slotd::broker {

namespace {

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

std::string warnings_html(const Snapshot& snapshot, std::uint64_t drain) {
  const std::vector<Warning> warnings = find_warnings(snapshot, drain);
  if (warnings.empty()) return {};
  std::string out = "<table id=\"warnings\">\n";
  for (const Warning& warning : warnings) out += html_row("td", {warning.label, warning.text});
  return out + "</table>\n";
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
  row("broker", std::string(broker_state_name(snapshot.broker.state)) + ", version " +
                    snapshot.broker.version);
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
    "<style>body{font-family:sans-serif;margin:2em}table{border-collapse:collapse;margin-bottom:"
    "1em}"
    "td,th{border:1px solid #999;padding:.2em .6em;text-align:left}</style>\n</head>\n<body>\n"
    "<h1>slotd</h1>\n";
constexpr char kFoot[] =
    "<p><a href=\"/metrics\">metrics</a> <a href=\"/v1/status\">status</a></p>\n"
    "</body>\n</html>\n";

}  // namespace

std::string write_status_page(const Snapshot& snapshot, const std::string& path,
                              std::uint64_t drain) {
  return kHead + warnings_html(snapshot, drain) + node_html(snapshot, path) + types_html(snapshot) +
         groups_html(snapshot) + kFoot;
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
