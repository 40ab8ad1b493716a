#include "tests/bench/supervisor.hpp"

#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <string>
#include <system_error>

#include "tests/bench/cpu_quota.hpp"

namespace slotd::bench {

namespace {

constexpr int kTimeIsOver = 124;

sigset_t make_signals() {
  sigset_t signals;
  sigemptyset(&signals);
  for (const int number : {SIGINT, SIGTERM, SIGHUP, SIGCHLD}) sigaddset(&signals, number);
  return signals;
}

[[noreturn]] void run_child(const sigset_t& mask, pid_t parent, const std::function<int()>& work) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  ::setpgid(0, 0);  // Ctrl-C is the supervisor's
  ::sigprocmask(SIG_SETMASK, &mask, nullptr);
  std::exit(work());
}

/// How the child ended, or why it was ended.
int watch(pid_t child, const sigset_t& signals, int limit_s) {
  const std::time_t end = std::time(nullptr) + limit_s;
  for (;;) {
    int status = 0;
    if (::waitpid(child, &status, WNOHANG) == child)
      return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    const std::time_t now = std::time(nullptr);
    const timespec wait{now < end ? end - now : 0, 0};
    const int number = ::sigtimedwait(&signals, nullptr, &wait);
    if (number == SIGCHLD || (number < 0 && errno == EINTR)) continue;
    if (number < 0 && now < end) continue;
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    if (number < 0) std::fprintf(stderr, "slotd-bench: ended after %d s\n", limit_s);
    return number < 0 ? kTimeIsOver : 128 + number;
  }
}

}  // namespace

int supervise(int limit_s, const std::function<int()>& work) {
  std::string folder = "/dev/shm/slotd-bench-XXXXXX";
  if (::mkdtemp(folder.data()) == nullptr)
    throw std::system_error(errno, std::generic_category(), folder);
  ::setenv("SLOTD_TEST_FOLDER", folder.c_str(), 1);
  const sigset_t signals = make_signals();
  sigset_t mask;
  ::sigprocmask(SIG_BLOCK, &signals, &mask);
  const pid_t parent = ::getpid();
  std::fflush(nullptr);
  const pid_t child = ::fork();
  if (child == 0) run_child(mask, parent, work);
  const int status = child > 0 ? watch(child, signals, limit_s) : 71;
  // Its children die with it; a server may need a moment to let go of its files.
  std::error_code ignored;
  for (int i = 0; i < 20 && std::filesystem::exists(folder, ignored); ++i) {
    if (i > 0) ::usleep(50'000);
    std::filesystem::remove_all(folder, ignored);
  }
  if (child > 0) remove_cpu_groups(child);
  return status;
}

}  // namespace slotd::bench
