// Presence: how the kernel itself tells that a process died. A small keeper thread registers one
// robust-list node; the futex word of that node lies in the segment and holds the keeper's thread
// id for as long as the process lives. When the process ends by any cause, or calls exec, the
// kernel sets FUTEX_OWNER_DIED in the word and wakes a sleeper: across PID namespaces, for zombies,
// without the broker and without heartbeats. The only file that names set_robust_list and creates
// threads.
//
// The presence cell is 64 bits: the low half is the futex word, the high half the attach tag (low
// 32 bits of the attach number) of the tenant that armed it. A word whose tag is another tenant's
// says nothing about this one.
//
// The robust-list ABI (linux/futex.h, kernel/futex): struct robust_list_head { list; futex_offset;
// list_op_pending }; the futex word of a node lies at node + futex_offset; the kernel marks a word
// only if its TID bits equal the dying thread's id.
//
// Not for: deciding whose death frees what (process_table.hpp). Blocking: start() and stop() wait
// for the keeper thread of the same process, at most kKeeperStartMs. fork: the child has no keeper;
// it must not call stop().
#pragma once

#include <dlfcn.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>

#include "slotd/error.hpp"
#include "slotd/futex.hpp"
#include "slotd/layout.hpp"

namespace slotd::inline v0_1 {

static_assert(std::endian::native == std::endian::little,
              "the futex word is the low half of the presence cell");

inline constexpr std::uint64_t kKeeperStartMs = 2000;
/// Enough for attaching anew to a segment that replaced this one; untouched pages cost nothing.
inline constexpr std::size_t kKeeperStackBytes = 256 * 1024;
/// How often a keeper looks after its segment without having been told to.
inline constexpr std::uint64_t kKeeperLookMs = 1000;
/// The same where it cannot wait for word from the broker.
inline constexpr std::uint64_t kKeeperRecheckMs = 100;
inline constexpr std::size_t kKeeperStackLimitBytes = 8 * 1024 * 1024;

/// Tries of one CAS on a word that others may be changing. Only a scribbler makes it take more than
/// a few.
inline constexpr int kMaxWordAttempts = 1000;

/// The tag of an attach number that presence, marks and hazards carry.
constexpr std::uint32_t attach_tag(std::uint64_t attach) noexcept {
  return static_cast<std::uint32_t>(attach);
}

constexpr std::uint64_t make_presence(std::uint64_t attach, std::uint32_t futex_word) noexcept {
  return (std::uint64_t{attach_tag(attach)} << 32) | futex_word;
}

enum class PresenceState : std::uint8_t {
  kUnarmed,  ///< says nothing: not armed yet, or another tenant's
  kAlive,
  kMarked,  ///< the kernel (or the tenant at detach, or the broker for it) has set the mark
};

/// Reads a presence value for the tenant with this attach number. Pure.
constexpr PresenceState read_presence_value(std::uint64_t value, std::uint64_t attach) noexcept {
  const auto word = static_cast<std::uint32_t>(value);
  if (static_cast<std::uint32_t>(value >> 32) != attach_tag(attach)) return PresenceState::kUnarmed;
  if ((word & kFutexOwnerDied) != 0) return PresenceState::kMarked;
  return (word & kFutexTidMask) != 0 ? PresenceState::kAlive : PresenceState::kUnarmed;
}

/// The futex word inside a presence cell.
inline const std::uint32_t* presence_futex(const std::atomic<std::uint64_t>& cell) noexcept {
  return reinterpret_cast<const std::uint32_t*>(&cell);
}

/// Does for a dead tenant what the kernel does: sets the mark, keeps the waiters bit, wakes one
/// sleeper if it was set. An unarmed cell is marked too, so that everybody can see the proof.
/// Idempotent; does nothing once `attach` has ended. Precondition: the tenant is dead for certain,
/// or is the caller. Never blocks.
inline void force_mark(ProcessEntry& entry, std::uint64_t attach) noexcept {
  std::uint64_t value = entry.presence.load(std::memory_order_acquire);
  for (int attempt = 0; attempt < kMaxWordAttempts; ++attempt) {
    if (read_presence_value(value, attach) == PresenceState::kMarked) return;
    // The value was loaded before this check, so a newer tenant's arming makes the CAS fail: its
    // presence is safe.
    if (entry.attach.load(std::memory_order_seq_cst) != attach) return;
    const bool own = static_cast<std::uint32_t>(value >> 32) == attach_tag(attach);
    const std::uint32_t waiters = own ? static_cast<std::uint32_t>(value) & kFutexWaiters : 0;
    // seq_cst: the mark must not be passed by the reads of a sweep that follows it.
    if (entry.presence.compare_exchange_weak(
            value, make_presence(attach, waiters | kFutexOwnerDied), std::memory_order_seq_cst)) {
      if (waiters != 0) futex_wake(presence_futex(entry.presence), 1, FutexScope::kShared);
      return;
    }
  }
}

/// Says to the owner's keeper that there is a new notice to one of its slots. Nothing once `attach`
/// has ended. Never blocks.
inline void ring_notice(ProcessEntry& entry, std::uint64_t attach) noexcept {
  std::uint64_t value = entry.notice.load(std::memory_order_relaxed);
  if (entry.attach.load(std::memory_order_seq_cst) != attach) return;
  const auto count = static_cast<std::uint32_t>(value) + 1U;
  // Release: who sees the count sees the notices that were written before.
  entry.notice.store((std::uint64_t{attach_tag(attach)} << 32) | count, std::memory_order_release);
  futex_wake(reinterpret_cast<const std::uint32_t*>(&entry.notice), 1, FutexScope::kShared);
}

/// Owns the keeper thread of one attachment.
class Keeper {
 public:
  /// Called by the keeper thread now and then, and when the watched word has changed.
  using Look = void (*)(void* context) noexcept;

  Keeper() = default;
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;

  /// What the keeper looks after besides presence: `look` is called once in kKeeperLookMs, and soon
  /// after `word` (of the segment) is no longer `expected` and its sleepers were woken, or after
  /// ring_notice(). Before start().
  void watch(const std::atomic<std::uint64_t>& word, std::uint32_t expected, Look look,
             void* context) noexcept {
    watched_ = reinterpret_cast<const std::uint32_t*>(&word);
    expected_ = expected;
    look_ = look;
    context_ = context;
  }

  /// For the look alone: the count of notices that it has seen in the entry. The keeper sleeps on
  /// the next one.
  void see_notices(std::uint64_t notice) noexcept { notices_ = static_cast<std::uint32_t>(notice); }

  /// Starts the keeper and arms the entry's presence for the tenant `attach`. Returns
  /// kPresenceUnavailable when the thread or the robust list is refused; then nothing is armed.
  /// Precondition: the caller has reserved the entry, which stays mapped until the process ends.
  Errc start(ProcessEntry& entry, std::uint64_t attach) noexcept {
    entry_ = &entry;
    attach_ = attach;
    phase_.store(kStarting, std::memory_order_relaxed);
    pin_library();
    sigset_t all;
    sigset_t saved;
    sigfillset(&all);
    // A fault of this thread's own cannot be kept waiting: blocked, it would end the process
    // without asking the handler (fault_guard.hpp).
    for (const int fault : {SIGBUS, SIGSEGV, SIGFPE, SIGILL, SIGTRAP}) sigdelset(&all, fault);
    // Through libc, never by raw system call: setuid() in the worker has to reach this thread by a
    // signal of libc's own.
    pthread_sigmask(SIG_SETMASK, &all, &saved);
    const int failed = create_thread();
    pthread_sigmask(SIG_SETMASK, &saved, nullptr);
    if (failed != 0) return Errc::kPresenceUnavailable;
    const std::uint64_t deadline = monotonic_ns() + kKeeperStartMs * kNsPerMs;
    while (phase_.load(std::memory_order_acquire) == kStarting && monotonic_ns() < deadline) {
      futex_wait(phase_word(), kStarting, 100 * kNsPerMs, FutexScope::kPrivate);
    }
    if (phase_.load(std::memory_order_acquire) == kRunning) return Errc::kOk;
    stop();
    return Errc::kPresenceUnavailable;
  }

  /// The thread is to end by itself: for a membership that has moved to another segment. May be
  /// called by the keeper thread. Never blocks; instead of stop(), once.
  void leave() noexcept {
    phase_.store(kStopping, std::memory_order_release);
    pthread_detach(thread_);
    futex_wake(phase_word(), 1, FutexScope::kPrivate);
  }

  /// Ends presence (sets the mark, as a death would) and joins the thread. Not in a forked child.
  void stop() noexcept {
    phase_.store(kStopping, std::memory_order_release);
    futex_wake(phase_word(), 1, FutexScope::kPrivate);
    pthread_join(thread_, nullptr);
  }

 private:
  enum Phase : std::uint32_t { kStarting, kRunning, kRefused, kStopping };

  const std::uint32_t* phase_word() const noexcept {
    return reinterpret_cast<const std::uint32_t*>(&phase_);
  }

  /// The keeper's code must outlive a dlclose() of the library that holds it: the thread runs until
  /// the process ends.
  static void pin_library() noexcept {
    Dl_info info{};
    if (dladdr(reinterpret_cast<const void*>(&Keeper::main), &info) != 0 &&
        info.dli_fname != nullptr) {
      dlopen(info.dli_fname, RTLD_NOW | RTLD_NOLOAD | RTLD_NODELETE);
    }
  }

  int create_thread() noexcept {
    // Large static TLS makes small stacks EINVAL.
    int failed = EINVAL;
    for (std::size_t bytes = kKeeperStackBytes; failed == EINVAL && bytes <= kKeeperStackLimitBytes;
         bytes *= 2) {
      failed = create_thread_with(bytes);
      // Seen once in 15,000 threads of forked processes, far from every limit; gone the next time.
      if (failed == EAGAIN) failed = create_thread_with(bytes);
    }
    return failed;
  }

  int create_thread_with(std::size_t stack_bytes) noexcept {
    pthread_attr_t attributes;
    int failed = pthread_attr_init(&attributes);
    if (failed != 0) return failed;
    failed = pthread_attr_setstacksize(&attributes, stack_bytes);
    if (failed == 0) failed = pthread_create(&thread_, &attributes, &Keeper::main, this);
    pthread_attr_destroy(&attributes);
    return failed;
  }

  static void* main(void* argument) noexcept {
    static_cast<Keeper*>(argument)->run();
    return nullptr;
  }

  void run() noexcept {
    // Node in private memory, word in the segment: no pointer of this process lies in shared
    // memory.
    node_.next = &head_.list;
    head_.list.next = &node_;
    head_.futex_offset = reinterpret_cast<std::intptr_t>(&entry_->presence) -
                         reinterpret_cast<std::intptr_t>(&node_);
    head_.list_op_pending = nullptr;
    if (::syscall(SYS_set_robust_list, &head_, sizeof(head_)) != 0) {
      phase_.store(kRefused, std::memory_order_release);
      futex_wake(phase_word(), 1, FutexScope::kPrivate);
      return;
    }
    // Only now the id: a word that holds it is a word that the kernel will mark. Release: identity
    // fields come before.
    const auto tid = static_cast<std::uint32_t>(::syscall(SYS_gettid));
    entry_->presence.store(make_presence(attach_, tid & kFutexTidMask), std::memory_order_release);
    std::uint32_t expected = kStarting;
    notices_ = static_cast<std::uint32_t>(entry_->notice.load(std::memory_order_acquire));
    // A stop that came meanwhile (start() gave up) stays.
    phase_.compare_exchange_strong(expected, kRunning, std::memory_order_acq_rel);
    futex_wake(phase_word(), 1, FutexScope::kPrivate);
    while (phase_.load(std::memory_order_acquire) == kRunning) {
      sleep();
      if (look_ != nullptr && phase_.load(std::memory_order_acquire) == kRunning) look_(context_);
    }
    // The thread ends with its node registered: the kernel sets the mark on its way out, before a
    // join returns. A mark set here would let the kernel hit the entry's next tenant.
  }

  /// Until there may be something to do.
  void sleep() noexcept {
    if (look_ == nullptr) {
      futex_wait(phase_word(), kRunning, 3600 * kNsPerSecond, FutexScope::kPrivate);
      return;
    }
    // A word that has changed already is looked at often until the membership has moved on.
    const bool is_news = told_ || !can_wait_;
    if (!is_news) {
      const std::uint64_t deadline_ns = monotonic_ns() + kKeeperLookMs * kNsPerMs;
      const std::array<FutexWatch, 3> watches{
          FutexWatch{phase_word(), kRunning, FutexScope::kPrivate},
          FutexWatch{watched_, expected_, FutexScope::kShared},
          FutexWatch{reinterpret_cast<const std::uint32_t*>(&entry_->notice), notices_,
                     FutexScope::kShared}};
      can_wait_ = futex_wait_any(watches, deadline_ns);
      told_ = monotonic_ns() < deadline_ns;
      // The segment is not read here: what is left of a truncated one is not to be touched, and
      // only the look knows whether it is.
      if (can_wait_) return;
    }
    told_ = false;
    futex_wait(phase_word(), kRunning, kKeeperRecheckMs * kNsPerMs, FutexScope::kPrivate);
  }

  ProcessEntry* entry_ = nullptr;
  std::uint64_t attach_ = 0;
  const std::uint32_t* watched_ = nullptr;  ///< in the segment
  std::uint32_t expected_ = 0;
  std::uint32_t notices_ = 0;  ///< the count in the entry that was seen last
  Look look_ = nullptr;
  void* context_ = nullptr;
  bool told_ = false;     ///< the last sleep ended early: do not spin on a word that stays changed
  bool can_wait_ = true;  ///< for several words at once
  std::atomic<std::uint32_t> phase_{kStarting};
  pthread_t thread_{};
  robust_list_head head_{};
  robust_list node_{};
};

}  // namespace slotd::inline v0_1
