// A ledger in shared memory under a robust pthread mutex: the counts, and who holds each slot, so
// that a claimant that would be refused can look for the dead. Whoever dies inside the lock leaves
// counts that the next one makes anew from the slots. Whoever gives back wakes a waiter; a death
// wakes nobody, so waiters look for the dead again and again. (A condition variable would not do:
// one whose waiter was killed can block all that signal it.)
#include <pthread.h>
#include <sys/types.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <csignal>
#include <system_error>

#include "slotd/clock.hpp"
#include "slotd/futex.hpp"
#include "slotd/layout.hpp"
#include "tests/bench/rivals/contender.hpp"

namespace slotd::bench {

namespace {

constexpr std::uint64_t kSearchEveryNs = 10 * kNsPerMs;

struct Ledger {
  pthread_mutex_t mutex;
  std::atomic<std::uint32_t> returns;  ///< futex word, counted under the lock
  std::atomic<std::uint32_t> waiters;  ///< one that was killed counts on: a call too many, no more
  std::uint32_t limit;
  std::uint32_t cpu_limit;
  std::uint32_t used;
  std::uint32_t cpu_used;
  std::uint32_t free_count;
  std::array<std::uint32_t, kMaxSlots> free_list;
  std::array<pid_t, kMaxSlots> owners;  ///< 0: free
};

void count_anew(Ledger& ledger) {
  ledger.used = 0;
  ledger.free_count = 0;
  for (std::uint32_t i = ledger.limit; i > 0; --i) {
    if (ledger.owners[i - 1] != 0)
      ++ledger.used;
    else
      ledger.free_list[ledger.free_count++] = i - 1;
  }
  ledger.cpu_used = ledger.used * kCpuUnitsPerSlot;
}

class Lock {
 public:
  explicit Lock(Ledger& ledger) : ledger_(ledger) {
    const int error = ::pthread_mutex_lock(&ledger_.mutex);
    if (error == EOWNERDEAD) {
      count_anew(ledger_);
      ::pthread_mutex_consistent(&ledger_.mutex);
    } else if (error != 0) {
      fail_child("a robust mutex cannot be locked");
    }
  }
  ~Lock() { ::pthread_mutex_unlock(&ledger_.mutex); }
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

 private:
  Ledger& ledger_;
};

class MutexMember final : public MemberLoops<MutexMember> {
 public:
  explicit MutexMember(Ledger& ledger) : ledger_(ledger) {}

  bool try_take() override {
    const Lock lock(ledger_);
    if (!has_room() && !(free_the_dead() && has_room())) return false;
    slot_ = ledger_.free_list[--ledger_.free_count];
    ledger_.owners[slot_] = pid_;
    ++ledger_.used;
    ledger_.cpu_used += kCpuUnitsPerSlot;
    return true;
  }
  void take() override {
    ++ledger_.waiters;
    for (;;) {
      const std::uint32_t seen = ledger_.returns;
      if (try_take()) break;
      futex_wait(returns_word(), seen, kSearchEveryNs, FutexScope::kShared);
    }
    --ledger_.waiters;
  }
  void give_back() override {
    put_back();
    if (ledger_.waiters > 0) futex_wake(returns_word(), 1, FutexScope::kShared);
  }
  bool probe_free() override {
    const Lock lock(ledger_);
    return has_room();
  }

 private:
  void put_back() {
    const Lock lock(ledger_);
    ledger_.owners[slot_] = 0;
    ledger_.free_list[ledger_.free_count++] = slot_;
    --ledger_.used;
    ledger_.cpu_used -= kCpuUnitsPerSlot;
    ledger_.returns.store(ledger_.returns.load(std::memory_order_relaxed) + 1,
                          std::memory_order_relaxed);
  }
  const std::uint32_t* returns_word() const {
    return reinterpret_cast<const std::uint32_t*>(&ledger_.returns);
  }
  bool has_room() const {
    return ledger_.used < ledger_.limit && ledger_.cpu_used + kCpuUnitsPerSlot <= ledger_.cpu_limit;
  }
  /// By the pid alone, as is usually done: a number that was given out again hides a death.
  bool free_the_dead() {
    bool found = false;
    pid_t known = pid_;
    for (std::uint32_t i = 0; i < ledger_.limit; ++i) {
      const pid_t owner = ledger_.owners[i];
      if (owner == 0 || owner == known) continue;
      if (::kill(owner, 0) == 0 || errno != ESRCH) {
        known = owner;
        continue;
      }
      ledger_.owners[i] = 0;
      found = true;
    }
    if (found) count_anew(ledger_);
    return found;
  }

  Ledger& ledger_;
  pid_t pid_ = ::getpid();
  std::uint32_t slot_ = 0;
};

class MutexContender final : public Contender {
 public:
  std::string name() const override { return "robust_mutex"; }
  Recovery recovery() const override { return Recovery::kWhenSearched; }
  void set_room(std::uint32_t slots) override {
    pthread_mutexattr_t attributes;
    ::pthread_mutexattr_init(&attributes);
    ::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    ::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    const int error = ::pthread_mutex_init(&ledger_->mutex, &attributes);
    ::pthread_mutexattr_destroy(&attributes);
    if (error != 0) throw std::system_error(error, std::generic_category(), "robust mutex");
    ledger_->limit = slots;
    ledger_->cpu_limit = slots * kCpuUnitsPerSlot;
    ledger_->owners.fill(0);
    ledger_->returns = 0;
    ledger_->waiters = 0;
    count_anew(*ledger_);
  }
  std::unique_ptr<Member> join() const override { return std::make_unique<MutexMember>(*ledger_); }

 private:
  Shared<Ledger> ledger_;
};

}  // namespace

std::unique_ptr<Contender> make_robust_mutex() { return std::make_unique<MutexContender>(); }

}  // namespace slotd::bench
