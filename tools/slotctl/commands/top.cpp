#include "tools/slotctl/commands/top.hpp"

#include <unistd.h>

#include <iterator>
#include <memory>
#include <string>
#include <vector>

#include "slotd/clock.hpp"
#include "slotd/snapshot.hpp"
#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/event_source.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/screen.hpp"
#include "tools/slotctl/segment_access.hpp"
#include "tools/slotctl/stop_signals.hpp"
#include "tools/slotctl/top_view.hpp"

namespace slotd::ctl {

namespace {

constexpr std::uint64_t kUsualPeriodMs = 1'000;
constexpr std::uint64_t kShortestPeriodMs = 100;
constexpr std::ptrdiff_t kMostEvents = 20;

struct TopOptions {
  std::uint64_t every_ms = kUsualPeriodMs;
};

/// What was seen last.
struct Look {
  Snapshot snapshot;
  EventSource source{};
  std::vector<std::string> events{};  ///< the latest, as lines
  std::uint64_t drain = 0;
  std::string gone;
};

void take_events(const ProcessTable& processes, Charset charset, Look& look) {
  const EventSource::News news = look.source.read(processes);
  for (const ShownEvent& shown : news.events) look.events.push_back(event_text(shown, charset));
  if (news.lost != 0) look.events.push_back(gap_text(news.lost));
  if (std::ssize(look.events) > kMostEvents)
    look.events.erase(look.events.begin(), look.events.end() - kMostEvents);
}

/// Throws Failure where there is no segment that can be read.
void take_look(const GlobalOptions& options, Charset charset, Look& look) {
  // By its path each time: its size and its layout are checked anew, and another one is found.
  const ProcessTable processes = open_for_reading(options);
  look.drain = processes.view().header().drain.load(std::memory_order_acquire);
  look.snapshot = read_snapshot(processes);
  take_events(processes, charset, look);
  look.gone.clear();
}

void look_again(const Context& context, Look& look) {
  try {
    take_look(context.globals, context.console.charset(), look);
  } catch (const Failure& failure) {
    look.gone = context.console.escaped(failure.what());
  }
}

/// Looks, draws and listens until a key or a signal ends it.
class Show {
 public:
  Show(const Context& context, Look look, std::uint64_t every_ms)
      : context_(context),
        look_(std::move(look)),
        every_ns_(every_ms * kNsPerMs),
        path_(context.console.escaped(segment_path_of(context.globals))) {}

  void run(Screen& screen, const StopSignals& signals) {
    std::uint64_t next_ns = monotonic_ns() + every_ns_;
    while (!state_.is_over && !StopSignals::is_stopped()) {
      const TopPicture top = lay_out_top(model(), state_, screen.size());
      screen.draw(top.picture);
      const std::uint64_t now_ns = monotonic_ns();
      const std::uint64_t pause_ms = now_ns >= next_ns ? 0 : (next_ns - now_ns) / kNsPerMs + 1;
      if (signals.wait(pause_ms, STDIN_FILENO) == StopSignals::Woken::kInput && is_hung_up(screen))
        return;
      press_keys(screen, top.rows);
      if (monotonic_ns() < next_ns) continue;
      next_ns = monotonic_ns() + every_ns_;
      if (!state_.is_paused) look_again(context_, look_);
    }
  }

 private:
  TopModel model() const {
    return {look_.snapshot, look_.drain,  path_,
            look_.gone,     look_.events, context_.console.charset()};
  }

  /// Input that holds no key is the end of a terminal that is gone.
  bool is_hung_up(Screen& screen) {
    first_ = screen.read_key();
    return first_.kind == Key::Kind::kNone;
  }

  void press_keys(Screen& screen, TopRows rows) {
    for (Key key = std::exchange(first_, {}); key.kind != Key::Kind::kNone;
         key = screen.read_key()) {
      state_ = press_key(std::move(state_), key, rows);
      if (state_.is_over) return;
    }
    // One that came with a resize and not as input.
    for (Key key = screen.read_key(); key.kind != Key::Kind::kNone; key = screen.read_key())
      state_ = press_key(std::move(state_), key, rows);
  }

  const Context& context_;
  Look look_;
  std::uint64_t every_ns_;
  std::string path_;
  TopState state_;
  Key first_;
};

int run_top(const TopOptions& options, const Context& context) {
  if (context.globals.json)
    throw Failure(Errc::kInvalidArgument,
                  "top is for eyes; `slotctl status -w 1 -J` is for programs");
  if (options.every_ms < kShortestPeriodMs)
    throw Failure(Errc::kInvalidArgument, "-d: 0.1 seconds or more");
  Screen::require_terminal();
  Look look;
  take_look(context.globals, context.console.charset(), look);
  const StopSignals signals;
  Screen screen(context.console.style().colour);
  set_hook_of_truncation(&Screen::restore_in_signal);
  Show(context, std::move(look), options.every_ms).run(screen, signals);
  set_hook_of_truncation(nullptr);
  return to_status(ExitCode::kDone);
}

}  // namespace

void add_top(CommandSet& set) {
  auto options = std::make_shared<TopOptions>();
  Verb verb = set.add("top", "the same on the whole screen, live",
                      [options](const Context& context) { return run_top(*options, context); });
  verb.add_seconds("-d,--delay", options->every_ms, "a new look every so many seconds (1)");
}

}  // namespace slotd::ctl
