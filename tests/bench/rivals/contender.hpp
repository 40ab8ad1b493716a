// What every contender of the benchmark does: take one slot of a type and the CPU of its job, both
// or neither, refuse when either is used up, give both back. slotd is one of them.
//
// A Contender is made by the coordinator, before it forks; a Member is one process's access to it.
// Neither is thread-safe.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "slotd/layout.hpp"
#include "tests/bench/team.hpp"

namespace slotd::bench {

enum class Operation : std::uint32_t {
  kPair,     ///< claim and release; has to succeed
  kAttempt,  ///< the same, where a refusal is an answer too
  kRefused,  ///< a claim that has to be refused
  kProbe,    ///< the question alone; the answer has to be yes
};

class Member {
 public:
  virtual ~Member() = default;

  /// False: refused, and nothing is taken.
  virtual bool try_take() = 0;
  /// Takes, waiting for as long as it takes, in the way that whoever uses this would choose.
  virtual void take() = 0;
  /// Gives back what was taken last.
  virtual void give_back() = 0;
  /// What was taken last stays taken, for as long as the object lives or longer.
  virtual void keep() {}
  /// Could try_take() succeed?
  virtual bool probe_free() = 0;
  /// `count` operations. Ends the process when one does not go as it must: a figure for something
  /// else would be worse than none.
  virtual void repeat(Operation operation, std::uint64_t count) = 0;
};

/// Gives a member its loops, in which no call is virtual if Derived is final.
template <typename Derived>
class MemberLoops : public Member {
 public:
  void repeat(Operation operation, std::uint64_t count) final {
    auto& self = static_cast<Derived&>(*this);
    switch (operation) {
      case Operation::kPair:
        for (; count > 0; --count) {
          if (!self.try_take()) fail_child("a claim was refused that had to be admitted");
          self.give_back();
        }
        break;
      case Operation::kAttempt:
        for (; count > 0; --count) {
          if (self.try_take()) self.give_back();
        }
        break;
      case Operation::kRefused:
        for (; count > 0; --count) {
          if (self.try_take()) fail_child("a claim was admitted that had to be refused");
        }
        break;
      case Operation::kProbe:
        for (; count > 0; --count) {
          if (!self.probe_free()) fail_child("there is no room where there must be some");
        }
        break;
    }
  }
};

/// What becomes of the slots of a process that was killed.
enum class Recovery : std::uint32_t {
  kNever,         ///< they are lost until somebody makes everything anew
  kAtOnce,        ///< the kernel gives them back
  kWhenSearched,  ///< a claimant that would be refused looks for the dead
  kAfterLease,    ///< when the lease runs out
};

class Contender {
 public:
  virtual ~Contender() = default;

  /// For bench.json.
  virtual std::string name() const = 0;
  virtual Recovery recovery() const = 0;
  /// So many operations take a few microseconds.
  virtual std::uint64_t batch() const { return 16; }
  /// How many slots it can have on this machine.
  virtual std::uint32_t max_slots() const { return kMaxSlots; }
  /// Makes everything anew, with room for that many slots. No member may be alive.
  virtual void set_room(std::uint32_t slots) = 0;
  /// In the process that is going to use it.
  virtual std::unique_ptr<Member> join() const = 0;
};

using Contenders = std::vector<std::shared_ptr<Contender>>;

struct Skipped {
  std::string name;
  std::string reason;
};

/// Each of these throws std::exception when the machine lacks what it needs.
std::unique_ptr<Contender> make_slotd();
/// On the segment of a broker, which lives on or was killed. Room for 1 or for kManySlots.
std::unique_ptr<Contender> make_brokered_slotd(bool is_broker_up);
std::unique_ptr<Contender> make_sysv();
std::unique_ptr<Contender> make_posix_semaphores();
std::unique_ptr<Contender> make_robust_mutex();
std::unique_ptr<Contender> make_flock();
std::unique_ptr<Contender> make_pipe_tokens();
std::unique_ptr<Contender> make_socket_daemon();
inline constexpr std::uint32_t kLeaseMs = 60'000;
/// `lease_ms`: a holder that does not renew loses its slot after this time.
std::unique_ptr<Contender> make_redis(std::uint32_t lease_ms = kLeaseMs);

/// slotd first, SysV second, then those of the others that this machine can have.
Contenders make_contenders(std::vector<Skipped>& skipped);

inline constexpr std::uint32_t kManySlots = 64;

/// What a job costs beside its slot.
inline constexpr std::uint32_t kCpuUnitsPerSlot = 4;  ///< half cores

}  // namespace slotd::bench
