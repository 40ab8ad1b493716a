#include "tests/bench/semaphores.hpp"

#include <fcntl.h>
#include <sys/ipc.h>
#include <sys/types.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <system_error>

namespace slotd::bench {

Semaphores::Semaphores() : id_(::semget(IPC_PRIVATE, 2, IPC_CREAT | 0600)) {
  if (id_ < 0) throw std::system_error(errno, std::generic_category(), "semget");
  std::array<int, 2> ends{};
  // Closed in every program that is executed, but kept in forked children: their end is closed by
  // their death, and they die with this process (team.cpp).
  if (::pipe2(ends.data(), O_CLOEXEC) != 0)
    throw std::system_error(errno, std::generic_category(), "pipe2");
  alive_ = ends[1];
  const pid_t child = ::fork();
  if (child == 0) {
    // Ctrl-C goes to the whole process group; this one has work to do after it.
    std::signal(SIGINT, SIG_IGN);
    std::signal(SIGTERM, SIG_IGN);
    ::close(ends[1]);
    char byte = 0;
    while (::read(ends[0], &byte, 1) < 0 && errno == EINTR) {
    }
    ::semctl(id_, 0, IPC_RMID);
    ::_exit(0);
  }
  ::close(ends[0]);
  if (child < 0) {
    ::semctl(id_, 0, IPC_RMID);
    throw std::system_error(errno, std::generic_category(), "fork");
  }
}

Semaphores::~Semaphores() { ::close(alive_); }

void Semaphores::set_free(std::uint16_t slots) const {
  std::array<unsigned short, 2> values{slots, static_cast<unsigned short>(slots * kCpuPerSlot)};
  if (::semctl(id_, 0, SETALL, values.data()) != 0)
    throw std::system_error(errno, std::generic_category(), "semctl");
}

}  // namespace slotd::bench
