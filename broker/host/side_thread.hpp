// One thread beside the event loop, for reads that may hang: files of people's choice, memory maps
// of other processes. The loop hands it one job at a time and never waits for it; a read that never
// ends costs nothing but that thread.
//
// try_run() and the destructor belong to one thread. Jobs must own what they touch (shared_ptr):
// they may outlive the object. All signals are blocked in the thread: they are the loop's.
#pragma once

#include <functional>
#include <memory>

namespace slotd::broker {

class SideThread {
 public:
  SideThread() = default;
  SideThread(const SideThread&) = delete;
  SideThread& operator=(const SideThread&) = delete;
  /// Waits a moment for a job that is running (at most 100 ms), then leaves the thread to itself.
  ~SideThread();

  /// Runs `job` in the thread, which is started by the first one. False, and nothing happens, while
  /// an earlier job is running or when no thread can be had. The job must not throw.
  bool try_run(std::function<void()> job);

  /// Lets the thread end when its job has; does not wait. The next job starts another one.
  void stop() noexcept;

 private:
  struct State;
  bool is_stopping() const;
  static void serve(const std::shared_ptr<State>& state);

  std::shared_ptr<State> state_;
};

}  // namespace slotd::broker
