#include "tools/slotctl/commands/slots.hpp"

#include <nlohmann/json.hpp>

#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/figures.hpp"
#include "tools/slotctl/segment_access.hpp"

namespace slotd::ctl {

namespace {

Json slot_json(const SlotSnapshot& slot) {
  Json out;
  out["slot"] = slot.slot;
  out["token"] = slot.token;
  out["type"] = slot.type;
  out["key"] = slot.key.empty() ? Json(nullptr) : Json(slot.key);
  out["state"] = slot_state_name(slot.word.state());
  out["owner"] =
      Json{{"pid", slot.owner_pid}, {"name", slot.owner_name}, {"dead", slot.owner_dead}};
  out["cpu"] = milli_cores_json(slot.word.cost_milli());
  out["charge"] = cores_json(to_signed(slot.charge_micro));
  out["measured"] = slot.measured ? cores_json(to_signed(slot.charge_micro)) : Json(nullptr);
  out["memory"] = slot.memory_bytes;
  out["age"] = seconds_json(slot.age_s);
  return out;
}

std::vector<Cell> slot_row(const SlotSnapshot& slot, Charset charset) {
  const Tone tone = slot.owner_dead ? Tone::kBad : Tone::kPlain;
  std::string owner = escape_text(slot.owner_name, charset);
  if (slot.owner_dead) owner += owner.empty() ? "(dead)" : " (dead)";
  return {{std::to_string(slot.slot)},
          {escape_text(slot.type, charset)},
          {slot_state_name(slot.word.state())},
          {age_text(slot.age_s)},
          {format_cores_milli(slot.word.cost_milli())},
          {cores_text(slot.charge_micro)},
          {slot.memory_bytes == 0 ? "-" : format_bytes_human(slot.memory_bytes)},
          {std::to_string(slot.owner_pid)},
          {owner, tone},
          {slot.key.empty() ? "-" : escape_text(slot.key, charset)}};
}

int run_slots(const Context& context) {
  const ProcessTable processes = open_for_reading(context.globals);
  const Snapshot snapshot = read_snapshot(processes);
  if (context.globals.json) {
    context.print_json(slots_json(snapshot));
  } else {
    const Console& console = context.console;
    context.console.print(slots_text(snapshot, console.style(), console.charset()));
  }
  return to_status(ExitCode::kDone);
}

}  // namespace

const char* slot_state_name(SlotState state) {
  switch (state) {
    case SlotState::kPending:
      return "pending";
    case SlotState::kActive:
      return "active";
    case SlotState::kEnding:
      return "ending";
    default:
      return "invalid";
  }
}

Json slots_json(const Snapshot& snapshot) {
  Json out = make_document();
  out["slots"] = Json::array();
  for (const SlotSnapshot& slot : snapshot.slots) out["slots"].push_back(slot_json(slot));
  if (!snapshot.stable) out["unstable"] = true;
  return out;
}

std::string slots_text(const Snapshot& snapshot, const TableStyle& style, Charset charset) {
  Table table;
  table.columns = {{"SLOT", Align::kRight},       {"TYPE", Align::kLeft, true},
                   {"STATE", Align::kLeft},       {"AGE", Align::kRight},
                   {"CPU", Align::kRight},        {"CHARGE", Align::kRight},
                   {"MEMORY", Align::kRight},     {"PID", Align::kRight},
                   {"OWNER", Align::kLeft, true}, {"KEY", Align::kLeft, true}};
  for (const SlotSnapshot& slot : snapshot.slots) table.rows.push_back(slot_row(slot, charset));
  return render_table(table, style);
}

void add_slots(CommandSet& set) { set.add("slots", "who holds what, and since when", run_slots); }

}  // namespace slotd::ctl
