// A process that waits for a slot, and the processes that hold all slots of that kind: they give
// one back or are killed. The same for each of several contenders, in turns.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <vector>

#include "tests/bench/crew.hpp"
#include "tests/bench/rivals/contender.hpp"
#include "tests/bench/team.hpp"

namespace slotd::bench {

/// Microseconds of each round, for each contender in their order.
using WaiterTimes = std::vector<std::vector<double>>;

/// Where the waiter and the one that gives back run.
enum class Placement : std::uint8_t { kAny, kOneCpu, kTwoCpus };

class WaiterStage {
 public:
  /// `holders` processes have a slot each, and `holder_bytes` of memory. kTwoCpus: there are two.
  WaiterStage(const Contenders& contenders, std::uint32_t holders, std::size_t holder_bytes = 0,
              Placement placement = Placement::kAny);
  WaiterStage(const WaiterStage&) = delete;
  WaiterStage& operator=(const WaiterStage&) = delete;

  /// From the call that gives the only slot back to the waiter running. At most kMaxRounds.
  WaiterTimes measure_releases(int rounds);
  /// From SIGKILL of all holders to the waiter running. Throws when it does not run within a
  /// minute.
  WaiterTimes measure_kills(int rounds);
  /// Does the first contender's waiter run within `patience` after the holders' end? Once only.
  bool is_woken_by_kill(std::chrono::nanoseconds patience);

  static constexpr std::size_t kMaxRounds = 2000;

 private:
  /// What the processes share.
  struct Board {
    std::atomic<std::uint32_t> round;  ///< futex word: the waiter starts on it
    std::atomic<std::uint32_t> contender;
    std::atomic<std::uint32_t> done;
    std::atomic<std::uint64_t> running_ns;
    std::atomic<std::uint32_t> holding;
  };
  using Figures = std::array<std::array<double, kMaxRounds>, kMaxContenders>;

  [[noreturn]] void wait_in_rounds();
  void release_in_rounds(std::size_t rounds, Figures& figures);
  [[noreturn]] void hold(const Contender& contender, pid_t group);
  /// In a process group of their own, all of them holding; the group.
  pid_t start_holders(std::size_t contender);
  void start_waiter(std::size_t contender);
  /// One that looks every 10 ms sees the holders die at any moment between two looks.
  void pass_part_of_a_look() const;
  bool is_done() const { return board_->done == round_; }

  Contenders contenders_;
  std::uint32_t holders_;
  std::size_t holder_bytes_;
  Placement placement_;
  std::uint32_t round_ = 0;
  Shared<Board> board_;
  Child waiter_;
};

}  // namespace slotd::bench
