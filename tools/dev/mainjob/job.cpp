#include "tools/dev/mainjob/job.hpp"

#include <algorithm>
#include <cstdio>

#include "slotd/snapshot.hpp"

namespace slotd::mainjob {
namespace {

constexpr unsigned kStepMs = 2;
constexpr std::uint64_t kBrokerUpWithinNs = 10 * kNsPerSecond;
constexpr std::uint64_t kServicesEndWithinNs = 20 * kNsPerSecond;
/// From SIGTERM to SIGKILL of the workers at the end.
constexpr std::uint64_t kWindDownNs = 300 * kNsPerMs;
constexpr std::size_t kLogLines = 20;

}  // namespace

Job::Job(const Options& options) : options_(options), random_(options.seed), crew_(make_plan()) {}

CrewPlan Job::make_plan() const {
  CrewPlan plan;
  plan.programs = read_program_folder();
  plan.config = options_.config.empty() ? folder_.file("slotd.yaml") : options_.config;
  plan.segment = folder_.file("segment");
  plan.broker_log = folder_.file("broker.log");
  plan.worker_log = folder_.file("workers.log");
  plan.services = options_.services;
  plan.seed = options_.seed;
  return plan;
}

int Job::run() {
  adopt_orphans();
  display_.print("slotd-mainjob: seed=" + std::to_string(options_.seed) +
                 " seconds=" + std::to_string(options_.seconds) +
                 " services=" + std::to_string(options_.services) +
                 " config=" + (options_.config.empty() ? "default" : options_.config) +
                 " segment=" + folder_.file("segment"));
  if (start()) {
    run_load();
    stop_workers();
    wait_for_returns();
  }
  return finish();
}

bool Job::start() {
  if (options_.config.empty()) write_file(folder_.file("slotd.yaml"), make_default_config());
  crew_.start_broker();
  const std::uint64_t give_up_ns = monotonic_ns() + kBrokerUpWithinNs;
  while (!(ledger_.is_open() && ledger_.is_broker_up(crew_.broker_pid()))) {
    signals_.wait(kStepMs);
    for (const std::string& problem : crew_.reap_children()) fail(problem);
    if (!ledger_.is_open()) ledger_.try_open(folder_.file("segment"));
    if (is_over()) return false;
    if (monotonic_ns() > give_up_ns) {
      fail("the broker is not up: " + ledger_.problem());
      return false;
    }
  }
  limits_ = read_limits(ledger_.view());
  if (options_.config.empty() && limits_ != make_default_limits()) {
    fail("the broker publishes other limits than its configuration has");
    return false;
  }
  observer_.emplace(ledger_.view());
  deaths_.emplace(ledger_.processes());
  broker_up_since_ns_ = started_at_ns_ = now_ns_ = monotonic_ns();
  crew_.start_services();
  return true;
}

void Job::run_load() {
  const std::uint64_t end_ns = started_at_ns_ + options_.seconds * kNsPerSecond;
  if (options_.kill) {
    schedule_kill();
    broker_kill_at_ns_ =
        started_at_ns_ + options_.seconds * kNsPerSecond * random_.pick(35, 60) / 100;
  }
  while (now_ns_ < end_ns && !is_over()) {
    step();
    crew_.restart_due(now_ns_);
    if (options_.kill && now_ns_ >= next_kill_ns_) kill_something();
  }
}

/// With kills: the services stop claiming, then all workers are killed at once, in whatever they
/// are doing. Without: they end by themselves.
void Job::stop_workers() {
  crew_.stop_services();
  const std::uint64_t patience_ns = options_.kill ? kWindDownNs : kServicesEndWithinNs;
  const std::uint64_t end_ns = now_ns_ + patience_ns;
  while (now_ns_ < end_ns && !is_over() && !crew_.are_workers_gone()) step();
  if (!options_.kill && !is_over() && !crew_.are_workers_gone())
    fail("services did not end on SIGTERM");
  while (!crew_.are_workers_gone() && !signals_.is_impatient()) {
    killed_ += crew_.kill_workers();
    step();
  }
}

/// Everything has to come back within a second in which the broker was up.
void Job::wait_for_returns() {
  const std::uint64_t give_up_ns = now_ns_ + kBrokerUpWithinNs;
  std::uint64_t end_ns = now_ns_ + kReturnWithinNs;
  for (;;) {
    taken_at_end_ = observer_->count_taken();
    if (taken_at_end_ == 0 || now_ns_ >= end_ns || signals_.is_impatient()) return;
    step();
    crew_.restart_due(~std::uint64_t{0});  // a broker that was killed last is started now
    if (broker_up_since_ns_ == 0 && problems_.empty() && now_ns_ < give_up_ns)
      end_ns = now_ns_ + kReturnWithinNs;
  }
}

int Job::finish() {
  Outcome outcome;
  outcome.killed = killed_;
  outcome.over_limit = over_limit_;
  if (ledger_.is_open()) {
    outcome.counters = read_counters(ledger_.view());
    outcome.leaked = taken_at_end_ + (deaths_ ? deaths_->late_slots() : 0);
    show();
  }
  const std::string problem = crew_.stop_broker();
  if (!problem.empty() && problems_.empty()) fail(problem);
  if (observer_) {
    display_.print("looks=" + std::to_string(observer_->looks()) +
                   " unsettled=" + std::to_string(observer_->unsettled()) +
                   " longest_return_ms=" + std::to_string(deaths_->longest_return_ns() / kNsPerMs));
  }
  const bool clean = is_clean(outcome) && problems_.empty();
  if (!clean && signals_.stop_signal() == 0) {
    for (const char* log : {"broker.log", "workers.log"}) {
      std::fprintf(stderr, "--- %s\n%s", log, read_tail(folder_.file(log), kLogLines).c_str());
    }
    for (const std::string& text : problems_)
      std::fprintf(stderr, "slotd-mainjob: %s\n", text.c_str());
  }
  display_.print(format_verdict(outcome));
  if (signals_.stop_signal() != 0) return 128 + signals_.stop_signal();
  return clean ? 0 : 1;
}

void Job::step() {
  signals_.wait(kStepMs);
  now_ns_ = monotonic_ns();
  for (const std::string& problem : crew_.reap_children()) fail(problem);
  watch_broker();
  watch_limits();
  watch_deaths();
  if (now_ns_ >= next_show_ns_) show();
}

void Job::watch_broker() {
  const bool up = crew_.broker_pid() != 0 && ledger_.is_broker_up(crew_.broker_pid());
  if (!ledger_.is_current()) fail("the segment was replaced; a broker has to adopt it");
  if (!up) {
    broker_up_since_ns_ = 0;
    if (broker_killed_at_ns_ != 0 && now_ns_ - broker_killed_at_ns_ > kBrokerUpWithinNs) {
      fail("the broker did not come back");
    }
    return;
  }
  if (broker_up_since_ns_ != 0) return;
  broker_up_since_ns_ = now_ns_;
  if (broker_killed_at_ns_ == 0) return;
  const std::uint64_t claims = read_counters(ledger_.view()).claims - claims_at_broker_kill_;
  note("broker is back after " + std::to_string((now_ns_ - broker_killed_at_ns_) / kNsPerMs) +
       " ms and has adopted; " + std::to_string(claims) + " claims meanwhile");
  broker_killed_at_ns_ = 0;
}

void Job::watch_limits() {
  std::vector<std::string> excess = observer_->check(limits_);
  if (!excess.empty() && !options_.config.empty()) {
    // Somebody may have raised a limit meanwhile. (Own limits are nobody else's to change.)
    const Limits now = read_limits(ledger_.view());
    excess = find_excess(now, observer_->last_tally());
    if (excess.empty()) limits_ = now;
  }
  if (excess.empty()) return;
  if (over_limit_ == 0) {
    for (const std::string& text : excess) display_.print("over limit: " + text);
  }
  ++over_limit_;
}

void Job::watch_deaths() {
  for (const std::string& text : deaths_->look(now_ns_, broker_up_since_ns_)) {
    display_.print("late: " + text + " after " + std::to_string(kReturnWithinNs / kNsPerMs) +
                   " ms");
  }
}

void Job::show() {
  next_show_ns_ = now_ns_ + display_.interval_ms() * kNsPerMs;
  Frame frame;
  frame.elapsed_ms = (now_ns_ - started_at_ns_) / kNsPerMs;
  frame.seconds = options_.seconds;
  frame.seed = options_.seed;
  frame.broker_up = broker_up_since_ns_ != 0;
  frame.services = crew_.live_services();
  frame.limits = limits_;
  frame.counters = read_counters(ledger_.view());
  frame.killed = killed_;
  frame.over_limit = over_limit_;
  if (observer_) {
    frame.tally = observer_->last_tally();
    frame.looks = observer_->looks();
  }
  frame.events.assign(events_.begin(), events_.end());
  display_.show(frame);
}

void Job::schedule_kill() { next_kill_ns_ = now_ns_ + random_.pick(300, 700) * kNsPerMs; }

void Job::kill_something() {
  schedule_kill();
  if (broker_kill_at_ns_ != 0 && now_ns_ >= broker_kill_at_ns_) return kill_broker();
  if (random_.pick(1, 100) <= 15 || !kill_handler()) kill_service();
}

void Job::kill_broker() {
  broker_kill_at_ns_ = 0;
  claims_at_broker_kill_ = read_counters(ledger_.view()).claims;
  const int pid = crew_.broker_pid();
  if (!crew_.kill_broker(now_ns_ + random_.pick(200, 400) * kNsPerMs)) return;
  broker_killed_at_ns_ = now_ns_;
  ++killed_;
  note("killed broker " + std::to_string(pid));
}

void Job::kill_service() {
  const std::size_t first = random_.pick(0, crew_.service_count() - 1);
  for (std::size_t i = 0; i < crew_.service_count(); ++i) {
    const std::size_t index = (first + i) % crew_.service_count();
    const int pid = crew_.service_pid(index);
    const std::vector<ProcessRef> entries = deaths_->find_entries(pid);
    if (!crew_.kill_service(index, now_ns_ + random_.pick(50, 200) * kNsPerMs))
      continue;  // down just now
    note_kill("service " + std::to_string(pid), entries);
    return;
  }
}

bool Job::kill_handler() {
  std::vector<FoundProcess> handlers = crew_.read_handlers();
  while (!handlers.empty()) {
    const std::size_t index = random_.pick(0, handlers.size() - 1);
    const FoundProcess victim = handlers[index];
    const std::vector<ProcessRef> entries = deaths_->find_entries(victim.pid);
    if (try_kill(victim)) {
      note_kill("handler " + std::to_string(victim.pid), entries);
      return true;
    }
    handlers.erase(handlers.begin() + static_cast<std::ptrdiff_t>(index));  // it ended meanwhile
  }
  return false;
}

void Job::note_kill(const std::string& what, const std::vector<ProcessRef>& entries) {
  ++killed_;
  deaths_->add(what, entries, now_ns_);
  note("killed " + what);
}

void Job::note(const std::string& event) {
  const std::uint64_t elapsed_ms = (now_ns_ - started_at_ns_) / kNsPerMs;
  events_.push_back(std::to_string(elapsed_ms / 1000) + "." +
                    std::to_string(elapsed_ms % 1000 / 100) + " s  " + event);
  if (events_.size() > Display::kEvents) events_.pop_front();
}

void Job::fail(const std::string& problem) {
  // What follows from a problem would only repeat it.
  if (std::find(problems_.begin(), problems_.end(), problem) == problems_.end())
    problems_.push_back(problem);
}

}  // namespace slotd::mainjob
