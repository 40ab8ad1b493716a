// futex(2) calls on words that other processes, or the kernel on their behalf, may change. The only
// file that names SYS_futex. Shared (not private) futexes unless said otherwise. Every wait has a
// time limit.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <ctime>

#include "slotd/clock.hpp"

namespace slotd::inline v0_1 {

// Bits of a robust futex word, fixed by the kernel (linux/futex.h).
inline constexpr std::uint32_t kFutexWaiters = FUTEX_WAITERS;
inline constexpr std::uint32_t kFutexOwnerDied = FUTEX_OWNER_DIED;
inline constexpr std::uint32_t kFutexTidMask = FUTEX_TID_MASK;

enum class FutexScope : std::uint8_t { kShared, kPrivate };

namespace detail {
inline int futex_operation(int operation, FutexScope scope) noexcept {
  return scope == FutexScope::kPrivate ? operation | FUTEX_PRIVATE_FLAG : operation;
}
}  // namespace detail

/// Sleeps while *word == expected, at most timeout_ns. Returns at once when it differs; also on
/// signals and for no reason.
inline void futex_wait(const std::uint32_t* word, std::uint32_t expected, std::uint64_t timeout_ns,
                       FutexScope scope) noexcept {
  timespec timeout{};
  timeout.tv_sec = static_cast<time_t>(timeout_ns / kNsPerSecond);
  timeout.tv_nsec = static_cast<long>(timeout_ns % kNsPerSecond);
  ::syscall(SYS_futex, word, detail::futex_operation(FUTEX_WAIT, scope), expected, &timeout,
            nullptr, 0);
}

/// One word of futex_wait_any().
struct FutexWatch {
  const std::uint32_t* word;
  std::uint32_t expected;
  FutexScope scope;
};

inline constexpr std::size_t kMostWatches = 128;  ///< that the kernel takes at once

/// Sleeps while every word is as expected, at most until `deadline_ns` of CLOCK_MONOTONIC in the
/// caller's own time namespace; returns at once when one differs, also on signals and for no
/// reason. False: the kernel cannot wait for several words (no futex_waitv, or forbidden), or one
/// of them is not mapped any more; then it has not slept. At most kMostWatches.
inline bool futex_wait_any(const FutexWatch* watches, std::size_t count,
                           std::uint64_t deadline_ns) noexcept {
#if defined(SYS_futex_waitv)
  constexpr long kCall = SYS_futex_waitv;
#else
  constexpr long kCall = 449;  // the same number on every architecture
#endif
  struct Waiter {  // struct futex_waitv of linux/futex.h, which older headers do not have
    std::uint64_t value;
    std::uint64_t address;
    std::uint32_t flags;
    std::uint32_t reserved;
  };
  constexpr std::uint32_t kSize32 = 2;
  std::array<Waiter, kMostWatches> waiters;
  if (count > kMostWatches) count = kMostWatches;
  for (std::size_t i = 0; i < count; ++i) {
    const bool is_private = watches[i].scope == FutexScope::kPrivate;
    waiters[i] = {watches[i].expected, reinterpret_cast<std::uintptr_t>(watches[i].word),
                  kSize32 | (is_private ? std::uint32_t{FUTEX_PRIVATE_FLAG} : 0U), 0};
  }
  timespec deadline{};
  deadline.tv_sec = static_cast<time_t>(deadline_ns / kNsPerSecond);
  deadline.tv_nsec = static_cast<long>(deadline_ns % kNsPerSecond);
  if (::syscall(kCall, waiters.data(), count, 0, &deadline, CLOCK_MONOTONIC) >= 0) return true;
  return errno == EAGAIN || errno == EINTR || errno == ETIMEDOUT;
}
template <std::size_t N>
bool futex_wait_any(const std::array<FutexWatch, N>& watches, std::uint64_t deadline_ns) noexcept {
  return futex_wait_any(watches.data(), N, deadline_ns);
}

/// Wakes at most `count` sleepers. Never blocks.
inline void futex_wake(const std::uint32_t* word, int count, FutexScope scope) noexcept {
  ::syscall(SYS_futex, word, detail::futex_operation(FUTEX_WAKE, scope), count, nullptr, nullptr,
            0);
}

}  // namespace slotd::inline v0_1
