#include "tools/dev/mainjob/process.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <system_error>
#include <unordered_map>

#include "slotd/process_probe.hpp"

namespace slotd::mainjob {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

std::optional<ProcessStat> read_process_stat(int pid) {
  std::array<char, 64> path{};
  std::array<char, 1024> text{};
  std::snprintf(path.data(), path.size(), "/proc/%d/stat", pid);
  if (read_small_file(path.data(), text) <= 0) return std::nullopt;
  return parse_process_stat(text.data());
}

std::vector<char*> to_pointers(std::vector<std::string>& words) {
  std::vector<char*> pointers;
  for (std::string& word : words) pointers.push_back(word.data());
  pointers.push_back(nullptr);
  return pointers;
}

}  // namespace

std::optional<ProcessStat> parse_process_stat(const char* text) {
  const char* at = std::strrchr(text, ')');
  ProcessStat stat;
  if (at == nullptr || std::sscanf(at, ") %c %d", &stat.state, &stat.parent) != 2)
    return std::nullopt;
  stat.start_ticks = parse_start_ticks(text);
  if (stat.start_ticks == 0) return std::nullopt;
  return stat;
}

std::vector<FoundProcess> read_descendants(int root) {
  std::unordered_map<int, std::vector<FoundProcess>> children;
  const std::unique_ptr<DIR, int (*)(DIR*)> proc(::opendir("/proc"), &::closedir);
  if (proc == nullptr) fail("/proc");
  while (const dirent* entry = ::readdir(proc.get())) {
    const int pid = std::atoi(entry->d_name);
    if (pid <= 0) continue;
    if (const auto stat = read_process_stat(pid)) children[stat->parent].push_back({pid, *stat});
  }
  std::vector<FoundProcess> found;
  std::vector<int> open = {root};
  while (!open.empty()) {
    const int parent = open.back();
    open.pop_back();
    for (const FoundProcess& child : children[parent]) {
      if (child.stat.state != 'Z') found.push_back(child);
      open.push_back(child.pid);
    }
  }
  return found;
}

bool try_kill(const FoundProcess& process) {
  const UniqueFd fd = open_pidfd(process.pid);
  if (!fd) return false;
  // The descriptor names one process for good; is it the one that was found?
  const auto stat = read_process_stat(process.pid);
  if (!stat || stat->start_ticks != process.stat.start_ticks || probe_exited(fd.get()))
    return false;
  return ::syscall(SYS_pidfd_send_signal, fd.get(), SIGKILL, nullptr, 0U) == 0;
}

int spawn(const SpawnRequest& request) {
  // Everything that allocates comes before the fork.
  std::vector<std::string> words = {request.program};
  words.insert(words.end(), request.arguments.begin(), request.arguments.end());
  std::vector<std::string> variables = request.environment;
  const std::vector<char*> arguments = to_pointers(words);
  const std::vector<char*> environment = to_pointers(variables);
  const UniqueFd input(::open("/dev/null", O_RDONLY | O_CLOEXEC));
  const UniqueFd output(
      ::open(request.log.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
  if (!input || !output) fail("cannot open the log of a new process");
  const int parent = ::getpid();
  const int pid = ::fork();
  if (pid < 0) fail("fork");
  if (pid > 0) return pid;
  ::setpgid(0, 0);  // a Ctrl-C is for the main job alone, which ends the others in its own order
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent) ::_exit(127);  // it died before the line above
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  ::dup2(input.get(), 0);
  ::dup2(output.get(), 1);
  ::dup2(output.get(), 2);
  ::execve(request.program.c_str(), arguments.data(), environment.data());
  ::_exit(127);
}

void adopt_orphans() {
  if (::prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) fail("PR_SET_CHILD_SUBREAPER");
}

}  // namespace slotd::mainjob
