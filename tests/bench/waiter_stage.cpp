#include "tests/bench/waiter_stage.hpp"

#include <sched.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <stdexcept>

#include "slotd/clock.hpp"
#include "slotd/futex.hpp"
#include "tests/bench/machine.hpp"

namespace slotd::bench {

namespace {

constexpr std::uint64_t kPatienceNs = 60 * kNsPerSecond;

/// While it lives, children that end leave nothing behind: a contender that looks for the dead by
/// their pids would take what waits to be collected for alive, and to collect them would disturb.
class NoZombies {
 public:
  NoZombies() noexcept {
    struct sigaction ignored {};
    ignored.sa_handler = SIG_IGN;
    ::sigaction(SIGCHLD, &ignored, &before_);
  }
  ~NoZombies() { ::sigaction(SIGCHLD, &before_, nullptr); }
  NoZombies(const NoZombies&) = delete;
  NoZombies& operator=(const NoZombies&) = delete;

 private:
  struct sigaction before_ {};
};

bool has_ended(pid_t group) { return ::kill(-group, 0) != 0 && errno == ESRCH; }

/// To and fro, so that nobody always comes after the same one.
std::size_t whose_turn(std::size_t round, std::size_t turn, std::size_t contenders) {
  return round % 2 == 0 ? turn : contenders - 1 - turn;
}

Contenders set_room(const Contenders& contenders, std::uint32_t slots) {
  for (const auto& contender : contenders) contender->set_room(slots);
  return contenders;
}

/// The calling process from now on. `role` 0 is the waiter.
void place(Placement placement, std::size_t role) {
  if (placement == Placement::kAny) return;
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(usable_cpus().at(placement == Placement::kTwoCpus ? role : 0), &set);
  if (::sched_setaffinity(0, sizeof(set), &set) != 0) fail_child("sched_setaffinity failed");
}

}  // namespace

WaiterStage::WaiterStage(const Contenders& contenders, std::uint32_t holders,
                         std::size_t holder_bytes, Placement placement)
    : contenders_(set_room(contenders, holders)),
      holders_(holders),
      holder_bytes_(holder_bytes),
      placement_(placement),
      waiter_([this] { wait_in_rounds(); }) {}

/// Waits in each round, notes when it runs again, gives back.
void WaiterStage::wait_in_rounds() {
  place(placement_, 0);
  const Memberships members = join_all(contenders_);
  for (std::uint32_t round = 1;; ++round) {
    while (board_->round.load() < round) {
      futex_wait(reinterpret_cast<const std::uint32_t*>(&board_->round), round - 1, kNsPerSecond,
                 FutexScope::kShared);
    }
    Member& member = *members[board_->contender];
    member.take();
    board_->running_ns = monotonic_ns();
    member.give_back();
    board_->done = round;
  }
}

void WaiterStage::start_waiter(std::size_t contender) {
  board_->contender = static_cast<std::uint32_t>(contender);
  board_->round = ++round_;
  futex_wake(reinterpret_cast<const std::uint32_t*>(&board_->round), 1, FutexScope::kShared);
  sleep_for(std::chrono::milliseconds(1));  // asleep for certain, whoever it waits for
}

void WaiterStage::pass_part_of_a_look() const {
  constexpr double kLookNs = 10e6;
  constexpr double kGoldenSection = 0.618034;  // its multiples are spread evenly, however many
  const double part = std::fmod(kGoldenSection * round_, 1);
  sleep_for(std::chrono::nanoseconds(static_cast<std::int64_t>(kLookNs * part)));
}

WaiterTimes WaiterStage::measure_releases(int rounds) {
  const Shared<Figures> figures;
  const std::size_t count = std::min(static_cast<std::size_t>(rounds), kMaxRounds);
  Child holder([&] { release_in_rounds(count, *figures); });
  holder.join();
  round_ += static_cast<std::uint32_t>(count * contenders_.size());
  WaiterTimes times;
  for (std::size_t i = 0; i < contenders_.size(); ++i) {
    const auto& all = (*figures)[i];
    times.emplace_back(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return times;
}

/// In one process, which is not the coordinator: that is no member.
void WaiterStage::release_in_rounds(std::size_t rounds, Figures& figures) {
  place(placement_, 1);
  const Memberships members = join_all(contenders_);
  for (std::size_t round = 0; round < rounds; ++round) {
    for (std::size_t turn = 0; turn < members.size(); ++turn) {
      const std::size_t at = whose_turn(round, turn, members.size());
      members[at]->take();
      start_waiter(at);
      const std::uint64_t begin_ns = monotonic_ns();
      members[at]->give_back();
      wait_until([&] { return is_done(); }, [] {});
      figures[at][round] = static_cast<double>(board_->running_ns - begin_ns) / 1000.0;
    }
  }
}

WaiterTimes WaiterStage::measure_kills(int rounds) {
  const NoZombies no_zombies;
  WaiterTimes times(contenders_.size());
  for (std::size_t round = 0; round < static_cast<std::size_t>(rounds); ++round) {
    for (std::size_t turn = 0; turn < contenders_.size(); ++turn) {
      const std::size_t at = whose_turn(round, turn, contenders_.size());
      const pid_t group = start_holders(at);
      start_waiter(at);
      pass_part_of_a_look();
      const std::uint64_t begin_ns = monotonic_ns();
      ::kill(-group, SIGKILL);
      wait_until([&] { return is_done(); },
                 [&] {
                   waiter_.check();
                   if (monotonic_ns() > begin_ns + kPatienceNs)
                     throw std::runtime_error("a waiter was not woken: " + contenders_[at]->name());
                 });
      times[at].push_back(static_cast<double>(board_->running_ns - begin_ns) / 1000.0);
      wait_until([&] { return has_ended(group); }, [] {});
    }
  }
  return times;
}

bool WaiterStage::is_woken_by_kill(std::chrono::nanoseconds patience) {
  const NoZombies no_zombies;
  const pid_t group = start_holders(0);
  start_waiter(0);
  ::kill(-group, SIGKILL);
  wait_until([&] { return has_ended(group); }, [this] { waiter_.check(); });
  const std::uint64_t end_ns = monotonic_ns() + static_cast<std::uint64_t>(patience.count());
  wait_until([&] { return is_done() || monotonic_ns() > end_ns; }, [this] { waiter_.check(); });
  return is_done();
}

pid_t WaiterStage::start_holders(std::size_t contender) {
  board_->holding = 0;
  pid_t group = 0;
  for (std::uint32_t i = 0; i < holders_; ++i) {
    const pid_t pid = ::fork();
    if (pid == 0) hold(*contenders_[contender], group);
    if (pid < 0) throw std::runtime_error("fork failed");
    if (group == 0) group = pid;
    ::setpgid(pid, group);
  }
  const std::uint64_t give_up_ns = monotonic_ns() + kPatienceNs;
  wait_until([&] { return board_->holding == holders_; },
             [&] {
               if (monotonic_ns() > give_up_ns) throw std::runtime_error("a holder has no slot");
             });
  return group;
}

void WaiterStage::hold(const Contender& contender, pid_t group) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  ::setpgid(0, group);
  if (holder_bytes_ > 0) {
    void* memory = ::mmap(nullptr, holder_bytes_, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
    if (memory == MAP_FAILED) fail_child("no memory for a large holder");
  }
  try {
    const auto member = contender.join();
    member->take();
    ++board_->holding;
    for (;;) ::pause();
  } catch (const std::exception& error) {
    fail_child(error.what());
  }
}

}  // namespace slotd::bench
