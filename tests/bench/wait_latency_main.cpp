// From a release, or from the SIGKILL of all holders, to the blocked waiter running: slotd against
// one SysV semaphore set with SEM_UNDO, in turns in one run, with the broker up and down.
//
//   slotd-wait-latency [RELEASES [KILLS]]      rounds of each kind, default 2000 200
//
// The waiter is a process that sleeps when the clock starts. The time ends when its call has come
// back and it has read the clock. Holders are one process, or 64 that are killed by one signal to
// their group. Microseconds.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "slotd/client.hpp"
#include "tests/bench/semaphores.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/team.hpp"

namespace slotd::bench {
namespace {

using slotd::testing::Shared;

constexpr std::uint32_t kManyHolders = 64;
constexpr std::chrono::hours kEver{24};

enum class Side : std::uint32_t { kSlotd, kRival };

/// What the processes of a run share.
struct Board {
  std::atomic<std::uint32_t> round;  ///< futex word: the waiter starts on it
  std::atomic<Side> side;
  std::atomic<std::uint32_t> done;
  std::atomic<std::uint64_t> running_ns;
  std::atomic<std::uint32_t> holding;
};

const char* type_for(std::uint32_t holders) { return holders == 1 ? "one" : "many"; }

/// Waits in each round, notes when it runs again, gives back.
bool wait_in_rounds(const std::string& segment, const Semaphores& semaphores, Board& board,
                    std::uint32_t holders) {
  Client client({segment, "waiter"});
  for (std::uint32_t round = 1;; ++round) {
    while (board.round.load() < round) {
      futex_wait(reinterpret_cast<const std::uint32_t*>(&board.round), round - 1, kNsPerSecond,
                 FutexScope::kShared);
    }
    if (board.side == Side::kSlotd) {
      Slot slot = client.claim_for(type_for(holders), kEver);
      board.running_ns = monotonic_ns();
      if (!slot) return false;
      slot.release();
    } else {
      if (!semaphores.take()) return false;
      board.running_ns = monotonic_ns();
      semaphores.give_back();
    }
    board.done = round;
  }
}

struct Times {
  std::vector<double> slotd_us;
  std::vector<double> rival_us;

  std::vector<double>& of(Side side) { return side == Side::kSlotd ? slotd_us : rival_us; }
};

double percentile(std::vector<double> values, double share) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size()));
  return values[std::min(at, values.size() - 1)];
}

void print(const std::string& what, const Times& times) {
  const double ours[] = {percentile(times.slotd_us, 0.5), percentile(times.slotd_us, 0.99)};
  const double theirs[] = {percentile(times.rival_us, 0.5), percentile(times.rival_us, 0.99)};
  std::printf("%-34s %9.1f %9.1f   %9.1f %9.1f   %5.2f %5.2f\n", what.c_str(), ours[0], ours[1],
              theirs[0], theirs[1], ours[0] / theirs[0], ours[1] / theirs[1]);
  std::fflush(stdout);
}

/// One waiter and whoever holds what it wants.
class Stage {
 public:
  Stage(std::string segment, std::uint32_t holders)
      : segment_(std::move(segment)), holders_(holders) {
    semaphores_.set_free(static_cast<std::uint16_t>(holders));
    team_.add([this] { return wait_in_rounds(segment_, semaphores_, *board_, holders_); });
  }

  Times measure_releases(int rounds) {
    Client client({segment_, "holder"});
    Times times;
    for (int i = 0; i < 2 * rounds; ++i) {
      const Side side = i % 2 == 0 ? Side::kSlotd : Side::kRival;
      Slot slot;
      if (side == Side::kSlotd)
        slot = client.claim_for(type_for(1), kEver);
      else
        semaphores_.take();
      start_waiter(side);
      const std::uint64_t begin_ns = monotonic_ns();
      if (side == Side::kSlotd)
        slot.release();
      else
        semaphores_.give_back();
      times.of(side).push_back(finish_us(begin_ns));
    }
    return times;
  }

  Times measure_kills(int rounds) {
    Times times;
    for (int i = 0; i < 2 * rounds; ++i) {
      const Side side = i % 2 == 0 ? Side::kSlotd : Side::kRival;
      const std::vector<pid_t> pids = start_holders(side);
      start_waiter(side);
      const std::uint64_t begin_ns = monotonic_ns();
      ::kill(-pids.front(), SIGKILL);
      times.of(side).push_back(finish_us(begin_ns));
      for (const pid_t pid : pids) ::waitpid(pid, nullptr, 0);
    }
    return times;
  }

 private:
  void start_waiter(Side side) {
    board_->side = side;
    board_->round = ++round_;
    futex_wake(reinterpret_cast<const std::uint32_t*>(&board_->round), 1, FutexScope::kShared);
    // Asleep for certain, on either side.
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  double finish_us(std::uint64_t begin_ns) const {
    while (board_->done != round_) std::this_thread::sleep_for(std::chrono::microseconds(50));
    return static_cast<double>(board_->running_ns - begin_ns) / 1000.0;
  }

  /// In a process group of their own, all of them holding.
  std::vector<pid_t> start_holders(Side side) {
    board_->holding = 0;
    std::vector<pid_t> pids;
    for (std::uint32_t i = 0; i < holders_; ++i) {
      const pid_t pid = ::fork();
      if (pid == 0) hold(side, pids.empty() ? 0 : pids.front());
      ::setpgid(pid, pids.empty() ? pid : pids.front());
      pids.push_back(pid);
    }
    while (board_->holding != holders_) std::this_thread::sleep_for(std::chrono::microseconds(100));
    return pids;
  }
  [[noreturn]] void hold(Side side, pid_t group) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::setpgid(0, group);
    if (side == Side::kSlotd) {
      Client client({segment_, "holder"});
      const Slot slot = client.claim_for(type_for(holders_), kEver);
      ++board_->holding;
      for (;;) ::pause();
    }
    semaphores_.take();
    ++board_->holding;
    for (;;) ::pause();
  }

  std::string segment_;
  std::uint32_t holders_;
  std::uint32_t round_ = 0;
  Semaphores semaphores_;
  Shared<Board> board_;
  slotd::testing::Team team_;
};

void run(bool is_broker_up, int releases, int kills) {
  slotd::testing::BrokerProcess broker(
      "cpu: { capacity: 64, idle_rule: false }\n"
      "types: { one: { max: 1, cpu: 0.1 }, many: { max: 64, cpu: 0.1 } }\n");
  if (!is_broker_up) broker.kill_now();
  const std::string state = is_broker_up ? ", broker up" : ", broker down";
  print("release" + state, Stage(broker.segment(), 1).measure_releases(releases));
  print("SIGKILL of 1 holder" + state, Stage(broker.segment(), 1).measure_kills(kills));
  print("SIGKILL of 64 holders" + state,
        Stage(broker.segment(), kManyHolders).measure_kills(std::max(kills / 4, 1)));
}

}  // namespace
}  // namespace slotd::bench

int main(int argc, char** argv) {
  const int releases = argc > 1 ? std::atoi(argv[1]) : 2000;
  const int kills = argc > 2 ? std::atoi(argv[2]) : 200;
  std::printf("%-34s %9s %9s   %9s %9s   %s\n", "microseconds", "slotd p50", "p99", "SysV p50",
              "p99", "ratio p50, p99");
  for (const bool is_broker_up : {true, false}) slotd::bench::run(is_broker_up, releases, kills);
  return 0;
}
