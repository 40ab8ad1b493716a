// Ends with the number of interrupts that it was sent: waits for the first one, then a while longer
// for others. A program of its own, because a shell's trap runs once for two signals that come
// close together.
#include <csignal>
#include <cstdio>

int main() {
  sigset_t interrupts;
  sigemptyset(&interrupts);
  sigaddset(&interrupts, SIGINT);
  sigprocmask(SIG_BLOCK, &interrupts, nullptr);
  std::puts("ready");
  std::fflush(stdout);
  int count = 0;
  timespec patience{20, 0};
  while (sigtimedwait(&interrupts, nullptr, &patience) == SIGINT) {
    ++count;
    patience = {0, 300'000'000};
  }
  return count;
}
