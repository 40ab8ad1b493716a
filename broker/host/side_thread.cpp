#include "broker/host/side_thread.hpp"

#include <pthread.h>
#include <signal.h>

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

namespace slotd::broker {

namespace {

constexpr std::chrono::milliseconds kLongestGoodbye{100};

/// Signals go to any thread that does not block them; a new thread inherits what its maker blocks.
class AllSignalsBlocked {
 public:
  AllSignalsBlocked() noexcept {
    sigset_t all;
    ::sigfillset(&all);
    ::pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~AllSignalsBlocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
  AllSignalsBlocked(const AllSignalsBlocked&) = delete;
  AllSignalsBlocked& operator=(const AllSignalsBlocked&) = delete;

 private:
  sigset_t before_{};
};

}  // namespace

struct SideThread::State {
  std::mutex mutex;
  std::condition_variable changed;
  std::function<void()> job;
  bool busy = false;
  bool stopping = false;
  bool ended = false;
};

void SideThread::serve(const std::shared_ptr<State>& state) {
  std::unique_lock lock(state->mutex);
  while (!state->stopping) {
    if (!state->job) {
      state->changed.wait(lock);
      continue;
    }
    std::function<void()> job = std::exchange(state->job, nullptr);
    lock.unlock();
    job();
    job = nullptr;  // what it owns goes before anybody is told that it is done
    lock.lock();
    state->busy = false;
  }
  state->ended = true;
  state->changed.notify_all();
}

bool SideThread::is_stopping() const {
  const std::lock_guard lock(state_->mutex);
  return state_->stopping;
}

bool SideThread::try_run(std::function<void()> job) {
  if (state_ == nullptr || is_stopping()) {
    const auto state = std::make_shared<State>();
    try {
      const AllSignalsBlocked blocked;
      std::thread([state] { serve(state); }).detach();
    } catch (const std::system_error&) {
      return false;  // no room for a thread now; the caller asks again at its next beat
    }
    state_ = state;
  }
  const std::lock_guard lock(state_->mutex);
  if (state_->busy) return false;
  state_->busy = true;
  state_->job = std::move(job);
  state_->changed.notify_all();
  return true;
}

void SideThread::stop() noexcept {
  if (state_ == nullptr) return;
  const std::lock_guard lock(state_->mutex);
  state_->stopping = true;
  state_->changed.notify_all();
}

SideThread::~SideThread() {
  if (state_ == nullptr) return;
  stop();
  std::unique_lock lock(state_->mutex);
  state_->changed.wait_for(lock, kLongestGoodbye, [this] { return state_->ended; });
}

}  // namespace slotd::broker
