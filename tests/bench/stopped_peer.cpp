#include "tests/bench/stopped_peer.hpp"

#include <sched.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <stdexcept>

#include "slotd/clock.hpp"
#include "tests/bench/crew.hpp"
#include "tests/bench/team.hpp"

namespace slotd::bench {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWindow{20};
constexpr std::uint64_t kPauseNs = 5'000;  ///< between the watcher's pairs
constexpr std::uint32_t kIdle = 0;         ///< as a phase; phase i + 1 is the contender i's

struct Board {
  alignas(64) std::atomic<std::uint32_t> phase;
  alignas(64) std::atomic<std::uint32_t> peer_at;
  alignas(64) std::atomic<std::uint32_t> watcher_at;
  std::atomic<std::uint64_t> longest_ns;
};

[[noreturn]] void be_peer(const Contenders& contenders, Board& board) {
  const Memberships members = join_all(contenders);
  for (;;) {
    const std::uint32_t phase = board.phase.load(std::memory_order_acquire);
    if (phase != kIdle) members[phase - 1]->repeat(Operation::kPair, 1);
    board.peer_at.store(phase, std::memory_order_release);
    if (phase == kIdle) sleep_for(std::chrono::microseconds(200));
  }
}

/// Tells the longest pair of each phase when the phase has ended. Where that is permitted it goes
/// before all other processes: what is asked is how long the peer holds it up, not the scheduler.
[[noreturn]] void be_watcher(const Contenders& contenders, Board& board) {
  const sched_param first{1};
  ::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first);
  const Memberships members = join_all(contenders);
  std::uint64_t longest_ns = 0;
  for (;;) {
    const std::uint32_t phase = board.phase.load(std::memory_order_acquire);
    if (phase == kIdle) {
      if (board.watcher_at.load(std::memory_order_relaxed) != kIdle) {
        board.longest_ns.store(longest_ns, std::memory_order_relaxed);
        board.watcher_at.store(kIdle, std::memory_order_release);
        longest_ns = 0;
      }
      sleep_for(std::chrono::microseconds(200));
      continue;
    }
    const bool is_first = board.watcher_at.load(std::memory_order_relaxed) != phase;
    const std::uint64_t start_ns = monotonic_ns();
    members[phase - 1]->repeat(Operation::kPair, 1);
    const std::uint64_t took_ns = monotonic_ns() - start_ns;
    if (!is_first) longest_ns = std::max(longest_ns, took_ns);
    board.watcher_at.store(phase, std::memory_order_release);
    // The peer has the resource to itself meanwhile, else it would mostly be stopped while it
    // waits.
    const std::uint64_t next_ns = monotonic_ns() + kPauseNs;
    while (monotonic_ns() < next_ns) {
    }
  }
}

class Scene {
 public:
  Scene(const Contenders& contenders, const CpuQuota& quota)
      : quota_(quota),
        peer_([&] {
          board_->peer_at = kIdle;
          be_peer(contenders, *board_);
        }),
        watcher_([&] { be_watcher(contenders, *board_); }) {}

  double measure(std::uint32_t phase, Interference interference) {
    board_->longest_ns = 0;
    enter(phase);
    sleep_for(milliseconds(1));  // both are in the middle of it
    interfere(interference);
    board_->phase.store(kIdle, std::memory_order_release);
    release(interference);
    await(kIdle);
    sleep_for(kWindow / 5);  // a real-time process is held up that never rests
    return static_cast<double>(board_->longest_ns.load());
  }

  pid_t peer() const { return peer_.pid(); }

 private:
  void interfere(Interference interference) {
    constexpr int kTurns = 4;
    switch (interference) {
      case Interference::kNone:
        return sleep_for(kWindow);
      case Interference::kStopped:
        peer_.signal(SIGSTOP);
        return sleep_for(kWindow);
      case Interference::kThrottled:
        if (!quota_.tighten()) throw std::runtime_error("a CPU quota cannot be set");
        return sleep_for(kWindow);
      case Interference::kImitated:
        for (int turn = 0; turn < kTurns; ++turn) {
          peer_.signal(SIGSTOP);
          sleep_for(kWindow * 9 / (10 * kTurns));
          peer_.signal(SIGCONT);
          sleep_for(std::chrono::nanoseconds(kWindow) / (10 * kTurns));
        }
        return;
    }
  }
  void release(Interference interference) {
    peer_.signal(SIGCONT);
    if (interference == Interference::kThrottled && !quota_.widen())
      throw std::runtime_error("a CPU quota cannot be taken away");
  }
  void enter(std::uint32_t phase) {
    board_->phase.store(phase, std::memory_order_release);
    await(phase);
  }
  void await(std::uint32_t phase) {
    wait_until([&] { return board_->peer_at == phase && board_->watcher_at == phase; },
               [this] {
                 peer_.check();
                 watcher_.check();
               });
  }

  const CpuQuota& quota_;
  Shared<Board> board_;
  Child peer_;
  Child watcher_;
};

}  // namespace

std::vector<double> measure_stopped_peer(const Contenders& contenders, Interference interference,
                                         int windows, const CpuQuota& quota) {
  constexpr std::uint32_t kHeld = 30;
  for (const auto& contender : contenders) contender->set_room(kHeld + 8);
  const Keeper keeper(contenders, kHeld);
  Scene scene(contenders, quota);
  const bool has_quota = interference == Interference::kThrottled;
  if (has_quota && !quota.add(scene.peer()))
    throw std::runtime_error("a process cannot be given a CPU quota");
  const unsigned long throttled_before = has_quota ? quota.count_throttled() : 0;
  std::vector<double> longest(contenders.size());
  for (int window = 0; window < windows; ++window) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      const double ns = scene.measure(static_cast<std::uint32_t>(i + 1), interference);
      longest[i] = std::max(longest[i], ns);
    }
  }
  if (has_quota && quota.count_throttled() == throttled_before)
    throw std::runtime_error("the CPU quota has throttled nobody");
  return longest;
}

}  // namespace slotd::bench
