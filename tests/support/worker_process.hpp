// A worker process (worker_main.cpp) and the pipes to it: what one of several unrelated services on
// a host is in a test. Each call sends one command and waits for its answer; a worker that dies
// meanwhile makes it throw.
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "slotd/error.hpp"
#include "tests/support/broker_process.hpp"

namespace slotd::testing {

/// An answer, taken apart.
struct Reply {
  std::string text;
  std::vector<std::string> words;

  const std::string& verb() const { return words.at(0); }
  bool is(const std::string& what) const { return !words.empty() && words[0] == what; }
  bool is_ok() const { return is("ok"); }
  bool is_claimed() const { return is("claimed"); }
  /// Of "claimed HANDLE SLOT TOKEN".
  std::string handle() const { return words.at(1); }
  std::uint32_t slot() const { return static_cast<std::uint32_t>(std::stoul(words.at(2))); }
  std::string token() const { return words.at(3); }
  /// Of "error CODE".
  Errc code() const { return is("error") ? static_cast<Errc>(std::stoi(words.at(1))) : Errc::kOk; }
};

class WorkerProcess {
 public:
  struct Failed {};

  /// Starts a worker on the segment, attached when this returns. `wrapper` is put in front of its
  /// command line.
  explicit WorkerProcess(const std::string& segment, const std::vector<std::string>& wrapper = {}) {
    spawn(segment, wrapper);
    attached_ = receive();
    if (!attached_.is_ok())
      throw std::runtime_error("the worker did not attach: " + attached_.text);
  }
  /// One whose attach may fail; attached() says how it went.
  WorkerProcess(const std::string& segment, const std::vector<std::string>& wrapper, Failed) {
    spawn(segment, wrapper);
    attached_ = receive();
  }
  WorkerProcess(const WorkerProcess&) = delete;
  WorkerProcess& operator=(const WorkerProcess&) = delete;
  ~WorkerProcess() {
    if (running_) kill_now();
    close_pipes();
  }

  /// Of the program that was started (the wrapper's where there is one), also after its end.
  int pid() const noexcept { return pid_; }
  const Reply& attached() const noexcept { return attached_; }

  Reply ask(const std::string& command) {
    send(command);
    return receive();
  }
  /// Sends without waiting for an answer.
  void send(const std::string& command) const {
    const std::string line = command + "\n";
    if (::write(to_, line.data(), line.size()) != static_cast<ssize_t>(line.size()))
      throw std::runtime_error("the worker has gone: " + command);
  }
  /// The answer to what was sent.
  Reply receive() {
    Reply reply;
    char c = 0;
    for (;;) {
      const ssize_t got = ::read(from_, &c, 1);
      if (got < 0 && errno == EINTR) continue;
      if (got <= 0) throw std::runtime_error("the worker has gone; so far: '" + reply.text + "'");
      if (c == '\n') break;
      reply.text.push_back(c);
    }
    std::istringstream in(reply.text);
    for (std::string word; in >> word;) reply.words.push_back(word);
    return reply;
  }

  void signal(int number) const { ::kill(pid_, number); }
  /// SIGSTOP, and stopped for certain.
  void freeze() const {
    signal(SIGSTOP);
    int status = 0;
    ::waitpid(pid_, &status, WUNTRACED);
  }
  /// SIGKILL, and reaped.
  void kill_now() {
    signal(SIGKILL);
    wait_end();
  }
  /// SIGKILL, dead for certain, and left as a zombie until the end of the test.
  void kill_to_zombie() const {
    signal(SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }
  /// Waits for its end; the exit code (128+N when killed by signal N).
  int wait_end() {
    int status = 0;
    while (::waitpid(pid_, &status, 0) < 0 && errno == EINTR) {
    }
    running_ = false;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  }

 private:
  void spawn(const std::string& segment, const std::vector<std::string>& wrapper) {
    int in[2];
    int out[2];
    if (::pipe2(in, O_CLOEXEC) != 0 || ::pipe2(out, O_CLOEXEC) != 0)
      throw std::runtime_error("pipe failed");
    std::vector<std::string> words = wrapper;
    words.push_back(bin_dir() + "/slotd_test_worker");
    words.push_back(segment);
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    ::signal(SIGPIPE, SIG_IGN);  // a worker that has gone shows as an error of write()
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ == 0) {
      ::signal(SIGPIPE, SIG_DFL);
      ::dup2(in[0], STDIN_FILENO);
      ::dup2(out[1], STDOUT_FILENO);
      ::execvp(arguments[0], arguments.data());
      ::_exit(127);
    }
    running_ = true;
    ::close(in[0]);
    ::close(out[1]);
    to_ = in[1];
    from_ = out[0];
  }
  void close_pipes() {
    for (int* fd : {&to_, &from_}) {
      if (*fd >= 0) ::close(*fd);
      *fd = -1;
    }
  }

  int pid_ = 0;
  bool running_ = false;
  int to_ = -1;
  int from_ = -1;
  Reply attached_;
};

}  // namespace slotd::testing
