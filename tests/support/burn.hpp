// Using a given share of a core: for tests of what the broker measures. Threads that burn in steps
// of 10 ms until they are told to stop or their time is over.
#pragma once

#include <time.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <thread>
#include <vector>

namespace slotd::testing {

/// Burns `milli` thousandths of one core (at most 1000) in the calling thread for `seconds` at
/// most, or until `stop`.
inline void burn_here(std::uint32_t milli, double seconds, const std::atomic<bool>& stop) {
  using Clock = std::chrono::steady_clock;
  constexpr auto kStep = std::chrono::milliseconds(10);
  const auto own_cpu_ns = [] {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return std::int64_t{now.tv_sec} * 1'000'000'000 + now.tv_nsec;
  };
  const auto begin = Clock::now();
  const std::int64_t begin_ns = own_cpu_ns();
  while (!stop.load(std::memory_order_relaxed)) {
    const auto passed = Clock::now() - begin;
    if (passed > std::chrono::duration<double>(seconds)) return;
    // What is owed by the end of this step; a step that came too late is not made up for twice.
    const std::int64_t due_ns =
        std::chrono::duration_cast<std::chrono::nanoseconds>(passed + kStep).count() * milli / 1000;
    while (own_cpu_ns() - begin_ns < due_ns && !stop.load(std::memory_order_relaxed)) {
    }
    std::this_thread::sleep_until(begin + passed + kStep);
  }
}

/// Threads that burn `milli` thousandths of a core together, until destroyed.
class Burner {
 public:
  explicit Burner(std::uint32_t milli, double seconds = 60) {
    for (; milli > 0; milli -= milli < 1000 ? milli : 1000) {
      const std::uint32_t share = milli < 1000 ? milli : 1000;
      threads_.emplace_back([this, share, seconds] { burn_here(share, seconds, stop_); });
    }
  }
  Burner(const Burner&) = delete;
  Burner& operator=(const Burner&) = delete;
  ~Burner() {
    stop_.store(true);
    for (std::thread& thread : threads_) thread.join();
  }

 private:
  std::atomic<bool> stop_{false};
  std::vector<std::thread> threads_;
};

}  // namespace slotd::testing
