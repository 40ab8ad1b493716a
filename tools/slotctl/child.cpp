#include "tools/slotctl/child.hpp"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/signalfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <climits>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <tuple>

#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/failure.hpp"

namespace slotd::ctl {

namespace {

constexpr std::array<int, 6> kRelayed{SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGUSR1, SIGUSR2};

[[noreturn]] void fail(const char* what) {
  throw Failure(Errc::kSystem, std::string(what) + ": " + std::strerror(errno));
}

std::pair<UniqueFd, UniqueFd> make_pipe() {
  std::array<int, 2> fds{};
  if (::pipe2(fds.data(), O_CLOEXEC) != 0) fail("pipe");
  return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}

/// Reads to the end of the pipe.
std::string read_all(int fd) {
  std::string text;
  std::array<char, 4096> buffer{};
  for (;;) {
    const ssize_t got = ::read(fd, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return text;
    text.append(buffer.data(), static_cast<std::size_t>(got));
  }
}

void write_all(int fd, const void* data, std::size_t size) {
  const char* at = static_cast<const char*>(data);
  while (size != 0) {
    const ssize_t done = ::write(fd, at, size);
    if (done < 0 && errno == EINTR) continue;
    if (done <= 0) return;
    at += done;
    size -= static_cast<std::size_t>(done);
  }
}

int status_of(const siginfo_t& info) {
  return info.si_code == CLD_EXITED ? info.si_status : status_of_signal(info.si_status);
}

int collect(pid_t pid, int options) {
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | options) != 0) {
    if (errno != EINTR) fail("waitid");
  }
  return status_of(info);
}

/// Did the terminal send this signal to the command as well?
bool went_to_both(const signalfd_siginfo& info, pid_t child) {
  const auto number = static_cast<int>(info.ssi_signo);
  const bool from_keyboard = info.ssi_code == SI_KERNEL && (number == SIGINT || number == SIGQUIT);
  return from_keyboard && ::getpgid(child) == ::getpgrp();
}

void relay_one(int signal_fd, pid_t child) {
  signalfd_siginfo info{};
  if (::read(signal_fd, &info, sizeof(info)) != static_cast<ssize_t>(sizeof(info))) return;
  if (went_to_both(info, child)) return;
  // The child has not been waited for, so the pid is its own even if it has just ended.
  ::kill(child, static_cast<int>(info.ssi_signo));
}

/// Sets each "NAME=value\0", and takes out each "NAME\0".
void set_variables(const std::string& block) {
  std::size_t at = 0;
  while (at < block.size()) {
    const std::size_t equals = block.find('=', at);
    const std::size_t end = block.find('\0', at);
    if (end == std::string::npos) return;
    if (equals == std::string::npos || equals > end) {
      ::unsetenv(block.data() + at);
    } else {
      ::setenv(block.substr(at, equals - at).c_str(), block.data() + equals + 1, 1);
    }
    at = end + 1;
  }
}

/// execvp() says EACCES also where a folder of PATH may not be searched, although there is no such
/// command anywhere.
int explain_exec_error(int error, const std::string& command) {
  if (error != EACCES || command.find('/') != std::string::npos) return error;
  const char* variable = std::getenv("PATH");
  std::string_view folders = variable == nullptr ? "" : variable;
  while (!folders.empty()) {
    const std::size_t end = std::min(folders.find(':'), folders.size());
    const std::string candidate = std::string(folders.substr(0, end)) + '/' + command;
    if (::access(candidate.c_str(), F_OK) == 0) return error;
    folders.remove_prefix(std::min(end + 1, folders.size()));
  }
  return ENOENT;
}

}  // namespace

GatedChild::GatedChild(const std::vector<std::string>& command) {
  std::tie(gate_read_, gate_write_) = make_pipe();
  std::tie(status_read_, status_write_) = make_pipe();
  // Where SIGCHLD is ignored children leave no status behind. The command gets back what was
  // inherited.
  inherited_child_action_ = std::signal(SIGCHLD, SIG_DFL);
  pid_ = ::fork();
  if (pid_ < 0) fail("fork");
  if (pid_ == 0) be_child(command);
  // gate_read_ stays: writing to a child that was killed meanwhile is then no SIGPIPE.
  status_write_.reset();
  // Now, while failing is harmless: a child without a gate ends.
  pidfd_ = open_pidfd(pid_);
  if (!pidfd_) {
    const int error = errno;
    gate_write_.reset();
    collect(pid_, 0);
    errno = error;
    fail("pidfd_open");
  }
}

GatedChild::~GatedChild() {
  if (pid_ < 0) return;
  if (gate_write_) ::kill(pid_, SIGKILL);  // never let through; it may be stopped
  siginfo_t info{};
  while (::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED) != 0 && errno == EINTR) {
  }
}

// slotctl had one thread when it forked, so that everything may be called here.
void GatedChild::be_child(const std::vector<std::string>& command) const {
  ::close(gate_write_.get());
  const std::string block = read_all(gate_read_.get());
  if (block.empty()) ::_exit(0);  // slotctl has ended or has given up
  set_variables(block);
  std::signal(SIGCHLD, inherited_child_action_);
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  ::execvp(arguments[0], arguments.data());
  const int error = explain_exec_error(errno, command[0]);
  write_all(status_write_.get(), &error, sizeof(error));
  ::_exit(to_status(ExitCode::kNotFound));
}

int GatedChild::open_gate(const Variables& variables) {
  std::string block;
  for (const auto& [name, value] : variables) {
    block += name;
    if (value) block += '=' + *value;
    block += '\0';
  }
  // At most PIPE_BUF at once is written whole or not at all, wherever slotctl is killed.
  if (block.size() > PIPE_BUF) throw Failure(Errc::kSystem, "environment of the command too long");
  write_all(gate_write_.get(), block.data(), block.size());
  gate_write_.reset();
  gate_read_.reset();
  const std::string report = read_all(status_read_.get());
  int error = 0;
  if (report.size() == sizeof(error)) std::memcpy(&error, report.data(), sizeof(error));
  return error;
}

int GatedChild::relay_until_end(int signal_fd) const {
  for (;;) {
    std::array<pollfd, 2> fds{pollfd{pidfd_.get(), POLLIN, 0}, pollfd{signal_fd, POLLIN, 0}};
    if (::poll(fds.data(), fds.size(), -1) < 0) {
      if (errno == EINTR) continue;
      fail("poll");
    }
    if (fds[1].revents != 0) relay_one(signal_fd, pid_);
    if (fds[0].revents != 0) return collect(pid_, WNOWAIT);
  }
}

SignalRelay::SignalRelay() {
  sigset_t set;
  sigemptyset(&set);
  for (const int number : kRelayed) sigaddset(&set, number);
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  fd_ = UniqueFd(::signalfd(-1, &set, SFD_CLOEXEC));
  if (!fd_) fail("signalfd");
}

Finished run_program(const std::vector<std::string>& command, bool collect_errors) {
  std::vector<char*> arguments;
  for (const std::string& word : command) arguments.push_back(const_cast<char*>(word.c_str()));
  arguments.push_back(nullptr);
  auto [read_end, write_end] = make_pipe();
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  if (collect_errors) {
    posix_spawn_file_actions_adddup2(&actions, write_end.get(), STDERR_FILENO);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  }
  std::signal(SIGCHLD, SIG_DFL);
  pid_t pid = -1;
  errno = ::posix_spawnp(&pid, arguments[0], &actions, nullptr, arguments.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (errno != 0) fail(command[0].c_str());
  write_end.reset();
  Finished finished;
  finished.errors = read_all(read_end.get());
  finished.status = collect(pid, 0);
  return finished;
}

}  // namespace slotd::ctl
