// What the tests of life and death need of the machine: control groups of version 1, processes with
// a pid of one's choice, the OOM reaper's system call, a broker in a PID namespace of its own.
// Each says whether it is permitted here; tests skip where it is not. Not thread-safe. Destructors
// let go of everything that was frozen and end everything that was started.
#pragma once

#include <fcntl.h>
#include <linux/sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "slotd/process_probe.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"

namespace slotd::testing {

/// A control group of one controller of version 1, removed at the end.
class ControlGroup {
 public:
  explicit ControlGroup(const std::string& controller)
      : parent_("/sys/fs/cgroup/" + controller),
        path_(parent_ + "/slotd-test-" + std::to_string(::getpid())) {
    made_ = ::access((parent_ + "/cgroup.procs").c_str(), W_OK) == 0 &&
            ::mkdir(path_.c_str(), 0755) == 0;
  }
  ControlGroup(const ControlGroup&) = delete;
  ControlGroup& operator=(const ControlGroup&) = delete;
  ~ControlGroup() {
    if (!made_) return;
    if (::access((path_ + "/freezer.state").c_str(), W_OK) == 0) write("freezer.state", "THAWED");
    wait_until([this] { return ::rmdir(path_.c_str()) == 0 || errno != EBUSY; });
  }

  bool is_made() const noexcept { return made_; }
  const std::string& path() const noexcept { return path_; }
  bool write(const std::string& file, const std::string& text) const {
    return write_file(path_ + "/" + file, text);
  }
  std::string read(const std::string& file) const { return read_text(path_ + "/" + file); }
  bool add(int pid) const { return write("cgroup.procs", std::to_string(pid)); }
  /// Back to where its parent is.
  bool leave(int pid) const { return write_file(parent_ + "/cgroup.procs", std::to_string(pid)); }

  /// For the controller `freezer`: returns when all in it stand still.
  bool freeze() const {
    return write("freezer.state", "FROZEN") &&
           wait_until([this] { return read("freezer.state") == "FROZEN\n"; });
  }
  bool thaw() const { return write("freezer.state", "THAWED"); }

 private:
  static bool write_file(const std::string& path, const std::string& text) {
    const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
    return fd && ::write(fd.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  }

  std::string parent_;
  std::string path_;
  bool made_ = false;
};

/// A `sleep` under a pid of the test's choice; -1 with errno when that is not possible.
inline pid_t start_sleeper_with_pid(pid_t pid) {
  clone_args arguments{};
  arguments.exit_signal = SIGCHLD;
  arguments.set_tid = reinterpret_cast<std::uint64_t>(&pid);
  arguments.set_tid_size = 1;
  const long child = ::syscall(SYS_clone3, &arguments, sizeof(arguments));
  if (child != 0) return static_cast<pid_t>(child);
  ::execl("/bin/sleep", "sleep", "1000", static_cast<char*>(nullptr));
  ::_exit(127);
}

/// A child that is killed and reaped when the scope ends.
class OwnedPid {
 public:
  explicit OwnedPid(pid_t pid) noexcept : pid_(pid) {}
  OwnedPid(const OwnedPid&) = delete;
  OwnedPid& operator=(const OwnedPid&) = delete;
  ~OwnedPid() { die(); }
  pid_t get() const noexcept { return pid_; }
  void die() noexcept {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }

 private:
  pid_t pid_;
};

/// Takes the memory of a process that has been sent SIGKILL, as the OOM reaper does: what the
/// kernel would read there on the way out is gone. False with errno.
inline bool reap_memory(int pid) {
#ifndef SYS_process_mrelease
#define SYS_process_mrelease 448
#endif
  const UniqueFd pidfd = open_pidfd(pid);
  return pidfd && ::syscall(SYS_process_mrelease, pidfd.get(), 0U) == 0;
}

/// A broker in a PID namespace of its own: it can open no pidfd of anybody outside.
class HiddenBroker {
 public:
  /// Takes over the segment of a broker that has ended; ready when this returns.
  explicit HiddenBroker(const BrokerProcess& before) {
    const std::string program = bin_dir() + "/slotd";
    const std::string segment = before.segment();
    const std::string config = before.config_path();
    const std::string log = before.folder() + "/hidden.log";
    pid_ = ::fork();
    if (pid_ < 0) throw std::runtime_error("fork failed");
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      const int fd = ::open(log.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
      ::dup2(fd, STDOUT_FILENO);
      ::dup2(fd, STDERR_FILENO);
      ::execlp("unshare", "unshare", "--pid", "--fork", "--kill-child", "--mount-proc",
               program.c_str(), "--segment", segment.c_str(), "--config", config.c_str(),
               static_cast<char*>(nullptr));
      ::_exit(127);
    }
    const SegmentProbe probe(segment);
    if (!wait_until([&] { return probe.snapshot().broker.state == BrokerState::kReady; })) {
      end();
      throw std::runtime_error("the hidden broker did not become ready:\n" + read_text(log));
    }
  }
  HiddenBroker(const HiddenBroker&) = delete;
  HiddenBroker& operator=(const HiddenBroker&) = delete;
  ~HiddenBroker() { end(); }

 private:
  void end() {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }

  pid_t pid_ = 0;
};

/// Can processes be put into namespaces of this kind here?
inline bool can_unshare(const std::string& options) {
  return std::system(("unshare " + options + " true 2>/dev/null").c_str()) == 0;
}

}  // namespace slotd::testing
