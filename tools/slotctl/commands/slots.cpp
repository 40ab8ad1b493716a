#include "tools/slotctl/commands/slots.hpp"

#include <algorithm>
#include <functional>
#include <iterator>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "tools/slotctl/figures.hpp"
#include "tools/slotctl/list_options.hpp"
#include "tools/slotctl/list_verb.hpp"
#include "tools/slotctl/usage_view.hpp"

namespace slotd::ctl {

namespace {

Json reported_json(const Report& report) {
  if (!report.cpu_micro && !report.memory_bytes) return nullptr;
  return Json{{"cpu", optional_cores_json(report.cpu_micro)},
              {"memory", optional_bytes_json(report.memory_bytes)}};
}

bool is_measured(const SlotSnapshot& slot) {
  return slot.measured_micro.has_value() || slot.measured_memory_bytes.has_value();
}

/// The owner may be measured while nothing of it is this slot's yet.
UsageOrigin shown_origin(const SlotSnapshot& slot) {
  return is_measured(slot) ? slot.origin : UsageOrigin::kNone;
}

Json slot_json(const SlotSnapshot& slot, const BrokerSnapshot& broker) {
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
  out["measured"] = optional_cores_json(slot.measured_micro);
  out["memory"] = slot.memory_bytes;
  out["age"] = seconds_json(slot.age_s);
  out["charge_source"] = charge_source_name(slot.charge_origin);
  out["memory_measured"] = optional_bytes_json(slot.measured_memory_bytes);
  out["memory_pending"] = slot.memory_pending_bytes;
  out["source"] = source_json(shown_origin(slot));
  out["sample_age"] = sample_age_json(broker, is_measured(slot));
  out["reported"] = reported_json(slot.reported);
  out["notice"] = slot.notice == Notice::kCalm ? Json(nullptr) : Json(notice_name(slot.notice));
  out["active_age"] = slot.active_s < 0 ? Json(nullptr) : seconds_json(slot.active_s);
  return out;
}

/// The one source of all measured slots; kNone when nothing is measured or they differ.
UsageOrigin find_common_source(const Snapshot& snapshot) {
  UsageOrigin common = UsageOrigin::kNone;
  for (const SlotSnapshot& slot : snapshot.slots) {
    const UsageOrigin origin = shown_origin(slot);
    if (origin == UsageOrigin::kNone || origin == common) continue;
    if (common != UsageOrigin::kNone) return UsageOrigin::kNone;
    common = origin;
  }
  return common;
}

std::string bytes_or_dash(std::uint64_t bytes) {
  return bytes == 0 ? "-" : format_bytes_human(bytes);
}

std::string reported_text(const Report& report) {
  std::string text;
  if (report.cpu_micro) text = optional_cores_text(report.cpu_micro);
  if (report.memory_bytes) {
    text += (text.empty() ? "" : ", ") + format_bytes_human(*report.memory_bytes);
  }
  return text.empty() ? "-" : text;
}

/// In red: it has to be seen.
Cell notice_cell(const SlotSnapshot& slot) {
  if (slot.notice == Notice::kCalm) return {"-"};
  return {notice_name(slot.notice), Tone::kBad};
}

Cell owner_cell(const SlotSnapshot& slot, Charset charset) {
  std::string owner = escape_text(slot.owner_name, charset);
  if (slot.owner_dead) owner += owner.empty() ? "(dead)" : " (dead)";
  return {owner, slot.owner_dead ? Tone::kBad : Tone::kPlain};
}

/// Which of the two tables a column is in where one is too wide.
enum class Part { kBoth, kHolder, kFigures };

struct SlotColumn {
  Column column;
  Part part;
  std::function<Cell(const SlotSnapshot&)> cell;
};

using SlotColumns = std::vector<SlotColumn>;
using Slot = const SlotSnapshot&;

Column right(const char* heading, Shown shown = Shown::kAlways, const char* name = "") {
  return {heading, Align::kRight, false, shown, name};
}
Column left(const char* heading, Shown shown = Shown::kAlways, bool may_be_cut = false) {
  return {heading, Align::kLeft, may_be_cut, shown};
}

SlotColumns holder_columns(Charset charset) {
  const auto escaped = [charset](const std::string& text) { return escape_text(text, charset); };
  return {
      {right("SLOT"), Part::kBoth, [](Slot slot) { return Cell{std::to_string(slot.slot)}; }},
      {left("NOTICE", Shown::kWhereItSays), Part::kBoth, notice_cell},
      {left("TYPE", Shown::kAlways, true), Part::kBoth,
       [=](Slot slot) { return Cell{escaped(slot.type)}; }},
      {left("STATE"), Part::kHolder,
       [](Slot slot) { return Cell{slot_state_name(slot.word.state())}; }},
      {right("AGE"), Part::kHolder, [](Slot slot) { return Cell{age_text(slot.age_s)}; }},
      {right("ACTIVE", Shown::kOnRequest), Part::kHolder,
       [](Slot slot) { return Cell{slot.active_s < 0 ? "-" : age_text(slot.active_s)}; }},
  };
}

SlotColumns figure_columns() {
  const auto add = [](SlotColumns& to, Column column, std::function<Cell(Slot)> cell) {
    to.push_back({std::move(column), Part::kFigures, std::move(cell)});
  };
  SlotColumns out;
  add(out, right("CPU"),
      [](Slot slot) { return Cell{format_cores_milli(slot.word.cost_milli())}; });
  add(out, right("USED"), [](Slot slot) { return Cell{optional_cores_text(slot.measured_micro)}; });
  add(out, right("CHARGE"),
      [](Slot slot) { return Cell{rounded_cores_text(to_signed(slot.charge_micro))}; });
  add(out, left("BY"), [](Slot slot) { return Cell{charge_source_name(slot.charge_origin)}; });
  add(out, right("REPORTED", Shown::kWhereItSays),
      [](Slot slot) { return Cell{reported_text(slot.reported)}; });
  add(out, right("MEMORY", Shown::kWhereItSays),
      [](Slot slot) { return Cell{bytes_or_dash(slot.memory_bytes)}; });
  add(out, right("USED", Shown::kWhereItSays, "MEMORY USED"),
      [](Slot slot) { return Cell{optional_bytes_text(slot.measured_memory_bytes)}; });
  add(out, left("SOURCE", Shown::kWhereItSays),
      [](Slot slot) { return Cell{source_text(shown_origin(slot))}; });
  return out;
}

SlotColumns owner_columns(Charset charset) {
  const auto escaped = [charset](const std::string& text) { return escape_text(text, charset); };
  return {
      {right("PID"), Part::kHolder, [](Slot slot) { return Cell{std::to_string(slot.owner_pid)}; }},
      {left("OWNER", Shown::kAlways, true), Part::kHolder,
       [=](Slot slot) { return owner_cell(slot, charset); }},
      {left("KEY", Shown::kWhereItSays, true), Part::kHolder,
       [=](Slot slot) { return Cell{slot.key.empty() ? "-" : escaped(slot.key)}; }},
      {left("TOKEN", Shown::kOnRequest), Part::kHolder, [](Slot slot) { return Cell{slot.token}; }},
  };
}

SlotColumns slot_columns(Charset charset) {
  SlotColumns all = holder_columns(charset);
  for (SlotColumns more : {figure_columns(), owner_columns(charset)})
    all.insert(all.end(), std::make_move_iterator(more.begin()),
               std::make_move_iterator(more.end()));
  return all;
}

/// The columns of one part, or all of them.
Table fill_table(const Snapshot& snapshot, const SlotColumns& columns, std::optional<Part> part) {
  Table table;
  table.rows.resize(snapshot.slots.size());
  for (const SlotColumn& column : columns) {
    if (part && column.part != Part::kBoth && column.part != *part) continue;
    table.columns.push_back(column.column);
    for (std::size_t row = 0; row < table.rows.size(); ++row)
      table.rows[row].push_back(column.cell(snapshot.slots[row]));
  }
  return table;
}

std::size_t longest_line(const std::string& text) {
  std::size_t longest = 0;
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = std::min(text.find('\n', begin), text.size());
    longest = std::max(longest, end - begin);
    begin = end + 1;
  }
  return longest;
}

/// One table where the terminal is wide enough for it, or where the columns were chosen; else two:
/// who holds the slots, and what they use.
std::string render_slots(const Snapshot& snapshot, const SlotColumns& columns,
                         const TableStyle& style) {
  const Table whole = arrange_columns(fill_table(snapshot, columns, std::nullopt), style.columns);
  const bool is_one_table = !style.width || !style.columns.empty() ||
                            longest_line(render_table(whole, {})) <= *style.width;
  if (is_one_table) return render_table(whole, style);
  const auto part = [&](Part which) {
    return render_table(arrange_columns(fill_table(snapshot, columns, which), {}), style);
  };
  return part(Part::kHolder) + "\n" + part(Part::kFigures);
}

/// Before the table, so that nobody has to find it in there.
std::string notice_lines(const Snapshot& snapshot, const TableStyle& style) {
  std::string text;
  for (const SlotSnapshot& slot : snapshot.slots) {
    if (slot.notice == Notice::kCalm) continue;
    const char* what = slot.notice == Notice::kMemory
                           ? "memory: the owners use too much, and this job the most"
                           : "cpu: the node is too busy, and this job over its cost";
    text += paint("NOTICE  slot " + std::to_string(slot.slot) + ", pid " +
                      std::to_string(slot.owner_pid) + ", " + what,
                  Tone::kBad, style) +
            "\n";
  }
  return text.empty() ? text : text + "\n";
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
  for (const SlotSnapshot& slot : snapshot.slots) {
    out["slots"].push_back(slot_json(slot, snapshot.broker));
  }
  if (!snapshot.stable) out["unstable"] = true;
  return out;
}

Table slots_table(const Snapshot& snapshot, Charset charset) {
  return fill_table(snapshot, slot_columns(charset), std::nullopt);
}

std::string slots_text(const Snapshot& snapshot, const TableStyle& style, Charset charset) {
  // Whoever chose the columns gets these and nothing else.
  if (!style.columns.empty()) return render_slots(snapshot, slot_columns(charset), style);
  SlotColumns columns = slot_columns(charset);
  const UsageOrigin common = find_common_source(snapshot);
  // What all have in common is said once, below.
  if (common != UsageOrigin::kNone) {
    std::erase_if(columns,
                  [](const SlotColumn& column) { return column.column.heading == "SOURCE"; });
  }
  std::string text = notice_lines(snapshot, style) + render_slots(snapshot, columns, style);
  if (!snapshot.slots.empty()) text += "\n" + sample_line(snapshot.broker, common, style);
  return text;
}

void add_slots(CommandSet& set) {
  add_list_verb(set, {"slots", "who holds what, and since when", "slots", slots_table, slots_json,
                      slots_text});
}

}  // namespace slotd::ctl
