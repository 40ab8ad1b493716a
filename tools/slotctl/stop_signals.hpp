// For verbs that run until they are told to stop: SIGINT, SIGTERM and SIGHUP end their waiting, and
// so does input for those that read some. One at a time in a process, from its main thread; waiting
// blocks; nothing outlives a crash.
#pragma once

#include <cstdint>

namespace slotd::ctl {

class StopSignals {
 public:
  /// From here on the signals are only noted. They interrupt what blocks.
  StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;
  ~StopSignals() = default;

  enum class Woken { kTime, kInput, kStopped };
  /// Blocks for the time at most. `input_fd` below 0: none. Any other signal that has a handler
  /// (a terminal that was resized) counts as time.
  Woken wait(std::uint64_t duration_ms, int input_fd = -1) const;

  static bool is_stopped() noexcept;
};

}  // namespace slotd::ctl
