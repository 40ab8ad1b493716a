// One child process under ptrace, run instruction by instruction: forked from the tracer, so that
// all children of one tracer have the same addresses and take the same path. It knows nothing of
// slotd. Linux on x86-64 only.
//
// The child announces itself with mark_here() (a breakpoint instruction): once before what is to be
// stepped, once behind it. One thread of it is stepped, the first one or the one that it creates
// (the keeper); its other threads run freely.
//
// Not thread-safe: ptrace belongs to the thread that forked. Blocking: until the child stops; a
// child that never does is caught by the time limit of the test. The child dies with its tracer.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <functional>
#include <string>

namespace slotd::crash {

/// Stops a traced process for its tracer; kills one that is not traced.
void mark_here() noexcept;

/// Which thread of the child is stepped.
enum class Stepped : std::uint8_t {
  kMain,
  kCreated,  ///< the first one that the child creates, before or behind the first mark
};

enum class Stop : std::uint8_t {
  kStepped,  ///< one instruction further
  kMarked,   ///< at the next mark_here() of the main thread
  kOver,     ///< the child has ended, or met a signal that it should not
};

/// A place in the child's run that a hardware breakpoint reaches at full speed.
struct Anchor {
  std::uint64_t address = 0;
  std::uint64_t hits = 0;  ///< the breakpoint's stops until then; 0: no anchor
};

class Tracee {
 public:
  /// Forks; the child waits until it is traced, runs `body` and exits with 0.
  Tracee(const std::function<void()>& body, Stepped stepped);
  Tracee(const Tracee&) = delete;
  Tracee& operator=(const Tracee&) = delete;
  ~Tracee() { kill_now(); }

  pid_t pid() const noexcept { return pid_; }
  /// Runs freely to the next mark. False: the child ended before.
  bool run_to_mark();
  /// Prepares stepping of the created thread: catches it, lets the main thread go. For kMain
  /// nothing is to be done. Called at the first mark.
  bool begin();
  /// The main thread runs on; it is not waited for.
  void let_go();
  /// One instruction of the stepped thread.
  Stop step();
  /// At full speed to the anchor; kStepped when it is there.
  Stop run_to(const Anchor& anchor);
  /// Address of the stepped thread's next instruction.
  std::uint64_t position() const;
  /// Is the stepped thread's next instruction a system call?
  bool is_at_system_call() const;
  /// SIGKILL; returns when the process is gone for certain, all its threads included.
  void kill_now();
  /// What the child stopped with, when it was no mark and no step.
  const std::string& problem() const noexcept { return problem_; }

 private:
  pid_t thread() const noexcept { return stepped_ == Stepped::kMain ? pid_ : created_; }
  Stop wait_main();
  Stop wait_any();
  Stop judge_stop(pid_t thread, int status);
  void note_created();

  pid_t pid_ = 0;
  pid_t created_ = 0;
  bool created_ended_ = false;
  bool main_running_ = true;
  Stepped stepped_;
  std::string problem_;
};

/// Why children cannot be traced here; empty when they can.
std::string find_trace_obstacle();

}  // namespace slotd::crash
