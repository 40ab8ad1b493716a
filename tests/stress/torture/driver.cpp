#include "tests/stress/torture/driver.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <utility>

#include "slotd/clock.hpp"
#include "tests/stress/torture/helpers.hpp"
#include "tests/stress/torture/worker.hpp"

namespace slotd::torture {

namespace {
constexpr std::uint64_t kNsPerUs = 1000;
constexpr std::uint64_t kChildStream = 902;
constexpr std::uint64_t kProgressNs = 60 * kNsPerSecond;
}  // namespace

Driver::Driver(const Options& options)
    : options_(options),
      broker_(testing::BrokerProcess::not_started(make_config())),
      sitters_(std::min(options.processes, kWorkerSeats)),
      child_random_(options.seed, kChildStream, 0, 0) {}

Report Driver::torture(const Options& options) {
  auto* driver = new Driver(options);
  Report report = driver->run();
  delete driver;
  return report;
}

Report Driver::run() {
  // Children whose parents were killed come to this process, and to nobody else, to be reaped.
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  const pid_t keeper = start_broker_keeper(*board_, broker_, options_.seed);
  const auto settle = [this](BrokerWish wish, BrokerState state) {
    return settle_broker(*board_, static_cast<std::uint32_t>(wish),
                         static_cast<std::uint32_t>(state));
  };
  Report report;
  report.options = options_;
  if (settle(BrokerWish::kUp, BrokerState::kUp)) {
    board_->broker_wish.store(static_cast<std::uint32_t>(BrokerWish::kTorment));
    const pid_t clock = options_.set_clock_s != 0
                            ? start_clock_setter(*board_, options_.seed, options_.set_clock_s)
                            : 0;
    if (options_.set_clock_s != 0 && clock == 0)
      std::puts("the wall clock is left alone: setting it is not permitted here");
    torment();
    kill_all();
    if (clock != 0) end_clock_setter(clock);
    // Every other run ends without a broker: then those who are left free what the dead have left.
    const bool broker_up = options_.seed % 2 == 0;
    const bool settled = broker_up ? settle(BrokerWish::kUp, BrokerState::kUp)
                                   : settle(BrokerWish::kDown, BrokerState::kDown);
    if (settled) judge(report);
  } else {
    board_->complain("the broker did not start");
    board_->wrong.fetch_add(1);
  }
  collect(report);
  board_->broker_wish.store(static_cast<std::uint32_t>(BrokerWish::kEnd));
  ::waitpid(keeper, nullptr, 0);
  return report;
}

bool settle_broker(Board& board, std::uint32_t wish, std::uint32_t state) {
  board.broker_state.store(static_cast<std::uint32_t>(BrokerState::kUnknown));
  board.broker_wish.store(wish);
  testing::wait_until([&] {
    const std::uint32_t now = board.broker_state.load();
    return now == state || now == static_cast<std::uint32_t>(BrokerState::kFailed);
  });
  return board.broker_state.load() == state;
}

// ---- Lives

Driver::Plan Driver::make_plan(Random& random) const {
  Plan plan;
  const std::uint32_t draw = random.pick(100);
  plan.kind = draw < 84   ? Plan::kKill
              : draw < 91 ? Plan::kStopAndGo
              : draw < 96 ? Plan::kStopAndKill
                          : Plan::kLeave;
  plan.from_attach = random.pick(10) < 7;
  plan.after_us = random.pick(10'000);
  plan.stopped_us = random.pick(random.one_in(10) ? 60'000 : 8'000);
  return plan;
}

void Driver::start_life(std::uint32_t index) {
  Sitter& sitter = sitters_[index];
  const std::uint64_t life = sitter.life + 1;
  Random random(options_.seed, index, life, 0);
  sitter = Sitter{};
  sitter.life = life;
  sitter.plan = make_plan(random);
  Birth birth;
  birth.segment = broker_.segment();
  birth.seed = options_.seed;
  birth.seat = index;
  birth.life = life;
  birth.threads = 1 + random.pick(std::min(options_.threads, kThreads));
  birth.leaves_main = random.one_in(12);
  birth.end_after_us = sitter.plan.kind == Plan::kLeave ? 1000 + random.pick(80'000) : 0;
  Seat& seat = board_->seats[index];
  seat.epoch.fetch_add(1);
  const pid_t driver = ::getpid();
  const pid_t pid = ::fork();
  if (pid < 0) {
    board_->clear_seat(index);
    return;
  }
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != driver) ::_exit(0);
    auto* worker = new Worker(*board_, std::move(birth), nullptr);
    worker->run();
  }
  seat.pid.store(pid);
  sitter.pid = pid;
  if (!sitter.plan.from_attach) sitter.next_ns = monotonic_ns() + sitter.plan.after_us * kNsPerUs;
}

/// The next step of the seat's plan, if it is time.
void Driver::advance(std::uint32_t index, std::uint64_t now_ns) {
  Sitter& sitter = sitters_[index];
  if (sitter.pid == 0) return start_life(index);
  if (sitter.plan.kind == Plan::kLeave) return;
  if (sitter.next_ns == 0) {
    if (board_->seats[index].attached.load() == 0) return;
    sitter.next_ns = now_ns + sitter.plan.after_us * kNsPerUs;
  }
  if (now_ns < sitter.next_ns) return;
  if (sitter.plan.kind == Plan::kKill) return kill_sitter(index);
  if (!sitter.stopped) {
    ::kill(sitter.pid, SIGSTOP);
    ++stops_;
    sitter.stopped = true;
    sitter.next_ns = now_ns + sitter.plan.stopped_us * kNsPerUs;
    return;
  }
  if (sitter.plan.kind == Plan::kStopAndKill) return kill_sitter(index);
  ::kill(sitter.pid, SIGCONT);
  sitter.plan.kind = Plan::kKill;
  sitter.next_ns = now_ns + sitter.plan.after_us * kNsPerUs;
}

void Driver::kill_sitter(std::uint32_t index) {
  Sitter& sitter = sitters_[index];
  Seat& seat = board_->seats[index];
  if (seat.attached.load() == 0) ++kills_unattached_;
  const bool holds = std::any_of(seat.notes.begin(), seat.notes.end(),
                                 [](const auto& note) { return note.load() != 0; });
  if (holds) ++kills_holding_;
  seat.doom();
  ::kill(sitter.pid, SIGKILL);
  sitter.plan.kind = Plan::kLeave;  // until it is reaped
}

/// Children of forks have seats without a plan: one of them at a time is stopped or killed. Its
/// process cannot be another one by then: only this process reaps it, or its parent's death brings
/// it here.
void Driver::torment_children(std::uint64_t now_ns) {
  if (now_ns < next_child_ns_) return;
  next_child_ns_ = now_ns + (1000 + child_random_.pick(6000)) * kNsPerUs;
  if (stopped_child_ != kNoSeat) {
    const pid_t pid = board_->seats[stopped_child_].pid.load();
    if (pid != 0) ::kill(pid, SIGCONT);
    stopped_child_ = kNoSeat;
    return;
  }
  constexpr std::uint32_t kChildSeats = kSeats - kWorkerSeats;
  const std::uint32_t first = child_random_.pick(kChildSeats);
  const bool stops = child_random_.one_in(4);
  for (std::uint32_t i = 0; i < kChildSeats; ++i) {
    const std::uint32_t index = kWorkerSeats + (first + i) % kChildSeats;
    Seat& seat = board_->seats[index];
    std::uint64_t epoch = seat.epoch.load();
    const pid_t pid = seat.pid.load();
    if (pid == 0 || !is_settled(epoch)) continue;
    if (stops) {
      ::kill(pid, SIGSTOP);
      ++stops_;
      stopped_child_ = index;
      return;
    }
    if (!seat.epoch.compare_exchange_strong(epoch, epoch | kDoomed)) continue;
    ::kill(pid, SIGKILL);
    return;
  }
}

// ---- Deaths

/// All children but the helpers, which are in groups of their own.
void Driver::reap() {
  int status = 0;
  for (pid_t pid = 0; (pid = ::waitpid(0, &status, WNOHANG)) > 0;) on_death(pid, status);
}

void Driver::on_death(pid_t pid, int status) {
  const bool killed = WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
  if (killed) {
    ++kills_;
  } else {
    ++ends_;
  }
  if (!killed && !(WIFEXITED(status) && WEXITSTATUS(status) == 0)) {
    board_->wrong.fetch_add(1);
    const char* doing = nullptr;
    for (const Seat& seat : board_->seats) {
      if (seat.pid.load() == pid) doing = seat.doing.load();
    }
    board_->complain("pid %d ended with status %d while it did: %s", pid, status,
                     doing == nullptr ? "nothing that is known" : doing);
  }
  for (std::uint32_t index = 0; index < kSeats; ++index) {
    const bool is_sitter = index < sitters_.size() && sitters_[index].pid == pid;
    if (!is_sitter && board_->seats[index].pid.load() != pid) continue;
    board_->clear_seat(index);
    if (is_sitter) sitters_[index].pid = 0;
    if (stopped_child_ == index) stopped_child_ = kNoSeat;
  }
}

void Driver::torment() {
  begin_ns_ = monotonic_ns();
  next_progress_ns_ = begin_ns_ + kProgressNs;
  const std::uint64_t end_ns = begin_ns_ + options_.seconds * kNsPerSecond;
  for (std::uint64_t now_ns = begin_ns_; now_ns < end_ns; now_ns = monotonic_ns()) {
    reap();
    for (std::uint32_t index = 0; index < sitters_.size(); ++index) advance(index, now_ns);
    torment_children(now_ns);
    show_progress(now_ns);
    ::usleep(150);
  }
}

/// Everybody, their children's children too: no new ones are born, those that nobody names leave by
/// themselves within milliseconds.
void Driver::kill_all() {
  board_->stop.store(true);
  for (std::uint32_t index = 0; index < sitters_.size(); ++index) {
    if (sitters_[index].pid != 0) kill_sitter(index);
  }
  const bool gone = testing::wait_until([this] {
    for (std::uint32_t index = 0; index < kSeats; ++index) {
      Seat& seat = board_->seats[index];
      const pid_t pid = seat.pid.load();
      if (pid == 0) continue;
      seat.doom();
      ::kill(pid, SIGKILL);
    }
    reap();
    siginfo_t info{};
    return ::waitid(P_PGID, 0, &info, WEXITED | WNOHANG | WNOWAIT) < 0 && errno == ECHILD;
  });
  if (gone) return;
  board_->wrong.fetch_add(1);
  board_->complain("a process did not end");
}

void Driver::show_progress(std::uint64_t now_ns) {
  if (now_ns < next_progress_ns_) return;
  next_progress_ns_ += kProgressNs;
  std::printf("after %llu s: kills=%llu wrong=%llu over_limit=%llu\n",
              static_cast<unsigned long long>((now_ns - begin_ns_) / kNsPerSecond),
              static_cast<unsigned long long>(kills_ + board_->broker_kills.load()),
              static_cast<unsigned long long>(board_->wrong.load()),
              static_cast<unsigned long long>(board_->over_limit.load()));
  std::fflush(stdout);
}

}  // namespace slotd::torture
