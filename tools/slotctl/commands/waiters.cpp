#include "tools/slotctl/commands/waiters.hpp"

#include <nlohmann/json.hpp>

#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/figures.hpp"
#include "tools/slotctl/segment_access.hpp"

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
          {age_text(waiter.waited_s)}};
}

int run_waiters(const Context& context) {
  const ProcessTable processes = open_for_reading(context.globals);
  const Snapshot snapshot = read_snapshot(processes);
  if (context.globals.json) {
    context.print_json(waiters_json(snapshot));
  } else {
    const Console& console = context.console;
    context.console.print(waiters_text(snapshot, console.style(), console.charset()));
  }
  return to_status(ExitCode::kDone);
}

}  // namespace

Json waiters_json(const Snapshot& snapshot) {
  Json out = make_document();
  out["waiters"] = Json::array();
  for (const WaiterSnapshot& waiter : snapshot.waiters)
    out["waiters"].push_back(waiter_json(waiter));
  return out;
}

std::string waiters_text(const Snapshot& snapshot, const TableStyle& style, Charset charset) {
  Table table;
  table.columns = {{"PID", Align::kRight},       {"NAME", Align::kLeft, true},
                   {"TYPE", Align::kLeft, true}, {"PRIORITY", Align::kRight},
                   {"CPU", Align::kRight},       {"MEMORY", Align::kRight},
                   {"TURN", Align::kLeft},       {"AGE", Align::kRight}};
  for (const WaiterSnapshot& waiter : snapshot.waiters)
    table.rows.push_back(waiter_row(waiter, charset));
  return render_table(table, style);
}

void add_waiters(CommandSet& set) {
  set.add("waiters", "who waits for what, in the order in which they would go", run_waiters);
}

}  // namespace slotd::ctl
