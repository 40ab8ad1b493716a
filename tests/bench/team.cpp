#include "tests/bench/team.hpp"

#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstdio>
#include <ctime>
#include <exception>
#include <stdexcept>
#include <system_error>

namespace slotd::bench {

void fail_child(std::string_view why) noexcept {
  std::fprintf(stderr, "slotd-bench: %.*s\n", static_cast<int>(why.size()), why.data());
  ::_exit(1);
}

Child::Child(const std::function<void()>& body) {
  const pid_t parent = ::getpid();
  std::fflush(nullptr);
  pid_ = ::fork();
  if (pid_ < 0) throw std::system_error(errno, std::generic_category(), "fork");
  if (pid_ > 0) return;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(1);
  try {
    body();
  } catch (const std::exception& error) {
    fail_child(error.what());
  }
  ::_exit(0);
}

Child::~Child() {
  if (pid_ < 0) return;
  ::kill(pid_, SIGKILL);
  ::waitpid(pid_, nullptr, 0);
}

bool Child::check() { return collect(WNOHANG); }

void Child::join() {
  // Asleep until then: who looks again and again disturbs what is measured.
  while (!collect(0)) {
  }
}

bool Child::collect(int options) {
  if (pid_ < 0) return true;
  int status = 0;
  const pid_t ended = ::waitpid(pid_, &status, options);
  if (ended == 0 || (ended < 0 && errno == EINTR)) return false;
  pid_ = -1;
  if (ended < 0 || !WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error("a process of the run failed");
  return true;
}

void Child::signal(int number) const noexcept {
  if (pid_ > 0) ::kill(pid_, number);
}

void* map_shared(std::size_t bytes) {
  void* memory = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) throw std::system_error(errno, std::generic_category(), "mmap");
  return memory;
}

void unmap_shared(void* memory, std::size_t bytes) noexcept { ::munmap(memory, bytes); }

void sleep_for(std::chrono::nanoseconds time) noexcept {
  const timespec wanted{static_cast<time_t>(time.count() / 1'000'000'000),
                        static_cast<long>(time.count() % 1'000'000'000)};
  ::nanosleep(&wanted, nullptr);
}

}  // namespace slotd::bench
