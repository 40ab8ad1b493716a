// Forked processes of the benchmark and the memory they share with the process that coordinates
// them. The coordinator has no thread and no Client of its own, so that forking is safe; each child
// attaches by itself. Children die with their parent. One thread. Waiting polls every 0.1 ms and
// notices a child that has ended.
#pragma once

#include <sys/types.h>

#include <chrono>
#include <functional>
#include <memory>
#include <new>
#include <string_view>
#include <type_traits>

namespace slotd::bench {

/// Ends the calling child; what() of the coordinator's exception will say that it failed.
[[noreturn]] void fail_child(std::string_view why) noexcept;

/// One child process. Ends with the object.
class Child {
 public:
  /// Runs `body` in a fork; it succeeds by returning. Throws std::system_error when there can be no
  /// further process.
  explicit Child(const std::function<void()>& body);
  ~Child();
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  /// Throws std::runtime_error if it has failed. True when it has ended.
  bool check();
  /// Waits for its end; throws std::runtime_error if it fails.
  void join();
  void signal(int number) const noexcept;
  pid_t pid() const noexcept { return pid_; }

 private:
  bool collect(int options);

  pid_t pid_ = -1;
};

void* map_shared(std::size_t bytes);
void unmap_shared(void* memory, std::size_t bytes) noexcept;

/// A T that starts as T{} and that children forked from here on share.
template <typename T>
class Shared {
 public:
  Shared() : value_(new (map_shared(sizeof(T))) T{}) {}
  ~Shared() { unmap_shared(value_, sizeof(T)); }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;

  T& operator*() const noexcept { return *value_; }
  T* operator->() const noexcept { return value_; }

 private:
  static_assert(std::is_trivially_destructible_v<T>);
  T* value_;
};

void sleep_for(std::chrono::nanoseconds time) noexcept;

/// Waits until `done()`; `check` is called meanwhile and may throw.
template <typename Done, typename Check>
void wait_until(Done done, Check check) {
  while (!done()) {
    check();
    sleep_for(std::chrono::microseconds(100));
  }
}

}  // namespace slotd::bench
