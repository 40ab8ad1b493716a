#include "tools/slotctl/stop_signals.hpp"

#include <poll.h>

#include <csignal>
#include <ctime>

namespace slotd::ctl {

namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM, SIGHUP};

volatile std::sig_atomic_t stopped = 0;

void note_stop(int /*signal*/) { stopped = 1; }

}  // namespace

StopSignals::StopSignals() {
  struct sigaction action {};
  action.sa_handler = &note_stop;  // without SA_RESTART: a reader that does not read holds nobody
  sigemptyset(&action.sa_mask);
  for (const int number : kSignals) sigaction(number, &action, nullptr);
}

StopSignals::Woken StopSignals::wait(std::uint64_t duration_ms, int input_fd) const {
  sigset_t blocked;
  sigset_t before;
  sigemptyset(&blocked);
  for (const int number : kSignals) sigaddset(&blocked, number);
  // A signal between the question and the wait has to end the wait.
  sigprocmask(SIG_BLOCK, &blocked, &before);
  Woken woken = Woken::kTime;
  if (stopped == 0) {
    const timespec patience{static_cast<time_t>(duration_ms / 1000),
                            static_cast<long>(duration_ms % 1000) * 1'000'000};
    pollfd input{input_fd, POLLIN, 0};
    if (::ppoll(&input, 1, &patience, &before) > 0) woken = Woken::kInput;
  }
  sigprocmask(SIG_SETMASK, &before, nullptr);
  return stopped != 0 ? Woken::kStopped : woken;
}

bool StopSignals::is_stopped() noexcept { return stopped != 0; }

}  // namespace slotd::ctl
