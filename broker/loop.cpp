#include "broker/loop.hpp"

#include <signal.h>
#include <sys/epoll.h>
#include <systemd/sd-daemon.h>
#include <systemd/sd-event.h>
#include <time.h>

#include <deque>
#include <exception>
#include <map>
#include <system_error>

namespace slotd::broker {

namespace {

void check(int result, const char* what) {
  if (result < 0) throw std::system_error(-result, std::generic_category(), what);
}

struct Source {
  Loop::Callback callback;
  std::uint64_t interval_us = 0;
  std::exception_ptr* failure = nullptr;  ///< where a callback's exception is kept
  sd_event_source* handle = nullptr;

  ~Source() { sd_event_source_disable_unref(handle); }
};

/// Runs a callback of ours below C frames of libsystemd: an exception is kept for run() and ends
/// the loop.
int call(sd_event_source* handle, Source* source) noexcept {
  std::exception_ptr* failure = source->failure;
  sd_event* event = sd_event_source_get_event(handle);
  try {
    // The callback may forget() this very source: work on a copy.
    const Loop::Callback callback = source->callback;
    callback();
  } catch (...) {
    *failure = std::current_exception();
    sd_event_exit(event, 0);
  }
  return 0;
}

int on_time(sd_event_source* handle, std::uint64_t, void* userdata) {
  auto* source = static_cast<Source*>(userdata);
  call(handle, source);
  std::uint64_t now_us = 0;
  const int result = sd_event_now(sd_event_source_get_event(handle), CLOCK_MONOTONIC, &now_us);
  if (result < 0) return result;
  sd_event_source_set_time(handle, now_us + source->interval_us);
  return sd_event_source_set_enabled(handle, SD_EVENT_ONESHOT);
}

int on_signal_event(sd_event_source* handle, const signalfd_siginfo*, void* userdata) {
  return call(handle, static_cast<Source*>(userdata));
}

int on_io(sd_event_source* handle, int, std::uint32_t, void* userdata) {
  return call(handle, static_cast<Source*>(userdata));
}

}  // namespace

struct Loop::Impl {
  std::exception_ptr failure;
  sd_event* event = nullptr;
  std::deque<Source> fixed;  // timers and signals, for the loop's life; addresses stay
  std::map<std::uint32_t, Source> readable;
};

Loop::Loop() : impl_(std::make_unique<Impl>()) {
  check(sd_event_new(&impl_->event), "sd_event_new");
  check(sd_event_set_watchdog(impl_->event, 1), "sd_event_set_watchdog");
}

Loop::~Loop() {
  impl_->readable.clear();
  impl_->fixed.clear();
  sd_event_unref(impl_->event);
}

std::size_t Loop::every(std::uint64_t interval_ms, Callback callback) {
  Source& source = impl_->fixed.emplace_back();
  source.callback = std::move(callback);
  source.failure = &impl_->failure;
  source.interval_us = interval_ms * 1000;
  std::uint64_t now_us = 0;
  check(sd_event_now(impl_->event, CLOCK_MONOTONIC, &now_us), "sd_event_now");
  check(sd_event_add_time(impl_->event, &source.handle, CLOCK_MONOTONIC,
                          now_us + source.interval_us, 1000, on_time, &source),
        "sd_event_add_time");
  return impl_->fixed.size() - 1;
}

void Loop::change_interval(std::size_t timer, std::uint64_t interval_ms) {
  Source& source = impl_->fixed.at(timer);
  source.interval_us = interval_ms * 1000;
  std::uint64_t now_us = 0;
  check(sd_event_now(impl_->event, CLOCK_MONOTONIC, &now_us), "sd_event_now");
  check(sd_event_source_set_time(source.handle, now_us + source.interval_us),
        "sd_event_source_set_time");
}

void Loop::on_signal(int signal, Callback callback) {
  Source& source = impl_->fixed.emplace_back();
  source.callback = std::move(callback);
  source.failure = &impl_->failure;
  check(sd_event_add_signal(impl_->event, &source.handle, signal, on_signal_event, &source),
        "sd_event_add_signal");
}

bool Loop::try_on_readable(std::uint32_t key, int fd, Callback callback) {
  forget(key);
  Source& source = impl_->readable[key];
  source.callback = std::move(callback);
  source.failure = &impl_->failure;
  // After the process was reaped the descriptor reports for ever: one event is enough.
  const bool added =
      sd_event_add_io(impl_->event, &source.handle, fd, EPOLLIN, on_io, &source) >= 0 &&
      sd_event_source_set_enabled(source.handle, SD_EVENT_ONESHOT) >= 0;
  if (!added) forget(key);
  return added;
}

void Loop::forget(std::uint32_t key) { impl_->readable.erase(key); }

int Loop::run() {
  const int result = sd_event_loop(impl_->event);
  if (impl_->failure) std::rethrow_exception(impl_->failure);
  check(result, "sd_event_loop");
  return result;
}

void Loop::quit(int exit_code) { check(sd_event_exit(impl_->event, exit_code), "sd_event_exit"); }

void Loop::notify(const std::string& state) { sd_notify(0, state.c_str()); }

void block_signals() {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT, SIGHUP}) sigaddset(&set, signal);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
}

bool wait_for_end(std::uint64_t ms) {
  sigset_t set;
  sigemptyset(&set);
  for (const int signal : {SIGTERM, SIGINT}) sigaddset(&set, signal);
  const timespec patience{static_cast<time_t>(ms / 1000), static_cast<long>(ms % 1000 * 1'000'000)};
  return ::sigtimedwait(&set, nullptr, &patience) > 0;
}

}  // namespace slotd::broker
