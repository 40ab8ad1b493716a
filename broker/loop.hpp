// The event loop: timers, signals, readable descriptors, watchdog and systemd notifications in one
// thread. loop.cpp is the only file that names libsystemd. Everything throws std::system_error when
// the kernel or systemd refuses.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

namespace slotd::broker {

class Loop {
 public:
  Loop();
  ~Loop();
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  using Callback = std::function<void()>;

  /// Every `interval_ms` milliseconds from now on, not catching up on beats missed. The number is
  /// for change_interval().
  std::size_t every(std::uint64_t interval_ms, Callback callback);
  /// The next beat comes `interval_ms` from now.
  void change_interval(std::size_t timer, std::uint64_t interval_ms);
  /// Precondition: the signal is blocked in this thread (block_signals()).
  void on_signal(int signal, Callback callback);
  /// Once, when the descriptor becomes readable. The caller keeps it open until forget(key). False
  /// when the kernel has no room for it.
  bool try_on_readable(std::uint32_t key, int fd, Callback callback);
  void forget(std::uint32_t key);

  /// Runs until quit(); returns its argument. What a callback throws comes out here, not through
  /// libsystemd.
  int run();
  void quit(int exit_code);

  /// Tells systemd, if it listens: "READY=1\nSTATUS=...". Never fails.
  static void notify(const std::string& state);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

/// Blocks the signals that the broker handles in its loop; before any thread is started.
void block_signals();

/// Waits without a loop. True when SIGTERM or SIGINT came, which has been taken then.
bool wait_for_end(std::uint64_t ms);

}  // namespace slotd::broker
