#include "tools/slotctl/commands/events.hpp"

#include <limits>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/event_source.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/following.hpp"
#include "tools/slotctl/segment_access.hpp"
#include "tools/slotctl/stop_signals.hpp"
#include "tools/slotctl/type_argument.hpp"

namespace slotd::ctl {

namespace {

constexpr std::uint64_t kPollMs = 200;

struct EventsOptions {
  bool follows = false;
  std::string since;
  std::string type;
};

/// Which events were asked for.
struct Wanted {
  std::int64_t since_unix_ms = std::numeric_limits<std::int64_t>::min();
  std::string type{};  ///< as the configuration calls it; empty: all
};

Wanted make_wanted(const EventsOptions& options, const SegmentView& view, Charset charset) {
  Wanted wanted;
  if (!options.since.empty()) {
    const auto since = parse_since(options.since, read_unix_ms());
    if (!since) {
      throw Failure(Errc::kInvalidArgument,
                    "--since '" + escape_text(options.since, charset) +
                        "': write a duration such as 90s or 5m, or a time such as "
                        "2026-11-25T16:53:10Z");
    }
    wanted.since_unix_ms = *since;
  }
  if (!options.type.empty())
    wanted.type = read_type_name(view, find_type_or_fail(view, options.type, charset));
  return wanted;
}

EventSource::News pick(EventSource::News news, const Wanted& wanted) {
  std::erase_if(news.events, [&](const ShownEvent& shown) {
    return shown.unix_ms < wanted.since_unix_ms ||
           (!wanted.type.empty() && shown.type != wanted.type);
  });
  return news;
}

Json events_json(const EventSource::News& news) {
  Json out = make_document();
  out["events"] = Json::array();
  for (const ShownEvent& shown : news.events) out["events"].push_back(event_json(shown));
  return out;
}

/// A stream is a line an event in every form.
void show(const Context& context, const EventSource::News& news, bool is_stream) {
  const bool row_a_line = is_stream || context.globals.row_a_line;
  if (context.globals.json) {
    Json document = events_json(news);
    if (news.lost != 0) document["events"].push_back(gap_json(news.lost));
    context.console.print(list_json_text(document, "events", row_a_line));
    return;
  }
  const Charset charset = context.console.charset();
  std::string text;
  for (const ShownEvent& shown : news.events) text += event_text(shown, charset) + "\n";
  if (news.lost != 0)
    text += paint(gap_text(news.lost), Tone::kWarning, context.console.style()) + "\n";
  context.console.print(text);
}

int follow(const Context& context, const Wanted& wanted, EventSource& source) {
  const StopSignals signals;
  bool was_gone = false;
  while (signals.wait(kPollMs) != StopSignals::Woken::kStopped) {
    Errc last = Errc::kOk;
    const auto processes = try_open_for_reading(context.globals, last);
    if (processes) show(context, pick(source.read(*processes), wanted), true);
    if (!processes && !was_gone) context.hint(describe(last));
    was_gone = !processes;
    if (!context.console.flush()) break;
  }
  return to_status(ExitCode::kDone);
}

int run_events(const EventsOptions& options, const Context& context) {
  const ProcessTable processes = open_for_reading(context.globals);
  const Wanted wanted = make_wanted(options, processes.view(), context.console.charset());
  EventSource source;
  show(context, pick(source.read(processes), wanted), options.follows);
  if (!options.follows) return to_status(ExitCode::kDone);
  if (!context.console.flush()) return to_status(ExitCode::kDone);
  return follow(context, wanted, source);
}

}  // namespace

void add_events(CommandSet& set) {
  auto options = std::make_shared<EventsOptions>();
  Verb verb = set.add("events", "what was claimed, refused, freed and changed, in order of time",
                      [options](const Context& context) { return run_events(*options, context); });
  verb.add_flag("-f,--follow", options->follows, "go on until killed");
  verb.add_text("--since", options->since, "WHEN", "a duration back (5m), or a time in UTC",
                Need::kOptional);
  verb.add_text("-t,--type", options->type, "TYPE", "of this type only", Need::kOptional);
}

}  // namespace slotd::ctl
