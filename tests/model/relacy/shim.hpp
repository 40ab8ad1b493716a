// Lets the real headers of include/slotd run under relacy: std::atomic, its fences and the clock
// become relacy's, by macros, in the one program that includes this first. Not one line of the
// headers is copied or changed.
//
// A model_atomic is as large as its value, so the layout is that of a real segment. The value in
// place is what it was at the start; an address that a scenario has given to Memory has a
// rl::atomic beside it, which is used instead. Any other address may be read, and stored to with
// the value that it has: a change of it is an error of the scenario, so nothing is left out
// unnoticed.
//
// Every order can be weakened from outside (Weakening): that shows that the test would see it.
#pragma once

// Everything that the headers include, before the macros: what is here must not see them.
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/times.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cassert>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <iostream>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <sstream>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>
#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace slotd_model {

/// Relacy gives its threads 64 KiB of stack from malloc(); a claim in conflict has more than that.
/// The caller is given the upper end of a larger piece.
inline void* allocate_stack(std::size_t bytes) {
  constexpr std::size_t kBytes = std::size_t{512} << 10;
  return static_cast<char*>(std::malloc(kBytes)) + (kBytes - bytes);
}

}  // namespace slotd_model

using slotd_model::allocate_stack;
#define malloc allocate_stack
#include <relacy/platform.hpp>
#undef malloc
// Its stand-ins for POSIX threads and Windows would rename what presence.hpp uses.
#define RL_PTHREAD_HPP
#define RL_WINDOWS_HPP
// It would track and reorder every allocation of its threads; those of a test are the test's own
// business.
#include <relacy/thread_local_ctx.hpp>
//
#include <relacy/context_base.hpp>
namespace rl {
inline bool is_no_ctx() { return false; }
}  // namespace rl
#define is_ctx is_no_ctx
#include <relacy/context.hpp>
#undef is_ctx
#include <relacy/relacy.hpp>

// Relacy's own macros for programs that are written for it.
#undef memory_order_relaxed
#undef memory_order_consume
#undef memory_order_acquire
#undef memory_order_release
#undef memory_order_acq_rel
#undef memory_order_seq_cst
#undef new
#undef delete
#undef malloc
#undef calloc
#undef realloc
#undef free
#undef assert
#undef errno
#define errno (*__errno_location())
#define SLOTD_MODEL_INFO RL_INFO
#undef $

#include "tests/model/relacy/memory.hpp"

#define atomic model_atomic
#define atomic_thread_fence model_thread_fence
#define atomic_signal_fence model_signal_fence
#define clock_gettime model_clock_gettime
#define SLOTD_SCALAR_SCAN 1
