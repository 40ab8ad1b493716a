#include "tools/slotctl/commands/status.hpp"

#include <ctime>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>

#include "slotd/admission.hpp"
#include "slotd/status_document.hpp"
#include "slotd/units.hpp"
#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/figures.hpp"
#include "tools/slotctl/following.hpp"
#include "tools/slotctl/report.hpp"
#include "tools/slotctl/segment_access.hpp"
#include "tools/slotctl/stop_signals.hpp"
#include "tools/slotctl/usage_view.hpp"
#include "tools/slotctl/warnings.hpp"

namespace slotd::ctl {

namespace {

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

/// A figure of the sample, or nothing.
std::optional<std::uint64_t> known(std::uint64_t figure) {
  return figure == kNotMeasured ? std::nullopt : std::optional<std::uint64_t>(figure);
}

std::string broker_line(const BrokerSnapshot& broker, const TableStyle& style, Charset charset) {
  std::string line =
      "broker    " + paint(broker_state_name(broker.state), state_tone(broker.state), style);
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

std::string group_name(const Snapshot& snapshot, std::uint32_t index) {
  for (const GroupSnapshot& group : snapshot.groups) {
    if (group.index == index) return group.name;
  }
  return {};
}

/// The figures behind a refusal that the other columns do not show.
std::string why_text(const Snapshot& snapshot, const Verdict& verdict, Charset charset) {
  switch (verdict.reason) {
    case Reason::kGroupLimit:
      return "group " + escape_text(group_name(snapshot, verdict.group), charset) + " has " +
             std::to_string(verdict.in_use) + " of " + limit_text(verdict.limit);
    case Reason::kCpu:
      return "needs " + rounded_cores_text(verdict.required_micro) + ", " +
             rounded_cores_text(verdict.available_micro) + " free";
    case Reason::kMemory:
      return "needs " + format_bytes_human(verdict.memory_required) + ", " +
             format_bytes_human(verdict.memory_used) + " of " +
             format_bytes_human(verdict.memory_max) + " used";
    case Reason::kTooLarge:
      return "can never fit";
    default:
      return "-";
  }
}

bool is_full(std::uint64_t in_use, std::uint32_t limit) {
  return limit != kNoLimit && in_use >= limit;
}

Cell use_cell(std::uint64_t in_use, std::uint32_t limit) {
  return {std::to_string(in_use), is_full(in_use, limit) ? Tone::kBad : Tone::kPlain};
}

Cell waiting_cell(std::uint32_t waiting) {
  return {std::to_string(waiting), waiting == 0 ? Tone::kPlain : Tone::kWarning};
}

Cell external_cell(const GroupSnapshot& group) {
  if (group.external_unreadable) return {"unreadable: counts as full", Tone::kBad};
  return {group.external == 0 ? "-" : std::to_string(group.external)};
}

constexpr std::size_t kBarWidth = 40;

std::string bar_line(const Fill& fill, const std::string& taken_name, const TableStyle& style) {
  return "          " + paint(bar_text(fill, kBarWidth, taken_name), fill_tone(fill), style) + "\n";
}

/// Bars are for eyes: on a terminal only.
std::string cpu_lines(const Snapshot& snapshot, const TableStyle& style) {
  std::string text = cpu_line(snapshot);
  if (style.width && snapshot.budget_micro != 0)
    text += bar_line(cpu_fill(snapshot), "charged", style);
  return text;
}

std::string memory_lines(const Snapshot& snapshot, const TableStyle& style) {
  std::string text = memory_line(snapshot);
  if (style.width && snapshot.memory_max_bytes != 0)
    text += bar_line(memory_fill(snapshot), "with pending", style);
  return text;
}

std::string status_tables(const Snapshot& snapshot, const TableStyle& style, Charset charset) {
  return render_tables(types_table(snapshot, charset), groups_table(snapshot, charset), style);
}

constexpr std::uint64_t kShortestPeriodMs = 10;
constexpr std::uint64_t kOnce = ~std::uint64_t{0};

struct StatusOptions {
  ListOptions list;
  std::uint64_t every_ms = kOnce;
};

/// One look. `time_s` below 0: not said.
void show_status(const Context& context, const TableStyle& style, std::int64_t time_s) {
  const ProcessTable processes = open_for_reading(context.globals);
  const std::uint64_t drain = processes.view().header().drain.load(std::memory_order_acquire);
  const Snapshot snapshot = read_snapshot(processes);
  const std::string path = segment_path_of(context.globals);
  const Charset charset = context.console.charset();
  if (context.globals.json)
    return context.console.print(write_status_document(snapshot, path, drain, time_s) + "\n");
  // Whoever chose columns reads them with a program: what is wrong is told beside them.
  if (!style.columns.empty()) {
    context.hint_lines(warnings_text(find_warnings(snapshot, drain), {}));
    return context.console.print(status_tables(snapshot, style, charset));
  }
  if (time_s >= 0) context.console.print("time      " + utc_text(time_s) + "\n");
  context.console.print(status_text(snapshot, path, style, charset, drain));
}

/// A segment that goes away is no reason to stop: it is said, and the next look may find another.
void show_gone(const Context& context, const Failure& failure, std::int64_t time_s) {
  if (context.globals.json) {
    Json document = failure_json(failure);
    document["time"] = time_s;
    return context.print_json(document);
  }
  context.console.print("time      " + utc_text(time_s) + "\n" +
                        paint("GONE      " + context.console.escaped(failure.what()), Tone::kBad,
                              context.console.style()) +
                        "\n");
}

int watch_status(const Context& context, const TableStyle& style, std::uint64_t every_ms) {
  const StopSignals signals;
  for (bool is_first = true; !StopSignals::is_stopped(); is_first = false) {
    const std::int64_t time_s = std::time(nullptr);
    if (context.console.redraws() && !context.globals.json) {
      context.console.print("\033[H\033[2J");
    } else if (!is_first && !context.globals.json) {
      context.console.print("\n");
    }
    try {
      show_status(context, style, time_s);
    } catch (const Failure& failure) {
      if (is_first || !may_be_replaced(failure.code())) throw;
      show_gone(context, failure, time_s);
    }
    if (!context.console.flush()) break;
    signals.wait(every_ms);
  }
  return to_status(ExitCode::kDone);
}

int run_status(const StatusOptions& options, const Context& context) {
  if (options.every_ms < kShortestPeriodMs)
    throw Failure(Errc::kInvalidArgument, "-w: 0.01 seconds or more");
  const Charset charset = context.console.charset();
  const TableStyle style = context.style_of(options.list);
  require_columns(style.columns, {types_table({}, charset), groups_table({}, charset)});
  if (options.every_ms != kOnce) return watch_status(context, style, options.every_ms);
  show_status(context, style, -1);
  return to_status(ExitCode::kDone);
}

}  // namespace

Table types_table(const Snapshot& snapshot, Charset charset) {
  Table table;
  table.columns = {{"TYPE", Align::kLeft, true},
                   {"LIMIT", Align::kRight},
                   {"IN USE", Align::kRight},
                   {"PENDING", Align::kRight},
                   {"WAITING", Align::kRight},
                   {"CPU", Align::kRight},
                   {"MEMORY", Align::kRight, false, Shown::kOnRequest},
                   {"CAN ACCEPT", Align::kLeft},
                   {"WHY", Align::kLeft, true, Shown::kWhereItSays}};
  for (const TypeSnapshot& type : snapshot.types) {
    if (!is_shown(type)) continue;
    const Reason reason = type.verdict.reason;
    const bool yes = reason == Reason::kNone;
    const std::string answer = yes ? "yes" : "no: " + std::string(reason_name(reason));
    table.rows.push_back({{escape_text(type.name, charset)},
                          {limit_text(type.limit)},
                          use_cell(type.in_use, type.limit),
                          {std::to_string(type.pending)},
                          waiting_cell(type.waiting),
                          {format_cores_milli(type.cost_milli)},
                          {type.memory_bytes == 0 ? "-" : format_bytes_human(type.memory_bytes)},
                          {answer, yes ? Tone::kGood : Tone::kWarning},
                          {why_text(snapshot, type.verdict, charset)}});
  }
  return table;
}

Table groups_table(const Snapshot& snapshot, Charset charset) {
  Table table;
  table.columns = {{"GROUP", Align::kLeft, true},
                   {"LIMIT", Align::kRight},
                   {"IN USE", Align::kRight},
                   {"FROM OUTSIDE", Align::kLeft, false, Shown::kWhereItSays}};
  for (const GroupSnapshot& group : snapshot.groups) {
    table.rows.push_back({{escape_text(group.name, charset)},
                          {limit_text(group.limit)},
                          use_cell(group.in_use, group.limit),
                          external_cell(group)});
  }
  return table;
}

Fill cpu_fill(const Snapshot& snapshot) {
  return {known(snapshot.measured_micro).value_or(0), snapshot.charged_micro,
          snapshot.budget_micro};
}

Fill memory_fill(const Snapshot& snapshot) {
  return {snapshot.memory_used_bytes,
          add_saturating(snapshot.memory_used_bytes, snapshot.memory_pending_bytes),
          snapshot.memory_max_bytes};
}

std::string status_text(const Snapshot& snapshot, const std::string& path, const TableStyle& style,
                        Charset charset, std::uint64_t drain) {
  std::string text = warnings_text(find_warnings(snapshot, drain), style);
  if (!text.empty()) text += "\n";
  text += broker_line(snapshot.broker, style, charset);
  text += segment_line(snapshot, path, charset);
  text += cpu_lines(snapshot, style);
  text += load_line(snapshot);
  text += memory_lines(snapshot, style);
  text += counters_line(snapshot.counters);
  return text + "\n" + status_tables(snapshot, style, charset);
}

void add_status(CommandSet& set) {
  auto options = std::make_shared<StatusOptions>();
  Verb verb = set.add("status", "broker, segment, cpu, memory, a line per type and group",
                      [options](const Context& context) { return run_status(*options, context); });
  add_list_options(verb, options->list);
  verb.add_seconds("-w,--watch", options->every_ms, "again every so many seconds, until killed");
}

}  // namespace slotd::ctl
