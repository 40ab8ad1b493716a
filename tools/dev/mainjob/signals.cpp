#include "tools/dev/mainjob/signals.hpp"

#include <ctime>
#include <initializer_list>

namespace slotd::mainjob {

Signals::Signals() {
  sigemptyset(&set_);
  for (const int signal : {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE})
    sigaddset(&set_, signal);
  ::sigprocmask(SIG_BLOCK, &set_, nullptr);
}

void Signals::wait(unsigned wait_ms) {
  const timespec timeout{static_cast<time_t>(wait_ms / 1000),
                         static_cast<long>(wait_ms % 1000) * 1'000'000};
  siginfo_t info;
  const int signal = ::sigtimedwait(&set_, &info, &timeout);
  if (signal <= 0 || signal == SIGCHLD) return;
  if (stop_signal_ == 0) stop_signal_ = signal;
  if (signal != SIGPIPE) ++stop_requests_;
}

}  // namespace slotd::mainjob
