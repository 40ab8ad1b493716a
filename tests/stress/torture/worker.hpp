// A tortured process: threads that do at random everything that a client can do, until somebody
// kills it or it leaves by itself. It judges the answers that it gets: a slot of its own that is
// gone while nobody has doomed it, a stale token that is taken, a key that is held and not found.
// What it holds for certain it notes on the board.
//
// One Worker a process; its threads share it. Runs in a forked process only, and never returns.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "slotd/client.hpp"
#include "tests/stress/torture/board.hpp"
#include "tests/stress/torture/random.hpp"

namespace slotd::torture {

/// Where a process comes from and what it may do.
struct Birth {
  std::string segment;
  std::uint64_t seed = 0;
  std::uint32_t seat = 0;
  std::uint64_t life = 0;
  std::uint32_t threads = 1;
  /// The first thread starts the others and ends by pthread_exit.
  bool leaves_main = false;
  /// 0: until it is killed; else it leaves by itself after as long.
  std::uint64_t end_after_us = 0;
};

struct Job {
  Slot slot;
  Note note;
  std::uint32_t place = 0;  ///< index of its note
};

class Worker {
 public:
  /// `client` may be one that was inherited over a fork: it attaches anew on its first claim.
  Worker(Board& board, Birth birth, std::unique_ptr<Client> client);

  [[noreturn]] void run();

 private:
  friend class Thread;

  Seat& seat() noexcept { return board_.seats[birth_.seat]; }
  Tally& tally() noexcept { return seat().tally; }
  void wait_attached();
  bool start_thread(std::uint32_t number, std::uint64_t turn, std::vector<Job>* jobs);
  void be_threads(std::uint32_t number, std::uint64_t turn, std::vector<Job>* jobs);
  [[noreturn]] void leave(int code) noexcept;

  Board& board_;
  const Birth birth_;
  std::unique_ptr<Client> client_;
  std::array<TypeId, kTypes.size()> ids_{};
  std::uint64_t end_ns_ = 0;
};

}  // namespace slotd::torture
