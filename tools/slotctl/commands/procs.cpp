#include "tools/slotctl/commands/procs.hpp"

#include <nlohmann/json.hpp>

#include "tools/slotctl/figures.hpp"
#include "tools/slotctl/list_options.hpp"
#include "tools/slotctl/list_verb.hpp"
#include "tools/slotctl/usage_view.hpp"

namespace slotd::ctl {

namespace {

constexpr std::uint64_t kUnknownUid = ~std::uint64_t{0};

const char* liveness_name(Liveness liveness) {
  switch (liveness) {
    case Liveness::kPresence:
      return "presence";
    case Liveness::kPid:
      return "pid";
    case Liveness::kDead:
      return "dead";
  }
  return "pid";
}

Json process_json(const ProcessSnapshot& process, const BrokerSnapshot& broker) {
  Json out;
  out["index"] = process.index;
  out["pid"] = process.pid;
  out["name"] = process.name;
  out["uid"] = process.uid == kUnknownUid ? Json(nullptr) : Json(process.uid);
  out["pid_namespace"] = process.pid_ns_inode;
  out["slots"] = process.slots;
  out["liveness"] = liveness_name(process.liveness);
  out["watched"] = process.watched;
  out["age"] = seconds_json(process.attached_age_s);
  out["measured"] = optional_cores_json(process.measured_micro);
  out["memory"] = optional_bytes_json(process.memory_bytes);
  out["source"] = source_json(process.origin);
  out["sample_age"] = sample_age_json(
      broker, process.measured_micro.has_value() || process.memory_bytes.has_value());
  return out;
}

std::vector<Cell> process_row(const ProcessSnapshot& process, Charset charset) {
  const Tone tone = process.liveness == Liveness::kDead ? Tone::kBad : Tone::kPlain;
  return {{std::to_string(process.pid)},
          {escape_text(process.name, charset)},
          {process.uid == kUnknownUid ? "-" : std::to_string(process.uid)},
          {std::to_string(process.slots)},
          {liveness_name(process.liveness), tone},
          {process.watched ? "yes" : "no"},
          {age_text(process.attached_age_s)},
          {optional_cores_text(process.measured_micro)},
          {optional_bytes_text(process.memory_bytes)},
          {source_text(process.origin)},
          {std::to_string(process.pid_ns_inode)}};
}

}  // namespace

Json procs_json(const Snapshot& snapshot) {
  Json out = make_document();
  out["processes"] = Json::array();
  for (const ProcessSnapshot& process : snapshot.processes) {
    out["processes"].push_back(process_json(process, snapshot.broker));
  }
  if (!snapshot.stable) out["unstable"] = true;
  return out;
}

Table procs_table(const Snapshot& snapshot, Charset charset) {
  Table table;
  table.columns = {{"PID", Align::kRight},
                   {"NAME", Align::kLeft, true},
                   {"UID", Align::kRight},
                   {"SLOTS", Align::kRight},
                   {"LIVENESS", Align::kLeft},
                   {"WATCHED", Align::kLeft},
                   {"AGE", Align::kRight},
                   {"CPU", Align::kRight},
                   {"MEMORY", Align::kRight},
                   {"SOURCE", Align::kLeft},
                   {"NAMESPACE", Align::kRight, false, Shown::kOnRequest}};
  for (const ProcessSnapshot& process : snapshot.processes) {
    table.rows.push_back(process_row(process, charset));
  }
  return table;
}

std::string procs_text(const Snapshot& snapshot, const TableStyle& style, Charset charset) {
  std::string text =
      render_table(arrange_columns(procs_table(snapshot, charset), style.columns), style);
  if (!snapshot.processes.empty() && style.columns.empty()) {
    text += "\n" + sample_line(snapshot.broker, UsageOrigin::kNone, style);
  }
  return text;
}

void add_procs(CommandSet& set) {
  add_list_verb(set, {"procs", "the processes that own slots, and how their life is known",
                      "processes", procs_table, procs_json, procs_text});
}

}  // namespace slotd::ctl
