// A joint SysV semop with SEM_UNDO: semaphores.hpp.
#include "tests/bench/rivals/contender.hpp"
#include "tests/bench/semaphores.hpp"

namespace slotd::bench {

namespace {

class SysvMember final : public MemberLoops<SysvMember> {
 public:
  explicit SysvMember(const Semaphores& semaphores) : semaphores_(semaphores) {}

  bool try_take() override { return semaphores_.try_take(); }
  void take() override {
    if (!semaphores_.take()) fail_child("a waiting semop failed");
  }
  void give_back() override {
    if (!semaphores_.give_back()) fail_child("a semop failed");
  }
  bool probe_free() override { return semaphores_.probe_free(); }

 private:
  const Semaphores& semaphores_;
};

class SysvContender final : public Contender {
 public:
  std::string name() const override { return "sysv"; }
  Recovery recovery() const override { return Recovery::kAtOnce; }
  void set_room(std::uint32_t slots) override {
    semaphores_.set_free(static_cast<std::uint16_t>(slots));
  }
  std::unique_ptr<Member> join() const override {
    return std::make_unique<SysvMember>(semaphores_);
  }

 private:
  Semaphores semaphores_;
};

}  // namespace

std::unique_ptr<Contender> make_sysv() { return std::make_unique<SysvContender>(); }

}  // namespace slotd::bench
