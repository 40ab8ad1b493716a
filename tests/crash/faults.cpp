#include "tests/crash/faults.hpp"

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <string>

namespace slotd::crash {

int run_fault(const SeededFault& fault) {
  std::array<char, 4096> self{};
  const ssize_t length = ::readlink("/proc/self/exe", self.data(), self.size() - 1);
  if (length <= 0) return -1;
  const std::string own(self.data(), static_cast<std::size_t>(length));
  const std::string program = own.substr(0, own.rfind('/')) + "/slotd_step_" + fault.name;
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, STDOUT_FILENO);
    ::execl(program.c_str(), program.c_str(), fault.operation, nullptr);
    ::_exit(127);
  }
  int status = 0;
  if (pid < 0 || ::waitpid(pid, &status, 0) != pid || !WIFEXITED(status)) return -1;
  return WEXITSTATUS(status);
}

}  // namespace slotd::crash
