// A memory barrier on every running thread of the calling process, so that the other side of a
// store-then-load race needs none. The only file that names membarrier. Blocks for microseconds to
// a few milliseconds; never on another process.
#pragma once

#include <linux/membarrier.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <ctime>

#include "slotd/clock.hpp"

namespace slotd::inline v0_1 {

/// After it returns: what a thread of this process stored before its barrier is visible to the
/// caller, and what it loads afterwards is as new as anything the caller stored before the call.
inline void process_wide_barrier() noexcept {
  if (::syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0 &&
      ::syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0) {
    return;
  }
  if (::syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0) == 0) return;
  // Forbidden here: a store buffer drains in far less than this.
  timespec pause{};
  pause.tv_nsec = static_cast<long>(10 * kNsPerMs);
  ::nanosleep(&pause, nullptr);
}

}  // namespace slotd::inline v0_1
