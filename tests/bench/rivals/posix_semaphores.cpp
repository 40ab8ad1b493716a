// Two POSIX semaphores in shared memory: the floor, since a post is one atomic instruction. It is
// favoured: one unit of the second semaphore is the whole CPU of a job, where finer units would
// take a call each. A process that is killed takes its units along for ever.
#include <semaphore.h>

#include <cerrno>

#include "tests/bench/rivals/contender.hpp"

namespace slotd::bench {

namespace {

struct Pair {
  sem_t slots;
  alignas(64) sem_t cpu;
};

class PosixMember final : public MemberLoops<PosixMember> {
 public:
  explicit PosixMember(Pair& pair) : pair_(pair) {}

  bool try_take() override {
    if (::sem_trywait(&pair_.slots) != 0) return false;
    if (::sem_trywait(&pair_.cpu) == 0) return true;
    ::sem_post(&pair_.slots);
    return false;
  }
  void take() override {
    wait_for(pair_.slots);
    wait_for(pair_.cpu);
  }
  void give_back() override {
    ::sem_post(&pair_.cpu);
    ::sem_post(&pair_.slots);
  }
  bool probe_free() override {
    int slots = 0;
    int cpu = 0;
    return ::sem_getvalue(&pair_.slots, &slots) == 0 && ::sem_getvalue(&pair_.cpu, &cpu) == 0 &&
           slots > 0 && cpu > 0;
  }

 private:
  static void wait_for(sem_t& semaphore) {
    while (::sem_wait(&semaphore) != 0) {
      if (errno != EINTR) fail_child("sem_wait failed");
    }
  }

  Pair& pair_;
};

class PosixContender final : public Contender {
 public:
  std::string name() const override { return "posix_semaphores"; }
  Recovery recovery() const override { return Recovery::kNever; }
  void set_room(std::uint32_t slots) override {
    ::sem_init(&pair_->slots, 1, slots);
    ::sem_init(&pair_->cpu, 1, slots);
  }
  std::unique_ptr<Member> join() const override { return std::make_unique<PosixMember>(*pair_); }

 private:
  Shared<Pair> pair_;
};

}  // namespace

std::unique_ptr<Contender> make_posix_semaphores() { return std::make_unique<PosixContender>(); }

}  // namespace slotd::bench
