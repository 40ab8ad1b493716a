// Time for the segment: the host's CLOCK_MONOTONIC, whatever time namespace the caller lives in.
// The only file that names clock_gettime. Never blocks; no system call on machines with a vDSO
// clock.
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>

namespace slotd::inline v0_1 {

inline constexpr std::uint64_t kNsPerMs = 1'000'000;
inline constexpr std::uint64_t kNsPerSecond = 1'000'000'000;

inline std::uint64_t read_clock_ns(clockid_t id) noexcept {
  timespec now{};
  clock_gettime(id, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kNsPerSecond +
         static_cast<std::uint64_t>(now.tv_nsec);
}

/// Fine CLOCK_MONOTONIC of the caller's own namespace, for measuring how long something took in one
/// process.
inline std::uint64_t monotonic_ns() noexcept { return read_clock_ns(CLOCK_MONOTONIC); }

/// Parses the text of /proc/PID/timens_offsets; returns the monotonic offset in nanoseconds, 0
/// where there is none. Pure.
inline std::int64_t parse_time_namespace_offset_ns(const char* text) noexcept {
  const char* line = std::strstr(text, "monotonic");
  long long seconds = 0;
  long long nanoseconds = 0;
  if (line == nullptr || std::sscanf(line, "monotonic %lld %lld", &seconds, &nanoseconds) != 2)
    return 0;
  // More than a hundred years is no offset that the kernel gives.
  constexpr long long kMostSeconds = 4'000'000'000;
  if (seconds > kMostSeconds || seconds < -kMostSeconds || nanoseconds < 0 ||
      nanoseconds >= static_cast<long long>(kNsPerSecond)) {
    return 0;
  }
  return seconds * static_cast<std::int64_t>(kNsPerSecond) + nanoseconds;
}

/// The host's CLOCK_MONOTONIC_COARSE as seen from one process: its time namespace's offset, read
/// once, is taken out.
class HostClock {
 public:
  HostClock() noexcept = default;
  explicit HostClock(std::int64_t offset_ns) noexcept : offset_ns_(offset_ns) {}

  /// Nanoseconds, in steps of a kernel tick (1-10 ms).
  std::uint64_t coarse_ns() const noexcept {
    return read_clock_ns(CLOCK_MONOTONIC_COARSE) - static_cast<std::uint64_t>(offset_ns_);
  }
  std::int64_t offset_ns() const noexcept { return offset_ns_; }

 private:
  std::int64_t offset_ns_ = 0;
};

}  // namespace slotd::inline v0_1
