#include "tests/bench/waiter.hpp"

#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdlib>
#include <stdexcept>
#include <string>

#include "slotd/client.hpp"
#include "tests/bench/semaphores.hpp"
#include "tests/bench/team.hpp"
#include "tests/support/broker_process.hpp"

namespace slotd::bench {

namespace {

constexpr std::uint32_t kManyHolders = 64;
constexpr std::size_t kLargeBytes = 1UL << 30;
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
[[noreturn]] void wait_in_rounds(const std::string& segment, const Semaphores& semaphores,
                                 Board& board, std::uint32_t holders) {
  Client client({.segment_path = segment, .name = "waiter"});
  for (std::uint32_t round = 1;; ++round) {
    while (board.round.load() < round) {
      futex_wait(reinterpret_cast<const std::uint32_t*>(&board.round), round - 1, kNsPerSecond,
                 FutexScope::kShared);
    }
    if (board.side == Side::kSlotd) {
      Slot slot = client.claim_for(type_for(holders), kEver);
      board.running_ns = monotonic_ns();
      if (!slot) fail_child("a waiter was refused");
      slot.release();
    } else {
      if (!semaphores.take()) fail_child("a waiting semop failed");
      board.running_ns = monotonic_ns();
      semaphores.give_back();
    }
    board.done = round;
  }
}

/// All rounds of one run, microseconds.
struct Times {
  std::vector<double> slotd_us;
  std::vector<double> rival_us;

  std::vector<double>& of(Side side) { return side == Side::kSlotd ? slotd_us : rival_us; }
};

double percentile_ns(std::vector<double> values, double share) {
  std::sort(values.begin(), values.end());
  const auto at = static_cast<std::size_t>(share * static_cast<double>(values.size()));
  return 1000 * values[std::min(at, values.size() - 1)];
}

/// One waiter and whoever holds what it wants.
class Stage {
 public:
  Stage(std::string segment, std::uint32_t holders, std::size_t holder_bytes)
      : segment_(std::move(segment)), holders_(holders), holder_bytes_(holder_bytes) {
    semaphores_.set_free(static_cast<std::uint16_t>(holders));
    waiter_ = std::make_unique<Child>(
        [this] { wait_in_rounds(segment_, semaphores_, *board_, holders_); });
  }

  /// In one process, which is not this one: the coordinator has no Client.
  Times measure_releases(int rounds) {
    const Shared<Figures> figures;
    const int count = std::min(rounds, static_cast<int>(kMaxRounds));
    Child holder([&] { release_in_rounds(count, *figures); });
    holder.join();
    const auto take = [&](const auto& times) {
      return std::vector<double>(times.begin(), times.begin() + count);
    };
    return {take(figures->slotd_us), take(figures->rival_us)};
  }

  Times measure_kills(int rounds) {
    Times times;
    for (int i = 0; i < 2 * rounds; ++i) {
      const Side side = i % 2 == 0 ? Side::kSlotd : Side::kRival;
      const std::vector<pid_t> pids = start_holders(side);
      start_waiter(side);
      const std::uint64_t begin_ns = monotonic_ns();
      ::kill(-pids.front(), SIGKILL);
      times.of(side).push_back(static_cast<double>(finish() - begin_ns) / 1000.0);
      for (const pid_t pid : pids) ::waitpid(pid, nullptr, 0);
    }
    return times;
  }

 private:
  static constexpr std::size_t kMaxRounds = 2000;
  struct Figures {
    std::array<double, kMaxRounds> slotd_us;
    std::array<double, kMaxRounds> rival_us;
  };

  void release_in_rounds(int count, Figures& figures) {
    Client client({.segment_path = segment_, .name = "holder"});
    for (int i = 0; i < 2 * count; ++i) {
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
      wait_until([&] { return board_->done == round_; }, [] {});
      const double took_us = static_cast<double>(board_->running_ns - begin_ns) / 1000.0;
      auto& times = side == Side::kSlotd ? figures.slotd_us : figures.rival_us;
      times[static_cast<std::size_t>(i / 2)] = took_us;
    }
  }

  void start_waiter(Side side) {
    board_->side = side;
    board_->round = ++round_;
    futex_wake(reinterpret_cast<const std::uint32_t*>(&board_->round), 1, FutexScope::kShared);
    sleep_for(std::chrono::milliseconds(1));  // asleep for certain, on either side
  }
  /// When the waiter ran again.
  std::uint64_t finish() {
    wait_until([&] { return board_->done == round_; }, [this] { waiter_->check(); });
    return board_->running_ns;
  }

  /// In a process group of their own, all of them holding.
  std::vector<pid_t> start_holders(Side side) {
    board_->holding = 0;
    std::vector<pid_t> pids;
    for (std::uint32_t i = 0; i < holders_; ++i) {
      const pid_t pid = ::fork();
      if (pid == 0) hold(side, pids.empty() ? 0 : pids.front());
      if (pid < 0) throw std::runtime_error("fork failed");
      ::setpgid(pid, pids.empty() ? pid : pids.front());
      pids.push_back(pid);
    }
    wait_until([&] { return board_->holding == holders_; }, [] {});
    return pids;
  }
  [[noreturn]] void hold(Side side, pid_t group) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::setpgid(0, group);
    if (holder_bytes_ > 0) {
      void* memory = ::mmap(nullptr, holder_bytes_, PROT_READ | PROT_WRITE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0);
      if (memory == MAP_FAILED) fail_child("no memory for a large holder");
    }
    if (side == Side::kSlotd) {
      Client client({.segment_path = segment_, .name = "holder"});
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
  std::size_t holder_bytes_;
  std::uint32_t round_ = 0;
  Semaphores semaphores_;
  Shared<Board> board_;
  std::unique_ptr<Child> waiter_;
};

bool has_memory(std::size_t bytes) {
  const std::string text = testing::read_text("/proc/meminfo");
  const std::string key = "MemAvailable:";
  const std::size_t at = text.find(key);
  return at != std::string::npos &&
         std::strtoull(text.c_str() + at + key.size(), nullptr, 10) * 1024 > 2 * bytes;
}

/// Adds a run's figures to the line of that name.
void add_run(std::vector<Line>& lines, const std::string& name, const std::string& what, double aim,
             const Paired& run) {
  for (Line& line : lines) {
    if (line.name == name && line.what == what) return line.runs.push_back(run);
  }
  Line line;
  line.name = name;
  line.what = what;
  line.rival = "sysv";
  line.aim = aim;
  line.runs = {run};
  lines.push_back(line);
}

void add_times(std::vector<Line>& lines, const std::string& what, double aim, const Times& times) {
  constexpr std::size_t kEnoughForAPercentile = 100;
  const auto paired = [&](double share) {
    return Paired{percentile_ns(times.slotd_us, share), percentile_ns(times.rival_us, share)};
  };
  add_run(lines, "waiter", what, aim, paired(0.5));
  if (times.slotd_us.size() >= kEnoughForAPercentile)
    add_run(lines, "waiter_p99", what, 0, paired(0.99));
}

void run_once(std::vector<Line>& lines, const WaiterRounds& rounds, bool is_broker_up) {
  constexpr double kReleaseAim = 1 / 1.2;
  constexpr double kKillAim = 1;
  testing::BrokerProcess broker(
      "cpu: { capacity: 64, idle_rule: false }\n"
      "types: { one: { max: 1, cpu: 0.1 }, many: { max: 64, cpu: 0.1 } }\n");
  if (!is_broker_up) broker.kill_now();
  const std::string state = is_broker_up ? ", broker up" : ", broker down";
  const std::string segment = broker.segment();
  add_times(lines, "release" + state, kReleaseAim,
            Stage(segment, 1, 0).measure_releases(rounds.releases));
  add_times(lines, "SIGKILL of the holder" + state, kKillAim,
            Stage(segment, 1, 0).measure_kills(rounds.kills));
  add_times(lines, "SIGKILL of 64 holders at once" + state, kKillAim,
            Stage(segment, kManyHolders, 0).measure_kills(rounds.mass_kills));
  if (has_memory(kLargeBytes)) {
    add_times(lines, "SIGKILL of a holder of 1 GiB" + state, kKillAim,
              Stage(segment, 1, kLargeBytes).measure_kills(rounds.large_kills));
  }
}

}  // namespace

std::vector<Line> run_waiters(const WaiterRounds& rounds) {
  std::vector<Line> lines;
  for (int run = 0; run < rounds.runs; ++run) {
    for (const bool is_broker_up : {true, false}) run_once(lines, rounds, is_broker_up);
  }
  if (!has_memory(kLargeBytes)) {
    Line line;
    line.name = "waiter";
    line.what = "SIGKILL of a holder of 1 GiB";
    line.rival = "sysv";
    line.skipped = "less than 2 GiB of memory are available";
    lines.push_back(line);
  }
  return lines;
}

}  // namespace slotd::bench
