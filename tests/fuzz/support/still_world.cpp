#include "tests/fuzz/support/still_world.hpp"

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/eventfd.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>
#include <cstdarg>
#include <cstdint>

namespace slotd::fuzz {

namespace {

constexpr std::uint64_t kStepNs = 20'000;
constexpr std::uint64_t kStartNs = 1'000'000'000'000;
constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

bool still = false;
std::uint64_t now_ns = kStartNs;

#if defined(__x86_64__)

long ask_kernel(long number, long a, long b, long c, long d, long e, long f) noexcept {
  long result = 0;
  register long r10 asm("r10") = d;
  register long r8 asm("r8") = e;
  register long r9 asm("r9") = f;
  asm volatile("syscall"
               : "=a"(result)
               : "a"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
               : "rcx", "r11", "memory");
  if (result > -4096 && result < 0) {
    errno = static_cast<int>(-result);
    return -1;
  }
  return result;
}

/// One in four process ids is unknown, one forbidden, one has exited, one lives.
long open_made_up_pidfd(long pid) noexcept {
  static const int running = ::eventfd(0, EFD_CLOEXEC);
  static const int exited = ::eventfd(1, EFD_CLOEXEC);
  switch (pid & 3) {
    case 0:
      errno = ESRCH;
      return -1;
    case 1:
      errno = EPERM;
      return -1;
    case 2:
      return ::fcntl(exited, F_DUPFD_CLOEXEC, 0);
    default:
      return ::fcntl(running, F_DUPFD_CLOEXEC, 0);
  }
}

#endif

}  // namespace

StillWorld::StillWorld() noexcept {
  now_ns = kStartNs;
  still = true;
}
StillWorld::~StillWorld() { still = false; }

}  // namespace slotd::fuzz

extern "C" int clock_gettime(clockid_t id, timespec* now) {
  if (slotd::fuzz::still && (id == CLOCK_MONOTONIC || id == CLOCK_MONOTONIC_COARSE)) {
    slotd::fuzz::now_ns += slotd::fuzz::kStepNs;
    now->tv_sec = static_cast<time_t>(slotd::fuzz::now_ns / slotd::fuzz::kNsPerSecond);
    now->tv_nsec = static_cast<long>(slotd::fuzz::now_ns % slotd::fuzz::kNsPerSecond);
    return 0;
  }
  using Real = int (*)(clockid_t, timespec*);
  static const Real real = reinterpret_cast<Real>(::dlsym(RTLD_NEXT, "clock_gettime"));
  return real(id, now);
}

extern "C" DIR* opendir(const char* path) {
  if (slotd::fuzz::still) {
    errno = EACCES;
    return nullptr;
  }
  using Real = DIR* (*)(const char*);
  static const Real real = reinterpret_cast<Real>(::dlsym(RTLD_NEXT, "opendir"));
  return real(path);
}

#if defined(__x86_64__)
// As in libc, all arguments that there could be are read, whether they were given or not.
extern "C" __attribute__((no_sanitize("address"), no_sanitize("undefined"))) long syscall(
    long number, ...) noexcept {
  va_list rest;
  va_start(rest, number);
  const long a = va_arg(rest, long);
  const long b = va_arg(rest, long);
  const long c = va_arg(rest, long);
  const long d = va_arg(rest, long);
  const long e = va_arg(rest, long);
  const long f = va_arg(rest, long);
  va_end(rest);
  if (slotd::fuzz::still && number == SYS_pidfd_open) return slotd::fuzz::open_made_up_pidfd(a);
  return slotd::fuzz::ask_kernel(number, a, b, c, d, e, f);
}
#endif
