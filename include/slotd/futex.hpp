// futex(2) calls on words that other processes, or the kernel on their behalf, may change. The only
// file that names SYS_futex. Shared (not private) futexes unless said otherwise. Every wait has a
// time limit.
#pragma once

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
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

/// Wakes at most `count` sleepers. Never blocks.
inline void futex_wake(const std::uint32_t* word, int count, FutexScope scope) noexcept {
  ::syscall(SYS_futex, word, detail::futex_operation(FUTEX_WAKE, scope), count, nullptr, nullptr,
            0);
}

}  // namespace slotd::inline v0_1
