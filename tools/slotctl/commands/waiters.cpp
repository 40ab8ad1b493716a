#include "tools/slotctl/commands/waiters.hpp"

#include <nlohmann/json.hpp>

#include "tools/slotctl/figures.hpp"
#include "tools/slotctl/list_options.hpp"
#include "tools/slotctl/list_verb.hpp"

namespace slotd::ctl {

namespace {

const char* turn_name(const WaiterSnapshot& waiter) {
  if (waiter.is_told) return "told";
  return waiter.has_missed ? "missed" : "waiting";
}

Json waiter_json(const WaiterSnapshot& waiter) {
  Json out;
  out["pid"] = waiter.pid;
  out["name"] = waiter.name;
  out["type"] = waiter.type;
  out["priority"] = waiter.priority;
  out["ticket"] = waiter.ticket;
  out["cpu"] = milli_cores_json(waiter.cost_milli);
  out["memory"] = waiter.memory_bytes;
  out["turn"] = turn_name(waiter);
  out["age"] = seconds_json(waiter.waited_s);
  return out;
}

std::vector<Cell> waiter_row(const WaiterSnapshot& waiter, Charset charset) {
  const Tone tone = waiter.is_told      ? Tone::kGood
                    : waiter.has_missed ? Tone::kWarning
                                        : Tone::kPlain;
  return {{std::to_string(waiter.pid)},
          {escape_text(waiter.name, charset)},
          {escape_text(waiter.type, charset)},
          {std::to_string(waiter.priority)},
          {format_cores_milli(waiter.cost_milli)},
          {waiter.memory_bytes == 0 ? "-" : format_bytes_human(waiter.memory_bytes)},
          {turn_name(waiter), tone},
          {age_text(waiter.waited_s)},
          {std::to_string(waiter.ticket)}};
}

}  // namespace

Json waiters_json(const Snapshot& snapshot) {
  Json out = make_document();
  out["waiters"] = Json::array();
  for (const WaiterSnapshot& waiter : snapshot.waiters)
    out["waiters"].push_back(waiter_json(waiter));
  return out;
}

Table waiters_table(const Snapshot& snapshot, Charset charset) {
  Table table;
  table.columns = {{"PID", Align::kRight},
                   {"NAME", Align::kLeft, true},
                   {"TYPE", Align::kLeft, true},
                   {"PRIORITY", Align::kRight},
                   {"CPU", Align::kRight},
                   {"MEMORY", Align::kRight},
                   {"TURN", Align::kLeft},
                   {"AGE", Align::kRight},
                   {"TICKET", Align::kRight, false, Shown::kOnRequest}};
  for (const WaiterSnapshot& waiter : snapshot.waiters)
    table.rows.push_back(waiter_row(waiter, charset));
  return table;
}

std::string waiters_text(const Snapshot& snapshot, const TableStyle& style, Charset charset) {
  return render_table(arrange_columns(waiters_table(snapshot, charset), style.columns), style);
}

void add_waiters(CommandSet& set) {
  add_list_verb(set, {"waiters", "who waits for what, in the order in which they would go",
                      "waiters", waiters_table, waiters_json, waiters_text});
}

}  // namespace slotd::ctl
