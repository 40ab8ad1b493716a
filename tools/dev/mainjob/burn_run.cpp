#include "tools/dev/mainjob/burn_run.hpp"

#include <signal.h>
#include <sys/wait.h>

#include <cstdio>
#include <map>
#include <string>
#include <vector>

#include "slotd/units.hpp"
#include "tools/dev/mainjob/burn_plan.hpp"
#include "tools/dev/mainjob/burn_report.hpp"
#include "tools/dev/mainjob/burner.hpp"
#include "tools/dev/mainjob/crew.hpp"
#include "tools/dev/mainjob/ledger.hpp"
#include "tools/dev/mainjob/place.hpp"
#include "tools/dev/mainjob/signals.hpp"

namespace slotd::mainjob {
namespace {

constexpr unsigned kStepMs = 5;
constexpr std::uint64_t kBrokerUpWithinNs = 10 * kNsPerSecond;
constexpr std::uint64_t kHandlersEndWithinNs = 20 * kNsPerSecond;
/// Less than a sample's interval cannot be compared with samples.
constexpr double kLeastWindowS = 0.9;
constexpr std::size_t kLogLines = 20;

void print(const std::string& line) {
  std::printf("%s\n", line.c_str());
  std::fflush(stdout);
}

/// To the hundredth: what is measured has more digits than anybody reads.
std::string cores(std::uint64_t micro) {
  if (micro == kNotMeasured) return "-";
  return format_cores_micro(static_cast<std::int64_t>((micro + 5000) / 10'000 * 10'000));
}

/// One broker with its handlers.
class BurnRun {
 public:
  BurnRun(const Options& options, ChargeMode charge, Signals& signals)
      : options_(options), charge_(charge), signals_(signals), crew_(make_plan()) {}

  BurnOutcome run() {
    if (start()) {
      run_load();
      stop_handlers();
    }
    return finish();
  }
  const std::vector<std::string>& problems() const { return problems_; }

 private:
  struct Handler {
    BurnJob job;
    std::uint32_t lane = 0;
    std::string trace;
  };
  struct Lane {
    BurnLane jobs;
    bool busy = false;
  };

  CrewPlan make_plan() const {
    CrewPlan plan;
    plan.programs = read_program_folder();
    plan.config = folder_.file("slotd.yaml");
    plan.segment = folder_.file("segment");
    plan.broker_log = folder_.file("broker.log");
    plan.worker_log = folder_.file("workers.log");
    return plan;
  }

  bool is_over() const { return signals_.stop_signal() != 0 || !problems_.empty(); }
  const char* charge_name() const { return charge_ == ChargeMode::kMeasured ? "measured" : "max"; }

  bool start();
  void run_load();
  void stop_handlers();
  BurnOutcome finish();
  void step();
  void start_next(std::uint32_t lane);
  void note_end(int pid, int status, std::uint64_t cpu_ns);
  void show();
  void compare(BurnOutcome& outcome) const;

  const Options& options_;
  const ChargeMode charge_;
  Signals& signals_;
  PrivateFolder folder_;
  Crew crew_;
  Ledger ledger_;
  std::optional<BurnWatch> watch_;
  std::vector<Lane> lanes_;
  std::map<int, Handler> alive_;  ///< by pid
  std::map<int, Handler> ended_;  ///< those that had a slot
  std::uint64_t started_ = 0;
  std::uint64_t used_ns_ = 0;
  std::uint64_t begun_ns_ = 0;
  std::uint64_t next_show_ns_ = 0;
  std::uint64_t lasted_ns_ = 0;
  std::vector<std::string> problems_;
};

bool BurnRun::start() {
  write_file(folder_.file("slotd.yaml"), make_burn_config(charge_));
  crew_.start_broker();
  const std::uint64_t give_up_ns = monotonic_ns() + kBrokerUpWithinNs;
  while (!(ledger_.is_open() && ledger_.is_broker_up(crew_.broker_pid()))) {
    step();
    if (!ledger_.is_open()) ledger_.try_open(folder_.file("segment"));
    if (monotonic_ns() > give_up_ns)
      problems_.push_back("the broker is not up: " + ledger_.problem());
    if (is_over()) return false;
  }
  watch_.emplace(ledger_.processes());
  while (!watch_->look()) {
  }
  const std::uint64_t budget_micro = watch_->last().budget_micro;
  print("burn: charge=" + std::string(charge_name()) +
        " capacity=" + cores(watch_->last().capacity_micro) + " budget=" + cores(budget_micro) +
        " (this machine's own)");
  if (std::uint64_t{burn_types().front().cost_milli} * 1000 > budget_micro) {
    problems_.push_back("not even the smallest job fits this machine");
    return false;
  }
  for (const BurnType& type : burn_types()) {
    if (std::uint64_t{type.cost_milli} * 1000 > budget_micro)
      print("burn: " + type.name + " jobs are left out: they reserve " +
            format_cores_milli(type.cost_milli) + " cores");
  }
  for (std::uint32_t lane = 0; lane < count_lanes(budget_micro); ++lane)
    lanes_.push_back({BurnLane(options_.seed, lane, options_.seconds, budget_micro / 1000), false});
  return true;
}

void BurnRun::start_next(std::uint32_t lane) {
  Handler handler{lanes_[lane].jobs.next(), lane,
                  folder_.file("trace." + std::to_string(++started_))};
  std::vector<std::string> words = {"--type",      handler.job.type.name,
                                    "--cpu-milli", std::to_string(handler.job.type.used_milli),
                                    "--run-ms",    std::to_string(handler.job.run_ms),
                                    "--trace",     handler.trace};
  if (handler.job.type.in_child) words.emplace_back("--in-child");
  lanes_[lane].busy = true;
  alive_.emplace(crew_.start_worker("slotd-burner", words), handler);
}

void BurnRun::run_load() {
  begun_ns_ = monotonic_ns();
  const std::uint64_t end_ns = begun_ns_ + options_.seconds * kNsPerSecond;
  start_next(0);  // the largest job needs an empty node
  while (watch_->last().slots.empty() && monotonic_ns() < end_ns && !is_over()) step();
  while (monotonic_ns() < end_ns && !is_over()) {
    for (std::uint32_t lane = 0; lane < lanes_.size(); ++lane) {
      if (!lanes_[lane].busy) start_next(lane);
    }
    step();
  }
}

void BurnRun::stop_handlers() {
  for (const auto& [pid, handler] : alive_) ::kill(pid, SIGTERM);  // not reaped: its own pid
  const std::uint64_t give_up_ns = monotonic_ns() + kHandlersEndWithinNs;
  while (!alive_.empty() && monotonic_ns() < give_up_ns && !signals_.is_impatient()) step();
  if (!alive_.empty()) problems_.push_back("handlers did not end on SIGTERM");
  lasted_ns_ = monotonic_ns() - begun_ns_;
}

void BurnRun::step() {
  signals_.wait(kStepMs);
  const auto other = [this](int pid, int status, std::uint64_t cpu_ns) {
    note_end(pid, status, cpu_ns);
  };
  for (const std::string& problem : crew_.reap_children(other)) problems_.push_back(problem);
  if (!watch_) return;
  watch_->look();
  if (monotonic_ns() >= next_show_ns_) show();
}

void BurnRun::note_end(int pid, int status, std::uint64_t cpu_ns) {
  const auto found = alive_.find(pid);
  if (found == alive_.end()) return;  // a load whose handler died
  used_ns_ += cpu_ns;
  lanes_[found->second.lane].busy = false;
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  if (code == 0) {
    ended_.insert_or_assign(pid, found->second);
  } else if (code != kBurnerNotAdmitted) {
    problems_.push_back("a handler ended with wait status " + std::to_string(status));
  }
  alive_.erase(found);
}

void BurnRun::show() {
  next_show_ns_ = monotonic_ns() + kNsPerSecond;
  const Snapshot& now = watch_->last();
  const std::uint64_t elapsed_ms = begun_ns_ == 0 ? 0 : (monotonic_ns() - begun_ns_) / kNsPerMs;
  print("  " + std::to_string(elapsed_ms / 1000) + "s charge=" + charge_name() +
        " slots=" + std::to_string(now.slots.size()) + " charged=" + cores(now.charged_micro) +
        "/" + cores(now.budget_micro) + " measured=" + cores(now.measured_micro) +
        " host=" + cores(now.host_busy_micro) + " admitted=" + std::to_string(now.counters.claims) +
        " refused=" + std::to_string(now.counters.refused()));
}

/// Pids are not used twice within a run as short as this.
void BurnRun::compare(BurnOutcome& outcome) const {
  for (const auto& [pid, intervals] : watch_->measured()) {
    const auto found = ended_.find(pid);
    if (found == ended_.end()) continue;
    const Handler& handler = found->second;
    BurnComparison row =
        compare_burn(intervals, {read_trace(handler.trace), read_trace(handler.trace + ".child")});
    if (row.window_s < kLeastWindowS) continue;
    row.pid = pid;
    row.type = handler.job.type.name;
    row.in_child = handler.job.type.in_child;
    outcome.handlers.push_back(row);
  }
}

BurnOutcome BurnRun::finish() {
  BurnOutcome outcome;
  outcome.charge = charge_name();
  if (watch_) {
    const Snapshot& last = watch_->last();
    outcome.budget_micro = last.budget_micro;
    const CounterTotals counters = read_counters(ledger_.view());
    outcome.admitted = counters.claims;
    outcome.refused = counters.refused();
    outcome.most_slots = watch_->most_slots();
    outcome.admissions = watch_->admissions();
    outcome.used_ns = used_ns_;
    outcome.lasted_ns = lasted_ns_;
    compare(outcome);
  }
  const std::string problem = crew_.stop_broker();
  if (!problem.empty() && problems_.empty()) problems_.push_back(problem);
  if (problems_.empty() || signals_.stop_signal() != 0) return outcome;
  for (const char* log : {"broker.log", "workers.log"})
    std::fprintf(stderr, "--- %s\n%s", log, read_tail(folder_.file(log), kLogLines).c_str());
  for (const std::string& text : problems_)
    std::fprintf(stderr, "slotd-mainjob: %s\n", text.c_str());
  return outcome;
}

}  // namespace

int run_burn(const Options& options) {
  Signals signals;
  adopt_orphans();
  print("slotd-mainjob: burn seed=" + std::to_string(options.seed) + " seconds=2x" +
        std::to_string(options.seconds));
  std::vector<BurnOutcome> outcomes;
  bool clean = true;
  for (const ChargeMode charge : {ChargeMode::kMeasured, ChargeMode::kMax}) {
    if (signals.stop_signal() != 0 || !clean) break;
    BurnRun run(options, charge, signals);
    outcomes.push_back(run.run());
    clean = run.problems().empty();
  }
  for (const BurnOutcome& outcome : outcomes) {
    print(format_burn(outcome));
    for (const std::string& line : format_handlers(outcome)) print(line);
  }
  print(format_burn_verdict(outcomes));
  if (signals.stop_signal() != 0) return 128 + signals.stop_signal();
  return clean && is_burn_clean(outcomes) ? 0 : 1;
}

}  // namespace slotd::mainjob
