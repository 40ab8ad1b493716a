// slotctl as its users run it: a process with words, an exit status and two outputs. Also processes
// to own slots, and a terminal for it. Not thread-safe; run() blocks until the program has ended,
// at most kPatienceMs.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/broker_process.hpp"
#include "tests/support/json_schema.hpp"

namespace slotd::testing {

using Words = std::vector<std::string>;

/// A run that has ended.
struct Ran {
  int status = 0;
  std::string out;
  std::string err;

  AnyJson json() const { return AnyJson::parse(out); }
  /// The only line, without its end.
  std::string line() const { return out.substr(0, out.find('\n')); }
};

/// A program with its two outputs in files. The destructor kills what still runs.
class Program {
 public:
  /// A name without '/' is one of the built programs. `environment` holds NAME=VALUE, in addition
  /// to the test's own.
  Program(const std::string& name, const Words& words, const Words& environment = {}) {
    const std::string path = name.find('/') == std::string::npos ? bin_dir() + "/" + name : name;
    Words all{path};
    all.insert(all.end(), words.begin(), words.end());
    Words variables = environment;
    std::vector<char*> arguments;
    for (std::string& word : all) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    const std::string out_path = folder_.file("out");
    const std::string err_path = folder_.file("err");
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(::open(out_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644), STDOUT_FILENO);
    ::dup2(::open(err_path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644), STDERR_FILENO);
    for (std::string& variable : variables) ::putenv(variable.data());
    ::execv(path.c_str(), arguments.data());
    ::_exit(127);
  }
  Program(const Program&) = delete;
  Program& operator=(const Program&) = delete;
  ~Program() {
    if (pid_ == 0) return;
    signal(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  int pid() const noexcept { return pid_; }
  void signal(int number) const { ::kill(pid_, number); }
  std::string out() const { return read_text(folder_.file("out")); }
  std::string err() const { return read_text(folder_.file("err")); }

  /// Its exit status once it has ended, 128+N when killed by signal N; -1 when it does not end.
  int wait_end() {
    int status = 0;
    const bool ended = wait_until([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
    if (!ended) return -1;
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  TestFolder folder_;
  pid_t pid_ = 0;
};

inline Ran run_to_end(const std::string& program, const Words& words,
                      const Words& environment = {}) {
  Program child(program, words, environment);
  Ran ran;
  ran.status = child.wait_end();
  ran.out = child.out();
  ran.err = child.err();
  return ran;
}

/// slotctl on one segment. The test process is its parent, hence the owner of what it claims for
/// nobody.
class Slotctl {
 public:
  explicit Slotctl(std::string segment) : segment_(std::move(segment)) {}

  Words words(const Words& rest) const {
    Words all{"--segment", segment_};
    all.insert(all.end(), rest.begin(), rest.end());
    return all;
  }
  Ran run(const Words& rest) const { return run_to_end("slotctl", words(rest)); }
  Ran operator()(const Words& rest) const { return run(rest); }

  /// A shell script with $SLOTCTL and $SLOTD_SEGMENT.
  Ran shell(const std::string& script) const {
    return run_to_end("/bin/sh", {"-c", script}, environment());
  }
  Words environment() const {
    return {"SLOTD_SEGMENT=" + segment_, "SLOTCTL=" + bin_dir() + "/slotctl"};
  }

 private:
  std::string segment_;
};

/// A process that knows nothing of slotd and lasts until it is told to die.
class Sleeper {
 public:
  Sleeper() {
    Words words{"sleep", "1000"};
    std::vector<char*> arguments{words[0].data(), words[1].data(), nullptr};
    if (::posix_spawnp(&pid_, "sleep", nullptr, nullptr, arguments.data(), environ) != 0) {
      throw std::runtime_error("cannot start sleep");
    }
  }
  Sleeper(const Sleeper&) = delete;
  Sleeper& operator=(const Sleeper&) = delete;
  ~Sleeper() { die(); }

  int pid() const noexcept { return pid_; }
  std::string pid_text() const { return std::to_string(pid_); }
  void die() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_ = 0;
};

/// A program with a terminal of its own: it is a session leader, and what is typed reaches its
/// foreground group.
class Terminal {
 public:
  Terminal(const std::string& program, const Words& words, unsigned short columns,
           const Words& environment = {}) {
    winsize size{24, columns, 0, 0};
    Words all{program};
    all.insert(all.end(), words.begin(), words.end());
    Words variables = environment;
    std::vector<char*> arguments;
    for (std::string& word : all) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    pid_ = ::forkpty(&fd_, nullptr, nullptr, &size);
    if (pid_ < 0) throw std::runtime_error("forkpty failed");
    if (pid_ > 0) return;
    for (std::string& variable : variables) ::putenv(variable.data());
    ::execv(program.c_str(), arguments.data());
    ::_exit(127);
  }
  Terminal(const Terminal&) = delete;
  Terminal& operator=(const Terminal&) = delete;
  ~Terminal() {
    if (pid_ > 0) {
      ::kill(pid_, SIGKILL);
      ::waitpid(pid_, nullptr, 0);
    }
    ::close(fd_);
  }

  void type(const std::string& keys) const {
    if (::write(fd_, keys.data(), keys.size()) < 0) throw std::runtime_error("cannot type");
  }
  void signal(int number) const { ::kill(pid_, number); }
  /// Reads until `text` has come; false when the program ended first, or was silent
  /// for kPatienceMs.
  bool read_until(const std::string& text) {
    while (seen_.find(text) == std::string::npos) {
      if (!read_more()) return false;
    }
    return true;
  }
  /// Everything to the end of the program; its exit status is in status().
  std::string read_to_end() {
    while (read_more()) {
    }
    int status = 0;
    ::waitpid(pid_, &status, 0);
    pid_ = 0;
    status_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    return seen_;
  }
  int status() const noexcept { return status_; }
  const std::string& seen() const noexcept { return seen_; }
  void forget_seen() { seen_.clear(); }

 private:
  bool read_more() {
    std::array<char, 4096> buffer{};
    pollfd waited{fd_, POLLIN, 0};
    if (::poll(&waited, 1, kPatienceMs) <= 0) return false;
    const ssize_t got = ::read(fd_, buffer.data(), buffer.size());
    if (got <= 0) return false;  // EIO: nobody has the terminal open any more
    seen_.append(buffer.data(), static_cast<std::size_t>(got));
    return true;
  }

  pid_t pid_ = 0;
  int fd_ = -1;
  int status_ = 0;
  std::string seen_;
};

}  // namespace slotd::testing
