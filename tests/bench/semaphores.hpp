// The rival: one SysV semaphore set that does what a claim does as far as it can. One semop of two
// operations takes a place of the type and its CPU, both or neither, without waiting; SEM_UNDO
// gives them back when the process dies. It knows no groups, keys, measured charges or reasons, and
// holds 32767 units of anything at most.
//
// The set is removed when the program ends, by a child that outlives it, however it ends. One
// thread.
#pragma once

#include <sys/sem.h>

#include <array>
#include <cstdint>

namespace slotd::bench {

class Semaphores {
 public:
  static constexpr std::uint16_t kCpuPerSlot = 4;  ///< half cores

  /// Throws std::system_error when the kernel gives no set.
  Semaphores();
  Semaphores(const Semaphores&) = delete;
  Semaphores& operator=(const Semaphores&) = delete;
  ~Semaphores();

  /// Sets both semaphores anew: `slots` places and their CPU. Forgets what living processes would
  /// undo.
  void set_free(std::uint16_t slots) const;

  /// Takes a place and its CPU. False: there is no room.
  bool try_take() const noexcept {
    std::array<sembuf, 2> operations{{{0, -1, kFlags}, {1, -kCpuPerSlot, kFlags}}};
    return ::semop(id_, operations.data(), operations.size()) == 0;
  }
  /// The same, waiting for as long as it takes. False: interrupted.
  bool take() const noexcept {
    std::array<sembuf, 2> operations{{{0, -1, SEM_UNDO}, {1, -kCpuPerSlot, SEM_UNDO}}};
    return ::semop(id_, operations.data(), operations.size()) == 0;
  }
  bool give_back() const noexcept {
    std::array<sembuf, 2> operations{{{0, 1, kFlags}, {1, kCpuPerSlot, kFlags}}};
    return ::semop(id_, operations.data(), operations.size()) == 0;
  }
  /// Could try_take() succeed? Both values in one call.
  bool probe_free() const noexcept {
    std::array<unsigned short, 2> values{};
    return ::semctl(id_, 0, GETALL, values.data()) == 0 && values[0] >= 1 &&
           values[1] >= kCpuPerSlot;
  }

 private:
  static constexpr short kFlags = IPC_NOWAIT | SEM_UNDO;

  int id_ = -1;
  int alive_ = -1;  ///< write end of a pipe whose closing tells the child to remove the set
};

}  // namespace slotd::bench
