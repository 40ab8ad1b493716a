// Child processes of slotctl: the command that `run` starts behind a gate, and the broker binary
// that checks a file. The only file of slotctl that forks. Not thread-safe; fork only while the
// process has one thread.
//
// GatedChild: the child waits at a pipe until the slot is its own, then executes the command: from
// its first instruction on the command owns the slot, and exec keeps the pid. slotctl killed before
// the gate is open: the child sees the end of the pipe and ends without having run anything. Killed
// afterwards: the command goes on.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "slotd/process_probe.hpp"

namespace slotd::ctl {

class GatedChild {
 public:
  /// Names with values; without a value the name is taken out of the environment.
  using Variables = std::vector<std::pair<std::string, std::optional<std::string>>>;

  /// Forks. Precondition: the command is not empty. Throws Failure when the kernel refuses.
  explicit GatedChild(const std::vector<std::string>& command);
  GatedChild(const GatedChild&) = delete;
  GatedChild& operator=(const GatedChild&) = delete;
  /// Ends a child that was not let through, and collects what remains.
  ~GatedChild();

  pid_t pid() const noexcept { return pid_; }

  /// Lets the child execute the command with these variables in its environment, at least one of
  /// them. 0, or the errno of exec: then the child has ended. Blocks until one of them is known.
  int open_gate(const Variables& variables);

  /// Passes signals on until the command has ended; it stays a zombie, so its pid is still its own.
  /// Returns its exit status, or 128+N. Precondition: the gate was opened, and a SignalRelay
  /// exists.
  int relay_until_end(int signal_fd) const;

 private:
  [[noreturn]] void be_child(const std::vector<std::string>& command) const;

  UniqueFd gate_read_;
  UniqueFd gate_write_;
  UniqueFd status_read_;
  UniqueFd status_write_;
  UniqueFd pidfd_;
  void (*inherited_child_action_)(int) = nullptr;
  pid_t pid_ = -1;
};

/// From here on TERM, INT, HUP, QUIT, USR1 and USR2 wait in a descriptor instead of ending slotctl.
class SignalRelay {
 public:
  /// Throws Failure when there is no descriptor.
  SignalRelay();
  int fd() const noexcept { return fd_.get(); }

 private:
  UniqueFd fd_;
};

struct Finished {
  int status = 0;      ///< exit status, or 128+N
  std::string errors;  ///< what it wrote to stderr
};

/// Runs a program to its end with the caller's streams; or, with `collect_errors`, collects its
/// stderr and drops its stdout. A name without '/' is looked up in PATH. Throws Failure when it
/// cannot be started.
Finished run_program(const std::vector<std::string>& command, bool collect_errors);

}  // namespace slotd::ctl
