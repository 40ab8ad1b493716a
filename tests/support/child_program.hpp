// Any of the built programs as a child of the test, with its output in a file. Not thread-safe; the
// wait_ functions block until what they wait for has happened, at most kPatienceMs. The destructor
// kills what still runs.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/broker_process.hpp"

namespace slotd::testing {

class ChildProgram {
 public:
  /// Starts BIN_DIR/`name`. `environment` holds NAME=VALUE, in addition to the test's own.
  ChildProgram(const std::string& name, const std::vector<std::string>& arguments,
               const std::vector<std::string>& environment = {}) {
    const std::string program = bin_dir() + "/" + name;
    std::vector<std::string> words = {name};
    words.insert(words.end(), arguments.begin(), arguments.end());
    std::vector<std::string> variables = environment;
    std::vector<char*> argv;
    for (std::string& word : words) argv.push_back(word.data());
    argv.push_back(nullptr);
    const std::string out = folder_.file("stdout");
    const std::string err = folder_.file("stderr");
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ > 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::dup2(::open(out.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644), STDOUT_FILENO);
    ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0644), STDERR_FILENO);
    for (std::string& variable : variables) ::putenv(variable.data());
    ::execv(program.c_str(), argv.data());
    ::_exit(127);
  }
  ChildProgram(const ChildProgram&) = delete;
  ChildProgram& operator=(const ChildProgram&) = delete;
  ~ChildProgram() {
    if (pid_ == 0) return;
    signal(SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  int pid() const noexcept { return pid_; }
  void signal(int number) const { ::kill(pid_, number); }
  std::string out() const { return read_text(folder_.file("stdout")); }
  std::string err() const { return read_text(folder_.file("stderr")); }
  std::string last_line() const {
    std::string text = out();
    if (!text.empty() && text.back() == '\n') text.pop_back();
    return text.substr(text.rfind('\n') + 1);
  }

  /// Its exit status once it has ended, 128+N when killed by signal N, -1 when it does not end.
  int wait_end() {
    int status = 0;
    const bool ended = wait_until([&] { return ::waitpid(pid_, &status, WNOHANG) == pid_; });
    if (!ended) return -1;
    pid_ = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  TestFolder folder_;
  int pid_ = 0;
};

}  // namespace slotd::testing
