// What a fork must not inherit: a page that the kernel wipes in the child, with the flag that says
// "attached" and the locks that would otherwise stay held for ever there; and memory that is this
// process's own. The only file that names madvise, and with fault_guard.hpp the only one that names
// mmap. Thread-safe; TurnLock sleeps in steps of a millisecond while another thread of the same
// process has the turn.
#pragma once

#include <sys/mman.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#include "slotd/clock.hpp"
#include "slotd/futex.hpp"

namespace slotd::inline v0_1 {

/// Zeroed memory of this process alone, which costs nothing until it is touched. Null when there is
/// none.
inline void* map_private_zeros(std::size_t bytes) noexcept {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return memory == MAP_FAILED ? nullptr : memory;
}

inline void unmap_private(void* memory, std::size_t bytes) noexcept {
  if (memory != nullptr) ::munmap(memory, bytes);
}

/// What a process is to its segment. Wiped to kNone in a forked child.
enum class Membership : std::uint32_t {
  kNone = 0,
  kMember = 1,
  kMoved = 2,  ///< the segment is another one now, or damaged: not to be touched
};

/// A page that a forked child finds zeroed: tells the child that it is not attached, and frees its
/// locks.
class ForkGuard {
 public:
  struct Page {
    std::atomic<std::uint32_t> membership;  ///< Membership
    std::atomic<std::uint32_t> turn;        ///< held by the thread that has a hazard published
    std::atomic<std::uint32_t> move;        ///< held by the thread that moves to another segment
  };

  ForkGuard() = default;
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;
  ~ForkGuard() {
    if (page_ != nullptr) ::munmap(page_, 4096);
  }

  /// False when the kernel cannot wipe pages on fork.
  bool create() noexcept {
    void* page = ::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED) return false;
    if (::madvise(page, 4096, MADV_WIPEONFORK) != 0) {
      ::munmap(page, 4096);
      return false;
    }
    page_ = new (page) Page{};
    return true;
  }
  Page* get() const noexcept { return page_; }

 private:
  Page* page_ = nullptr;
};

/// One of the process's threads at a time: publishes a hazard (Page::turn, a few dozen
/// instructions), or moves to another segment (Page::move, as long as an attach takes).
class TurnLock {
 public:
  explicit TurnLock(std::atomic<std::uint32_t>& word) noexcept : word_(word) {
    std::uint32_t expected = 0;
    while (!word_.compare_exchange_strong(expected, 1, std::memory_order_acquire)) {
      // Bounded sleep; the holder is a thread of this process.
      futex_wait(reinterpret_cast<const std::uint32_t*>(&word_), 1, kNsPerMs, FutexScope::kPrivate);
      expected = 0;
    }
  }
  TurnLock(const TurnLock&) = delete;
  TurnLock& operator=(const TurnLock&) = delete;
  ~TurnLock() {
    word_.store(0, std::memory_order_release);
    futex_wake(reinterpret_cast<const std::uint32_t*>(&word_), 1, FutexScope::kPrivate);
  }

 private:
  std::atomic<std::uint32_t>& word_;
};

}  // namespace slotd::inline v0_1
