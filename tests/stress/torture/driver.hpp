// The torturer: keeps the seats filled with processes, kills, stops and continues them by plans
// that derive from the seed, and judges what is left in the end. Single-threaded, as it forks the
// processes. Blocks for as long as the run lasts.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <vector>

#include "tests/stress/torture/board.hpp"
#include "tests/stress/torture/random.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/team.hpp"

namespace slotd::torture {

struct Options {
  std::uint32_t seconds = 20;
  std::uint64_t seed = 1;
  std::uint32_t processes = 6;
  std::uint32_t threads = 2;
  std::uint32_t set_clock_s = 0;  ///< the wall clock is set by up to so much; 0: left alone
};

/// What a run has come to.
struct Report {
  Options options;
  std::uint64_t kills = 0;  ///< processes that died of SIGKILL, and brokers
  std::uint64_t stops = 0;  ///< SIGSTOPs that were followed by SIGCONT or SIGKILL
  std::uint64_t broker_kills = 0;
  std::uint64_t operations = 0;
  std::uint64_t admitted = 0;
  std::uint64_t refused = 0;
  std::uint64_t reaped = 0;
  std::uint64_t leaked = 0;  ///< words that are not free after everybody has died
  std::uint64_t over_limit = 0;
  std::uint64_t wrong = 0;  ///< answers that cannot be right; slots taken from the living
  std::string details;      ///< figures for people, several lines
  std::vector<std::string> complaints;

  bool is_clean() const { return leaked == 0 && over_limit == 0 && wrong == 0 && admitted != 0; }
  std::string line() const;
};

class Driver {
 public:
  /// One run. The driver is on the heap for all its life: a process whose main thread ends by
  /// pthread_exit unwinds the stack that it was forked with, and must not clear up after the
  /// driver.
  static Report torture(const Options& options);

 private:
  explicit Driver(const Options& options);
  ~Driver() = default;
  Report run();

  /// What becomes of one life, decided when it begins.
  struct Plan {
    enum Kind : std::uint8_t { kKill, kStopAndGo, kStopAndKill, kLeave };
    Kind kind = kKill;
    bool from_attach = false;  ///< the time counts from its attach, not from its birth
    std::uint64_t after_us = 0;
    std::uint64_t stopped_us = 0;
  };
  struct Sitter {
    pid_t pid = 0;
    std::uint64_t life = 0;
    Plan plan;
    std::uint64_t next_ns = 0;  ///< of the next step of the plan; 0 = not known yet
    bool stopped = false;
  };

  Plan make_plan(Random& random) const;
  void start_life(std::uint32_t index);
  void advance(std::uint32_t index, std::uint64_t now_ns);
  void kill_sitter(std::uint32_t index);
  void torment_children(std::uint64_t now_ns);
  void reap();
  void on_death(pid_t pid, int status);
  void torment();
  void kill_all();
  void show_progress(std::uint64_t now_ns);

  void judge(Report& report);
  void judge_words(Report& report);
  void judge_as_new(Report& report);
  void collect(Report& report) const;

  const Options options_;
  testing::Shared<Board> board_;
  testing::BrokerProcess broker_;
  std::vector<Sitter> sitters_;
  Random child_random_;
  std::uint64_t next_child_ns_ = 0;
  std::uint32_t stopped_child_ = kNoSeat;
  std::uint64_t begin_ns_ = 0;
  std::uint64_t next_progress_ns_ = 0;
  std::uint64_t kills_ = 0;
  std::uint64_t kills_holding_ = 0;  ///< of processes that held something for certain
  std::uint64_t kills_unattached_ = 0;
  std::uint64_t stops_ = 0;
  std::uint64_t ends_ = 0;  ///< deaths without a signal
};

/// Asks the broker's keeper for a state and waits until it has come.
bool settle_broker(Board& board, std::uint32_t wish, std::uint32_t state);

}  // namespace slotd::torture
