#include "tests/stress/torture/helpers.hpp"

#include <signal.h>
#include <sys/prctl.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <exception>
#include <fstream>
#include <string>

#include "slotd/clock.hpp"
#include "tests/stress/torture/random.hpp"

namespace slotd::torture {

namespace {

constexpr std::uint64_t kBrokerStream = 900;
constexpr std::uint64_t kClockStream = 901;

class BrokerKeeper {
 public:
  BrokerKeeper(Board& board, testing::BrokerProcess& broker, std::uint64_t seed)
      : board_(board), broker_(broker), random_(seed, kBrokerStream, 0, 0) {}

  void run() {
    for (;;) {
      const BrokerWish wish = read_wish();
      if (wish == BrokerWish::kEnd) break;
      if (wish == BrokerWish::kDown) {
        take_down();
      } else {
        bring_up();
        if (wish == BrokerWish::kTorment) torment();
      }
      ::usleep(2000);
    }
    take_down();
  }

 private:
  BrokerWish read_wish() const { return static_cast<BrokerWish>(board_.broker_wish.load()); }
  void report(BrokerState state) { board_.broker_state.store(static_cast<std::uint32_t>(state)); }

  void bring_up() {
    if (broker_.pid() == 0) {
      judge_log();
      broker_.start();
    } else if (!broker_.is_running()) {
      board_.wrong.fetch_add(1);
      board_.complain("the broker ended by itself");
      return;
    }
    report(BrokerState::kUp);
  }

  void take_down() {
    if (broker_.pid() != 0) broker_.kill_now();
    report(BrokerState::kDown);
  }

  /// Some time up, perhaps stopped for a while, then killed; down for a while.
  void torment() {
    sleep_ms(200 + random_.pick(900));
    if (random_.one_in(6)) {
      broker_.signal(SIGSTOP);
      board_.broker_stops.fetch_add(1);
      sleep_ms(random_.pick(200));
      broker_.signal(SIGCONT);
      sleep_ms(random_.pick(50));
    }
    if (!broker_.is_running()) return;
    take_down();
    board_.broker_kills.fetch_add(1);
    sleep_ms(random_.one_in(4) ? random_.pick(600) : random_.pick(40));
    if (random_.one_in(3)) {  // killed while it starts
      broker_.start_and_kill_after_us(static_cast<int>(random_.pick(20'000)));
      board_.broker_kills.fetch_add(1);
    }
  }

  void sleep_ms(std::uint32_t wait_ms) const {
    for (std::uint32_t slept = 0; slept < wait_ms && read_wish() == BrokerWish::kTorment;
         slept += 5) {
      ::usleep(5000);
    }
  }

  /// Nothing that a broker logs as an error may happen here; and the log must not fill the memory.
  void judge_log() {
    std::ifstream log(broker_.log_path());
    for (std::string line; std::getline(log, line);) {
      if (line.find("error") == std::string::npos) continue;
      board_.wrong.fetch_add(1);
      board_.complain("broker: %s", line.c_str());
    }
    if (::truncate(broker_.log_path().c_str(), 0) != 0 && errno != ENOENT)
      board_.complain("cannot shorten the broker's log");
  }

  Board& board_;
  testing::BrokerProcess& broker_;
  Random random_;
};

std::int64_t read_clock_us(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return std::int64_t{now.tv_sec} * 1'000'000 + now.tv_nsec / 1000;
}

bool try_set_wall_us(std::int64_t us) {
  timeval value{};
  value.tv_sec = us / 1'000'000;
  value.tv_usec = us % 1'000'000;
  return ::settimeofday(&value, nullptr) == 0;
}

bool set_clocks(Board& board, std::uint64_t seed, std::uint32_t most_s) {
  const std::int64_t ahead_us = read_clock_us(CLOCK_REALTIME) - read_clock_us(CLOCK_MONOTONIC);
  const auto restore = [&] { return try_set_wall_us(ahead_us + read_clock_us(CLOCK_MONOTONIC)); };
  if (!restore()) return false;
  sigset_t end;
  sigemptyset(&end);
  sigaddset(&end, SIGTERM);
  ::sigprocmask(SIG_BLOCK, &end, nullptr);
  Random random(seed, kClockStream, 0, 0);
  for (;;) {
    const timespec pause{1, static_cast<long>(random.pick(999'999'999))};
    if (::sigtimedwait(&end, nullptr, &pause) == SIGTERM) break;
    const std::int64_t by_us =
        (std::int64_t{random.pick(2 * most_s + 1)} - std::int64_t{most_s}) * 1'000'000;
    try_set_wall_us(read_clock_us(CLOCK_REALTIME) + by_us);
    board.clock_steps.fetch_add(1);
    const timespec away{0, 200'000'000};
    const bool over = ::sigtimedwait(&end, nullptr, &away) == SIGTERM;
    restore();
    if (over) break;
  }
  return restore();
}

}  // namespace

pid_t start_broker_keeper(Board& board, testing::BrokerProcess& broker, std::uint64_t seed) {
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  try {
    BrokerKeeper(board, broker, seed).run();
  } catch (const std::exception& error) {
    board.wrong.fetch_add(1);
    board.complain("broker: %s", error.what());
    board.broker_state.store(static_cast<std::uint32_t>(BrokerState::kFailed));
    if (broker.pid() != 0) broker.kill_now();
    ::_exit(1);
  }
  ::_exit(0);
}

pid_t start_clock_setter(Board& board, std::uint64_t seed, std::uint32_t most_s) {
  const std::int64_t ahead_us = read_clock_us(CLOCK_REALTIME) - read_clock_us(CLOCK_MONOTONIC);
  if (!try_set_wall_us(ahead_us + read_clock_us(CLOCK_MONOTONIC))) return 0;
  const pid_t pid = ::fork();
  if (pid != 0) return pid;
  ::setpgid(0, 0);
  ::prctl(PR_SET_PDEATHSIG, SIGTERM);
  ::_exit(set_clocks(board, seed, most_s) ? 0 : 1);
}

void end_clock_setter(pid_t pid) {
  ::kill(pid, SIGTERM);
  ::waitpid(pid, nullptr, 0);
}

}  // namespace slotd::torture
