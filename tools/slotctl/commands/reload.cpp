#include "tools/slotctl/commands/reload.hpp"

#include <memory>
#include <nlohmann/json.hpp>

#include "slotd/clock.hpp"
#include "slotd/process_probe.hpp"
#include "slotd/process_table.hpp"
#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/following.hpp"
#include "tools/slotctl/segment_access.hpp"

namespace slotd::ctl {

namespace {

constexpr std::uint64_t kDefaultBoundMs = 10'000;
/// A broker that is being restarted finds the request; one that stays down does not.
constexpr std::uint64_t kDownMs = 1'000;

constexpr std::uint64_t kNotGiven = Polling::kUnbounded;

struct ReloadOptions {
  bool wait = false;
  std::uint64_t bound_ms = kNotGiven;  ///< given, it is to be waited
};

struct Answer {
  ReloadEnd end = ReloadEnd::kRequested;
  std::uint64_t number = 0;
  int broker_pid = 0;
};

int read_broker_pid(const SegmentView& view) {
  const ProcessRef broker =
      unpack_process_ref(view.header().broker.load(std::memory_order_acquire));
  if (broker.index == kNobody || broker.index > view.process_count()) return 0;
  const Reservation reservation{
      view.process(broker.index).reservation.load(std::memory_order_acquire)};
  return static_cast<int>(reservation.pid());
}

/// One request, in one segment after another.
class ReloadRequest {
 public:
  ReloadRequest(const GlobalOptions& options, std::uint64_t bound_ms)
      : options_(options), polling_(bound_ms) {}

  Answer post() {
    change_segment(options_, [this](const SegmentView& view) { post_to(view); });
    return answer(ReloadEnd::kRequested);
  }

  bool is_broker_down() const { return processes_.is_broker_down(); }

  /// Until the broker has answered, is down, or the time is over.
  Answer wait() {
    processes_ = ProcessTable(open_for_writing(options_), read_self_identity(), false);
    if (is_broker_down()) return answer(ReloadEnd::kBrokerDown);
    post();
    for (;;) {
      if (is_replaced(processes_.view())) {
        change_next_segment(options_, [this](const SegmentView& view) { post_to(view); });
        continue;
      }
      if (const auto end = read_answer()) {
        if (*end != ReloadEnd::kRebuilding) return answer(*end);
      } else if (is_down_for_long()) {
        return answer(ReloadEnd::kBrokerDown);
      }
      if (!polling_.sleep()) return answer(ReloadEnd::kTimedOut);
    }
  }

 private:
  void post_to(const SegmentView& view) {
    number_ = view.header().reload_requested.fetch_add(1, std::memory_order_seq_cst) + 1;
    processes_ = ProcessTable(view, read_self_identity(), false);
  }

  std::optional<ReloadEnd> read_answer() const {
    const Header& header = processes_.view().header();
    const std::uint64_t acked = header.reload_acked.load(std::memory_order_acquire);
    const std::uint64_t result = header.reload_result.load(std::memory_order_acquire);
    const std::uint64_t requested = header.reload_requested.load(std::memory_order_acquire);
    if (!is_answered(number_, acked, requested)) return std::nullopt;
    const auto end = read_reload_answer(result);
    if (!end) throw Failure(Errc::kCorrupt, "the broker's answer in the segment is none");
    return end;
  }

  bool is_down_for_long() {
    if (!is_broker_down()) {
      down_since_ns_ = 0;
      return false;
    }
    const std::uint64_t now_ns = monotonic_ns();
    if (down_since_ns_ == 0) down_since_ns_ = now_ns;
    return now_ns - down_since_ns_ >= kDownMs * kNsPerMs;
  }

  Answer answer(ReloadEnd end) const {
    return {end, number_, is_broker_down() ? 0 : read_broker_pid(processes_.view())};
  }

  const GlobalOptions& options_;
  Polling polling_;
  ProcessTable processes_;
  std::uint64_t number_ = 0;
  std::uint64_t down_since_ns_ = 0;
};

int run_reload(const ReloadOptions& options, const Context& context) {
  const bool is_bound_given = options.bound_ms != kNotGiven;
  ReloadRequest request(context.globals, is_bound_given ? options.bound_ms : kDefaultBoundMs);
  const Answer answer = options.wait || is_bound_given ? request.wait() : request.post();
  if (context.globals.json)
    context.print_json(reload_json(answer.end, answer.number, answer.broker_pid));
  const ExitCode code = exit_code_of(answer.end);
  if (code != ExitCode::kDone) {
    context.console.complain(reload_text(answer.end, answer.broker_pid));
  } else if (!context.globals.json && !context.globals.quiet) {
    context.console.print(reload_text(answer.end, answer.broker_pid) + "\n");
  }
  if (answer.end == ReloadEnd::kRequested && request.is_broker_down())
    context.hint("the broker is down; it reads its configuration when it starts");
  return to_status(code);
}

const char* reload_end_name(ReloadEnd end) {
  switch (end) {
    case ReloadEnd::kReloaded:
      return "reloaded";
    case ReloadEnd::kInvalidFile:
      return "invalid_file";
    case ReloadEnd::kNeedsNewSegment:
      return "needs_new_segment";
    case ReloadEnd::kRebuilding:
      return "rebuilding";
    case ReloadEnd::kRequested:
      return "requested";
    case ReloadEnd::kBrokerDown:
      return "broker_down";
    case ReloadEnd::kTimedOut:
      break;
  }
  return "timed_out";
}

}  // namespace

Json reload_json(ReloadEnd end, std::uint64_t number, int broker_pid) {
  Json out = make_document();
  out["request"] = number;
  out["result"] = reload_end_name(end);
  out["broker_pid"] = broker_pid == 0 ? Json(nullptr) : Json(broker_pid);
  return out;
}

std::string reload_text(ReloadEnd end, int broker_pid) {
  const std::string reasons =
      "; the configuration in force stays. The broker's log names each key and line: `journalctl "
      "-u slotd`, or the standard error of pid " +
      std::to_string(broker_pid) + ". `slotctl config check FILE` says what is wrong with a file";
  switch (end) {
    case ReloadEnd::kReloaded:
      return "reloaded";
    case ReloadEnd::kInvalidFile:
      return "refused: the configuration file is invalid" + reasons;
    case ReloadEnd::kNeedsNewSegment:
      return "refused: the configuration file needs a new segment" + reasons;
    case ReloadEnd::kRebuilding:
      return "the segment is being rebuilt; ask again";
    case ReloadEnd::kRequested:
      return "requested";
    case ReloadEnd::kBrokerDown:
      return "the broker is down; it reads its configuration when it starts";
    case ReloadEnd::kTimedOut:
      break;
  }
  return "timed out: the broker has not answered; the request stands";
}

void add_reload(CommandSet& set) {
  auto options = std::make_shared<ReloadOptions>();
  Verb verb = set.add("reload", "ask the broker to read its configuration anew",
                      [options](const Context& context) { return run_reload(*options, context); });
  verb.add_flag("--wait", options->wait, "until the broker has answered: exit status 0 or 78");
  verb.add_seconds("-w", options->bound_ms, "--wait, and for so long at most (10 s if not given)");
}

}  // namespace slotd::ctl
