#include "tools/slotctl/commands/config_show.hpp"

#include <nlohmann/json.hpp>

#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/figures.hpp"
#include "tools/slotctl/segment_access.hpp"

namespace slotd::ctl {

namespace {

Json type_json(const TypeView& type) {
  Json out;
  out["name"] = type.name;
  out["limit"] = limit_json(type.limit);
  out["cpu"] = milli_cores_json(type.cost_milli);
  out["memory"] = type.memory_bytes;
  out["min"] = type.minimum;
  out["counts_as"] = type.counts_as.empty() ? Json(nullptr) : Json(type.counts_as);
  out["aliases"] = type.aliases;
  out["retired"] = type.retired;
  return out;
}

Json group_json(const GroupView& group) {
  Json out;
  out["name"] = group.name;
  out["limit"] = limit_json(group.limit);
  out["weights"] = Json::object();
  for (const WeightView& member : group.members) out["weights"][member.type] = member.weight;
  out["retired"] = group.retired;
  return out;
}

std::string join(const std::vector<std::string>& words, Charset charset) {
  std::string text;
  for (const std::string& word : words)
    text += (text.empty() ? "" : " ") + escape_text(word, charset);
  return text.empty() ? "-" : text;
}

Table types_table(const ConfigView& config, Charset charset) {
  Table table;
  table.columns = {{"TYPE", Align::kLeft, true},   {"MAX", Align::kRight},
                   {"CPU", Align::kRight},         {"MEMORY", Align::kRight},
                   {"MIN", Align::kRight},         {"COUNTS AS", Align::kLeft, true},
                   {"ALIASES", Align::kLeft, true}};
  for (const TypeView& type : config.types) {
    if (type.retired) continue;
    table.rows.push_back({{escape_text(type.name, charset)},
                          {limit_text(type.limit)},
                          {format_cores_milli(type.cost_milli)},
                          {type.memory_bytes == 0 ? "-" : format_bytes(type.memory_bytes)},
                          {type.minimum == 0 ? "-" : std::to_string(type.minimum)},
                          {type.counts_as.empty() ? "-" : escape_text(type.counts_as, charset)},
                          {join(type.aliases, charset)}});
  }
  return table;
}

Table groups_table(const ConfigView& config, Charset charset) {
  Table table;
  table.columns = {
      {"GROUP", Align::kLeft, true}, {"MAX", Align::kRight}, {"WEIGHTS", Align::kLeft, true}};
  for (const GroupView& group : config.groups) {
    if (group.retired) continue;
    std::string weights;
    for (const WeightView& member : group.members) {
      weights += (weights.empty() ? "" : ", ") + escape_text(member.type, charset) + " " +
                 std::to_string(member.weight);
    }
    table.rows.push_back({{escape_text(group.name, charset)},
                          {limit_text(group.limit)},
                          {weights.empty() ? "-" : weights}});
  }
  return table;
}

int run_config_show(const Context& context) {
  const ProcessTable processes = open_for_reading(context.globals);
  const ConfigView config = read_config_view(processes.view());
  if (context.globals.json) {
    context.print_json(config_show_json(config));
  } else {
    const Console& console = context.console;
    context.console.print(config_show_text(config, console.style(), console.charset()));
  }
  return to_status(ExitCode::kDone);
}

}  // namespace

Json config_show_json(const ConfigView& config) {
  const auto seconds = [](std::uint32_t duration_ms) { return seconds_json(duration_ms / 1e3); };
  Json out = make_document();
  out["epoch"] = config.epoch;
  out["cpu"] = Json{{"capacity", cores_json(to_signed(config.capacity_micro))},
                    {"budget", cores_json(to_signed(config.budget_micro))},
                    {"idle_rule", config.idle_rule},
                    {"charge", charge_mode_name(config.charge_mode)},
                    {"hold", seconds(config.hold_ms)},
                    {"sample_interval", seconds(config.sample_interval_ms)},
                    {"affinity", affinity_name(config.affinity)}};
  out["memory"] =
      Json{{"max", config.memory_max_bytes}, {"headroom", config.memory_headroom_bytes}};
  out["queue"] = Json{{"overtake_window", seconds(config.overtake_window_ms)},
                      {"turn", seconds(config.turn_ms)}};
  out["segment"] =
      Json{{"slots", config.capacities.slots}, {"processes", config.capacities.processes}};
  out["types"] = Json::array();
  for (const TypeView& type : config.types) out["types"].push_back(type_json(type));
  out["groups"] = Json::array();
  for (const GroupView& group : config.groups) out["groups"].push_back(group_json(group));
  if (!config.stable) out["unstable"] = true;
  return out;
}

std::string config_show_text(const ConfigView& config, const TableStyle& style, Charset charset) {
  std::string text =
      "cpu       capacity " + cores_text(config.capacity_micro) + ", budget " +
      cores_text(config.budget_micro) + ", charge " + charge_mode_name(config.charge_mode) +
      ", hold " + format_duration_ms(config.hold_ms) + ", idle rule " +
      (config.idle_rule ? "on" : "off") + ", affinity " + affinity_name(config.affinity) +
      ", sampled every " + format_duration_ms(config.sample_interval_ms) + "\n";
  text += config.memory_max_bytes == 0
              ? "memory    not limited\n"
              : "memory    max " + format_bytes(config.memory_max_bytes) + ", headroom " +
                    format_bytes(config.memory_headroom_bytes) + "\n";
  text += "queue     overtake window " + format_duration_ms(config.overtake_window_ms) + ", turn " +
          format_duration_ms(config.turn_ms) + "\n";
  text += "segment   " + std::to_string(config.capacities.slots) + " slots, " +
          std::to_string(config.capacities.processes) + " processes\n";
  if (!config.stable) text += "unstable  reloads kept coming while this was read\n";
  text += "\n" + render_table(types_table(config, charset), style);
  if (!config.groups.empty()) text += "\n" + render_table(groups_table(config, charset), style);
  return text;
}

void add_config_show(CommandSet& set, const Verb& config) {
  set.add_below(config, "show", "limits, costs, weights and the budget in force", run_config_show);
}

}  // namespace slotd::ctl
