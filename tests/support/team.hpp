// Processes forked by a test that share memory of the test's own, beside the segment: for observers
// that do not believe what the segment says. The children attach by themselves, after the fork;
// they leave by _exit() and run no test assertions.
#pragma once

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <exception>
#include <new>
#include <stdexcept>
#include <vector>

namespace slotd::testing {

/// One T, zeroed and then constructed, in memory that children share.
template <typename T>
class Shared {
 public:
  Shared() {
    void* memory =
        ::mmap(nullptr, sizeof(T), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) throw std::runtime_error("mmap failed");
    value_ = new (memory) T{};
  }
  Shared(const Shared&) = delete;
  Shared& operator=(const Shared&) = delete;
  ~Shared() { ::munmap(value_, sizeof(T)); }

  T& operator*() const noexcept { return *value_; }
  T* operator->() const noexcept { return value_; }

 private:
  T* value_ = nullptr;
};

/// All members of a team wait here for one another, again and again. Spins first, so that those who
/// run leave at once, then gives its core away.
class Barrier {
 public:
  void wait(std::uint32_t members) noexcept {
    const std::uint32_t round = round_.load();
    if (arrived_.fetch_add(1) + 1 == members) {
      arrived_.store(0);
      round_.fetch_add(1);
      return;
    }
    for (int spin = 0; round_.load() == round; ++spin) {
      if (spin >= 2000) ::sched_yield();
    }
  }

 private:
  std::atomic<std::uint32_t> arrived_{0};
  std::atomic<std::uint32_t> round_{0};
};

/// Child processes, each running a function to its end. The destructor kills those that are left.
class Team {
 public:
  Team() = default;
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;
  ~Team() {
    for (const pid_t pid : pids_) ::kill(pid, SIGKILL);
    for (const pid_t pid : pids_) ::waitpid(pid, nullptr, 0);
  }

  /// Forks one more; it exits 0 when `work()` returned true, 1 when false or thrown. Returns its
  /// pid.
  template <typename Work>
  pid_t add(Work work) {
    const pid_t pid = ::fork();
    if (pid < 0) throw std::runtime_error("fork failed");
    if (pid > 0) {
      pids_.push_back(pid);
      return pid;
    }
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    bool done = false;
    try {
      done = work();
    } catch (const std::exception& error) {
      std::fprintf(stderr, "team member: %s\n", error.what());
    }
    ::_exit(done ? 0 : 1);
  }

  /// Waits for all; true when all of them exited 0.
  bool join() {
    bool good = true;
    for (const pid_t pid : pids_) good = wait_end(pid) == 0 && good;
    pids_.clear();
    return good;
  }
  /// SIGKILL for one, reaped; it is a member no longer.
  void kill_now(pid_t pid) {
    ::kill(pid, SIGKILL);
    wait_end(pid);
    std::erase(pids_, pid);
  }
  const std::vector<pid_t>& pids() const noexcept { return pids_; }

 private:
  static int wait_end(pid_t pid) {
    int status = 0;
    while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

  std::vector<pid_t> pids_;
};

}  // namespace slotd::testing
