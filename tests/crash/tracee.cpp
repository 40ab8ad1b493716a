#include "tests/crash/tracee.hpp"

#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/user.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <new>
#include <stdexcept>

namespace slotd::crash {

namespace {

constexpr std::size_t kDebugAddress = offsetof(user, u_debugreg[0]);
constexpr std::size_t kDebugControl = offsetof(user, u_debugreg[7]);
constexpr long kExecuteFirst = 1;  // DR7: breakpoint 0, this thread, on execution

template <typename Address, typename Data>
long trace(__ptrace_request request, pid_t thread, Address address, Data data) {
  return ::ptrace(request, thread, address, data);
}

/// A flag that parent and child share: the child starts when it is traced.
class Gate {
 public:
  Gate()
      : memory_(::mmap(nullptr, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0)) {
    if (memory_ == MAP_FAILED) throw std::runtime_error("mmap failed");
    open_ = new (memory_) std::atomic<int>(0);
  }
  Gate(const Gate&) = delete;
  Gate& operator=(const Gate&) = delete;
  ~Gate() { ::munmap(memory_, 4096); }
  void open() const noexcept { open_->store(1); }
  void wait() const noexcept {
    while (open_->load() == 0) ::sched_yield();
  }

 private:
  void* memory_;
  std::atomic<int>* open_ = nullptr;
};

}  // namespace

[[gnu::noinline]] void mark_here() noexcept {
#if defined(__x86_64__)
  asm volatile("int3" ::: "memory");
#endif
}

Tracee::Tracee(const std::function<void()>& body, Stepped stepped) : stepped_(stepped) {
  const Gate gate;
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ < 0) throw std::runtime_error("fork failed");
  if (pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    gate.wait();
    body();
    ::_exit(0);
  }
  long options = PTRACE_O_EXITKILL;
  if (stepped == Stepped::kCreated) options |= PTRACE_O_TRACECLONE;
  if (trace(PTRACE_SEIZE, pid_, nullptr, options) != 0) {
    const int error = errno;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, __WALL);
    pid_ = 0;
    throw std::runtime_error(std::string("ptrace: ") + std::strerror(error));
  }
  gate.open();
}

/// What a stop of one of the child's threads means.
Stop Tracee::judge_stop(pid_t thread, int status) {
  if (!WIFSTOPPED(status)) {
    problem_ = WIFSIGNALED(status) ? "killed by signal " + std::to_string(WTERMSIG(status))
                                   : "exited with " + std::to_string(WEXITSTATUS(status));
    return Stop::kOver;
  }
  if (WSTOPSIG(status) != SIGTRAP) {
    problem_ = "stopped by signal " + std::to_string(WSTOPSIG(status));
    return Stop::kOver;
  }
  siginfo_t info{};
  trace(PTRACE_GETSIGINFO, thread, nullptr, &info);
  return info.si_code == SI_KERNEL ? Stop::kMarked : Stop::kStepped;
}

/// The main thread has told of a new one: the one that is wanted is caught at its first
/// instruction.
void Tracee::note_created() {
  unsigned long created = 0;
  trace(PTRACE_GETEVENTMSG, pid_, nullptr, &created);
  int status = 0;
  ::waitpid(static_cast<pid_t>(created), &status, __WALL);
  if (created_ == 0) {
    created_ = static_cast<pid_t>(created);
    // What the stepped thread creates itself runs freely.
    trace(PTRACE_SETOPTIONS, created_, nullptr, static_cast<long>(PTRACE_O_EXITKILL));
  } else {
    trace(PTRACE_CONT, static_cast<pid_t>(created), nullptr, 0L);
  }
}

/// Waits for a stop of the main thread that is not only news of a new thread.
Stop Tracee::wait_main() {
  for (;;) {
    int status = 0;
    if (::waitpid(pid_, &status, __WALL) != pid_) {
      problem_ = "lost";
      return Stop::kOver;
    }
    if (!WIFSTOPPED(status) || (status >> 16) != PTRACE_EVENT_CLONE) {
      main_running_ = false;
      return judge_stop(pid_, status);
    }
    note_created();
    trace(PTRACE_CONT, pid_, nullptr, 0L);
    // Before the first mark the new thread runs freely; begin() catches it again.
    trace(PTRACE_CONT, created_, nullptr, 0L);
  }
}

bool Tracee::run_to_mark() {
  if (!main_running_) trace(PTRACE_CONT, pid_, nullptr, 0L);
  main_running_ = true;
  if (stepped_ == Stepped::kCreated && created_ != 0 && !created_ended_) {
    trace(PTRACE_CONT, created_, nullptr, 0L);  // where it runs already this does nothing
    Stop stop = Stop::kOver;
    while ((stop = wait_any()) == Stop::kStepped) trace(PTRACE_CONT, created_, nullptr, 0L);
    return stop == Stop::kMarked;
  }
  return wait_main() == Stop::kMarked;
}

bool Tracee::begin() {
  if (stepped_ == Stepped::kMain) return true;
  int status = 0;
  if (created_ != 0) {
    trace(PTRACE_INTERRUPT, created_, nullptr, 0L);
    if (::waitpid(created_, &status, __WALL) != created_) return false;
    main_running_ = true;
    return trace(PTRACE_CONT, pid_, nullptr, 0L) == 0;
  }
  trace(PTRACE_CONT, pid_, nullptr, 0L);
  if (::waitpid(pid_, &status, __WALL) != pid_ || (status >> 16) != PTRACE_EVENT_CLONE)
    return false;
  note_created();
  main_running_ = true;
  return trace(PTRACE_CONT, pid_, nullptr, 0L) == 0;
}

void Tracee::let_go() {
  main_running_ = true;
  trace(PTRACE_CONT, pid_, nullptr, 0L);
}

/// Waits for either thread: the stepped one stopped, or the main one came to its mark.
Stop Tracee::wait_any() {
  for (;;) {
    int status = 0;
    const pid_t who = ::waitpid(-1, &status, __WALL);
    if (who < 0) {
      problem_ = "lost";
      return Stop::kOver;
    }
    if (who == pid_) {
      main_running_ = false;
      return judge_stop(pid_, status);
    }
    if (who != created_) continue;  // another child of the tracer
    if (WIFSTOPPED(status)) return judge_stop(created_, status);
    created_ended_ = true;  // from here on the main thread goes on alone
  }
}

Stop Tracee::step() {
  if (stepped_ == Stepped::kMain) {
    main_running_ = false;
    if (trace(PTRACE_SINGLESTEP, pid_, nullptr, 0L) != 0) return Stop::kOver;
    const Stop stop = wait_main();
    return stop;
  }
  if (!main_running_) return Stop::kMarked;
  if (!created_ended_) trace(PTRACE_SINGLESTEP, created_, nullptr, 0L);
  return wait_any();
}

Stop Tracee::run_to(const Anchor& anchor) {
  if (anchor.hits == 0) return Stop::kStepped;
  if (!main_running_ && stepped_ == Stepped::kCreated) return Stop::kMarked;
  const pid_t stepped = thread();
  trace(PTRACE_POKEUSER, stepped, kDebugAddress, anchor.address);
  trace(PTRACE_POKEUSER, stepped, kDebugControl, kExecuteFirst);
  Stop stop = Stop::kStepped;
  for (std::uint64_t hit = 0; hit < anchor.hits && stop == Stop::kStepped; ++hit) {
    trace(PTRACE_CONT, stepped, nullptr, 0L);
    stop = stepped_ == Stepped::kMain ? wait_main() : wait_any();
  }
  trace(PTRACE_POKEUSER, stepped, kDebugControl, 0L);
  return stop;
}

std::uint64_t Tracee::position() const {
  constexpr std::size_t kInstructionPointer = offsetof(user, regs.rip);
  return static_cast<std::uint64_t>(trace(PTRACE_PEEKUSER, thread(), kInstructionPointer, 0L));
}

bool Tracee::is_at_system_call() const {
  constexpr long kSystemCall = 0x050f;  // 0f 05
  return (trace(PTRACE_PEEKTEXT, thread(), position(), 0L) & 0xffff) == kSystemCall;
}

void Tracee::kill_now() {
  if (pid_ == 0) return;
  ::kill(pid_, SIGKILL);
  int status = 0;
  // A traced thread has to be waited for as well; the process is over when its last thread is.
  if (created_ != 0 && !created_ended_) {
    while (::waitpid(created_, &status, __WALL) == created_ && WIFSTOPPED(status)) {
    }
  }
  while (::waitpid(pid_, &status, __WALL) == pid_ && WIFSTOPPED(status)) {
  }
  pid_ = 0;
}

std::string find_trace_obstacle() {
#if !defined(__x86_64__)
  return "the harness steps x86-64 code only";
#else
  try {
    Tracee child([] { mark_here(); }, Stepped::kMain);
    if (!child.run_to_mark()) return "a traced child does not stop: " + child.problem();
    return child.step() == Stop::kStepped ? "" : "a traced child cannot be stepped";
  } catch (const std::exception& error) {
    return error.what();
  }
#endif
}

}  // namespace slotd::crash
