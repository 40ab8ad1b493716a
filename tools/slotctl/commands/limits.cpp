#include "tools/slotctl/commands/limits.hpp"

#include <memory>
#include <nlohmann/json.hpp>
#include <vector>

#include "slotd/process_probe.hpp"
#include "slotd/units.hpp"
#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/commands/status.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/figures.hpp"
#include "tools/slotctl/following.hpp"
#include "tools/slotctl/segment_access.hpp"
#include "tools/slotctl/type_argument.hpp"

namespace slotd::ctl {

namespace {

constexpr std::uint64_t kNoOverride = 0;

/// The override word: 0 is none, so a limit is kept one higher.
constexpr std::uint64_t override_word(std::uint32_t limit) noexcept {
  return std::uint64_t{limit} + 1U;
}

/// The style of the table, once its columns are known to exist: before anything is changed.
TableStyle checked_style(const ListOptions& list, const Context& context) {
  TableStyle style = context.style_of(list);
  const Charset charset = context.console.charset();
  require_columns(style.columns, {limits_table({}, charset), group_limits_table({}, charset)});
  return style;
}

void print_limits(const Context& context, const TableStyle& style, const ProcessTable& processes) {
  const Snapshot snapshot = read_snapshot(processes);
  if (context.globals.json) {
    context.print_list_json(limits_json(snapshot), "limits");
  } else {
    context.console.print(limits_text(snapshot, style, context.console.charset()));
  }
}

int run_limits(const ListOptions& list, const Context& context) {
  const TableStyle style = checked_style(list, context);
  print_limits(context, style, open_for_reading(context.globals));
  return to_status(ExitCode::kDone);
}

bool is_overridden(const SegmentView& view, std::uint32_t type) {
  return view.limit_override(type).word.load(std::memory_order_acquire) != kNoOverride;
}

/// A type that shares another one's limit has no word of its own.
void require_own_limit(const SegmentView& view, std::uint32_t type, const std::string& name,
                       Charset charset) {
  const std::uint64_t epoch = view.header().config_epoch.load(std::memory_order_acquire);
  const std::uint32_t base = load_base(view, epoch, type);
  if (base == type) return;
  const std::string base_name = escape_text(read_type_name(view, base), charset);
  throw Failure(
      Errc::kInvalidArgument,
      escape_text(name, charset) + " counts against the limit of " + base_name + "; set that one");
}

std::uint32_t find_type_to_set(const SegmentView& view, const std::string& name, Charset charset) {
  const std::uint32_t type = find_type_or_fail(view, name, charset);
  const std::uint64_t epoch = view.header().config_epoch.load(std::memory_order_acquire);
  if (view.config(epoch).types[type].flags.get() != TypeConfig::kKnown) {
    throw Failure(Errc::kInvalidArgument,
                  escape_text(name, charset) +
                      " is no longer configured and admits nothing, whatever its limit");
  }
  require_own_limit(view, type, name, charset);
  return type;
}

/// An override that was left behind, by a type that is retired or shares a limit by now, can be
/// taken back too.
std::uint32_t find_type_to_reset(const SegmentView& view, const std::string& name,
                                 Charset charset) {
  const std::uint32_t type = find_type_or_fail(view, name, charset);
  if (!is_overridden(view, type)) require_own_limit(view, type, name, charset);
  return type;
}

/// All names and figures are understood before the first word is written.
void set_limits(const SegmentView& view, const std::vector<LimitSetting>& settings,
                Charset charset) {
  std::vector<std::uint32_t> types;
  for (const LimitSetting& setting : settings)
    types.push_back(find_type_to_set(view, setting.type, charset));
  for (std::size_t i = 0; i < settings.size(); ++i) {
    view.limit_override(types[i]).word.store(override_word(settings[i].limit),
                                             std::memory_order_seq_cst);
    note_operator(view, EventKind::kLimitSet, types[i], settings[i].limit);
  }
}

void reset_limits(const SegmentView& view, const std::vector<std::string>& names, Charset charset) {
  std::vector<std::uint32_t> types;
  for (const std::string& name : names) types.push_back(find_type_to_reset(view, name, charset));
  for (std::uint32_t type = 0; names.empty() && type < kMaxTypes; ++type) types.push_back(type);
  for (const std::uint32_t type : types) {
    const std::uint64_t before =
        view.limit_override(type).word.exchange(kNoOverride, std::memory_order_seq_cst);
    if (before != kNoOverride) note_operator(view, EventKind::kLimitReset, type);
  }
}

int finish_change(const Context& context, const TableStyle& style, const SegmentView& view) {
  const ProcessTable processes(view, read_self_identity(), false);
  if (context.globals.json || !context.globals.quiet) print_limits(context, style, processes);
  return to_status(ExitCode::kDone);
}

int run_set(const std::vector<std::string>& texts, const ListOptions& list,
            const Context& context) {
  const TableStyle style = checked_style(list, context);
  const Charset charset = context.console.charset();
  std::vector<LimitSetting> settings;
  for (const std::string& text : texts) {
    std::string problem;
    const auto setting = parse_limit_setting(text, problem);
    if (!setting) throw Failure(Errc::kInvalidArgument, escape_text(problem, charset));
    settings.push_back(*setting);
  }
  return finish_change(context, style,
                       change_segment(context.globals, [&](const SegmentView& view) {
                         set_limits(view, settings, charset);
                       }));
}

int run_reset(const std::vector<std::string>& names, const ListOptions& list,
              const Context& context) {
  const TableStyle style = checked_style(list, context);
  return finish_change(context, style,
                       change_segment(context.globals, [&](const SegmentView& view) {
                         reset_limits(view, names, context.console.charset());
                       }));
}

/// A retired type is shown while it still means something: jobs of it run, or its override waits
/// for it to come back.
bool is_shown(const TypeSnapshot& type) {
  return !type.retired || type.in_use != 0 || (type.overridden && type.counts_as.empty());
}

Cell debt_cell(std::uint64_t in_use, std::uint32_t limit) {
  const std::uint64_t debt = limit_debt(in_use, limit);
  return {std::to_string(debt), debt == 0 ? Tone::kPlain : Tone::kBad};
}

std::string note_text(const TypeSnapshot& type, Charset charset) {
  std::string note;
  const auto add = [&note](const std::string& part) { note += (note.empty() ? "" : ", ") + part; };
  if (!type.counts_as.empty()) add("as " + escape_text(type.counts_as, charset));
  if (type.retired) add("retired");
  if (type.draining) add("draining");
  return note;
}

/// As in the document of `status`, and the debt.
Json group_json(const GroupSnapshot& group) {
  Json row;
  row["name"] = group.name;
  row["limit"] = limit_json(group.limit);
  row["in_use"] = group.in_use;
  row["debt"] = limit_debt(group.in_use, group.limit);
  row["external"] = group.external_unreadable ? Json(nullptr) : Json(group.external);
  row["external_unreadable"] = group.external_unreadable;
  return row;
}

}  // namespace

std::optional<LimitSetting> parse_limit_setting(std::string_view text, std::string& problem) {
  const std::size_t equals = text.rfind('=');
  if (equals == std::string_view::npos || equals == 0) {
    problem = "'" + std::string(text) + "': write TYPE=N, or TYPE=unlimited";
    return std::nullopt;
  }
  LimitSetting setting;
  setting.type = std::string(text.substr(0, equals));
  const std::string_view figure = text.substr(equals + 1);
  if (figure == "unlimited") {
    setting.limit = kNoLimit;
    return setting;
  }
  const auto parsed = parse_count(figure);
  if (!parsed) {
    problem = "'" + std::string(figure) + "' " + std::string(unit_error_message(parsed.error)) +
              "; write " + std::string(unit_remedy(parsed.quantity)) + ", or unlimited";
    return std::nullopt;
  }
  setting.limit = parsed.value;
  return setting;
}

Json limits_json(const Snapshot& snapshot) {
  Json out = make_document();
  out["limits"] = Json::array();
  for (const TypeSnapshot& type : snapshot.types) {
    if (!is_shown(type)) continue;
    Json row;
    row["type"] = type.name;
    row["config"] = limit_json(type.configured_limit);
    row["overridden"] = type.overridden;
    row["override"] = type.overridden ? limit_json(type.limit) : Json(nullptr);
    row["effective"] = limit_json(type.limit);
    row["in_use"] = type.in_use;
    row["debt"] = limit_debt(type.in_use, type.limit);
    row["draining"] = type.draining;
    row["retired"] = type.retired;
    row["counts_as"] = type.counts_as.empty() ? Json(nullptr) : Json(type.counts_as);
    out["limits"].push_back(std::move(row));
  }
  out["groups"] = Json::array();
  for (const GroupSnapshot& group : snapshot.groups) out["groups"].push_back(group_json(group));
  if (!snapshot.stable) out["unstable"] = true;
  return out;
}

Table limits_table(const Snapshot& snapshot, Charset charset) {
  Table table;
  table.columns = {{"TYPE", Align::kLeft, true}, {"CONFIG", Align::kRight},
                   {"OVERRIDE", Align::kRight},  {"EFFECTIVE", Align::kRight},
                   {"IN USE", Align::kRight},    {"DEBT", Align::kRight},
                   {"NOTE", Align::kLeft, true}};
  for (const TypeSnapshot& type : snapshot.types) {
    if (!is_shown(type)) continue;
    std::string own = "-";
    if (type.overridden) own = type.limit == kNoLimit ? "unlimited" : limit_text(type.limit);
    table.rows.push_back({{escape_text(type.name, charset)},
                          {limit_text(type.configured_limit)},
                          {own},
                          {limit_text(type.limit)},
                          {std::to_string(type.in_use)},
                          debt_cell(type.in_use, type.limit),
                          {note_text(type, charset)}});
  }
  return table;
}

Table group_limits_table(const Snapshot& snapshot, Charset charset) {
  constexpr std::ptrdiff_t kAfterUse = 3;
  Table table = groups_table(snapshot, charset);
  table.columns.insert(table.columns.begin() + kAfterUse, {"DEBT", Align::kRight});
  for (std::size_t i = 0; i < table.rows.size(); ++i) {
    const GroupSnapshot& group = snapshot.groups[i];
    table.rows[i].insert(table.rows[i].begin() + kAfterUse, debt_cell(group.in_use, group.limit));
  }
  return table;
}

std::string limits_text(const Snapshot& snapshot, const TableStyle& style, Charset charset) {
  // Chosen columns are those of types, unless they say that groups are meant.
  const bool has_group = is_chosen(style.columns, "group");
  const bool has_types = !has_group || is_chosen(style.columns, "type");
  const bool has_groups = has_group || style.columns.empty();
  return render_tables(has_types ? limits_table(snapshot, charset) : Table{},
                       has_groups ? group_limits_table(snapshot, charset) : Table{}, style);
}

void add_limits(CommandSet& set) {
  auto list = std::make_shared<ListOptions>();
  Verb verb = set.add("limits", "limits in force, overrides, debt",
                      [list](const Context& context) { return run_limits(*list, context); });
  add_list_options(verb, *list);
  auto settings = std::make_shared<std::vector<std::string>>();
  Verb set_verb =
      set.add_below(verb, "set", "override limits at once, with or without the broker",
                    [=](const Context& context) { return run_set(*settings, *list, context); });
  set_verb.add_words("TYPE=N", *settings, "N may be `unlimited`", Need::kRequired);
  auto names = std::make_shared<std::vector<std::string>>();
  Verb reset_verb =
      set.add_below(verb, "reset", "back to the configured limits",
                    [=](const Context& context) { return run_reset(*names, *list, context); });
  reset_verb.add_words("TYPE", *names, "all types if none is named", Need::kOptional);
}

}  // namespace slotd::ctl
