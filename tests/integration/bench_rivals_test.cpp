// What the benchmark compares slotd with does the job that docs/benchmarks.md says it does: each
// refuses when full, gives back, wakes who waits, and after SIGKILL of a holder does what its
// Recovery says. Nothing here is about speed.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <functional>

#include "tests/bench/rivals/contender.hpp"
#include "tests/support/broker_process.hpp"

namespace slotd::bench {
namespace {

constexpr std::uint32_t kRoom = 3;
constexpr std::uint32_t kShortLeaseMs = 400;

struct Rival {
  const char* name;
  Recovery recovery;
  std::unique_ptr<Contender> (*make)();
};

std::ostream& operator<<(std::ostream& out, const Rival& rival) { return out << rival.name; }

class BenchRivals : public ::testing::TestWithParam<Rival> {
 protected:
  void SetUp() override {
    try {
      contender_ = GetParam().make();
    } catch (const std::exception& error) {
      GTEST_SKIP() << error.what();
    }
    contender_->set_room(kRoom);
  }

  /// Takes `count` in a process of its own that is then killed.
  void kill_holder_of(std::uint32_t count) {
    const Shared<std::atomic<std::uint32_t>> taken;
    Child holder([&] {
      const auto member = contender_->join();
      for (std::uint32_t i = 0; i < count; ++i) {
        if (!member->try_take()) fail_child("the holder was refused");
        member->keep();
        ++*taken;
      }
      for (;;) ::pause();
    });
    wait_until([&] { return *taken == count; }, [&] { holder.check(); });
  }

  /// In a process of its own, since a member may stand for its process.
  void expect_in_child(const std::function<bool(Member&)>& question) {
    const Shared<std::atomic<bool>> answer;
    Child child([&] {
      const auto member = contender_->join();
      *answer = question(*member);
    });
    child.join();
    EXPECT_TRUE(answer->load());
  }

  std::unique_ptr<Contender> contender_;
};

bool take_and_keep(Member& member, std::uint32_t count) {
  for (; count > 0; --count) {
    if (!member.try_take()) return false;
    member.keep();
  }
  return true;
}

TEST_P(BenchRivals, refuses_when_full) {
  expect_in_child([](Member& member) {
    return member.probe_free() && take_and_keep(member, kRoom) && !member.try_take() &&
           !member.probe_free();
  });
}

TEST_P(BenchRivals, one_given_back_is_one_to_take) {
  expect_in_child([](Member& member) {
    if (!take_and_keep(member, kRoom - 1)) return false;
    for (int i = 0; i < 100; ++i) {
      if (!member.try_take()) return false;
      member.give_back();
    }
    return member.try_take() && !member.probe_free();
  });
}

TEST_P(BenchRivals, another_process_is_refused_what_the_first_one_holds) {
  const Shared<std::atomic<bool>> held;
  Child holder([&] {
    const auto member = contender_->join();
    if (!take_and_keep(*member, kRoom)) fail_child("the holder was refused");
    *held = true;
    for (;;) ::pause();
  });
  wait_until([&] { return held->load(); }, [&] { holder.check(); });
  expect_in_child([](Member& member) { return !member.try_take() && !member.probe_free(); });
}

TEST_P(BenchRivals, after_sigkill_of_the_holder) {
  ASSERT_EQ(contender_->recovery(), GetParam().recovery);
  kill_holder_of(kRoom);
  if (GetParam().recovery == Recovery::kNever) {
    expect_in_child([](Member& member) { return !member.try_take(); });
    return;
  }
  // The kernel, a server, or a lease may need a moment.
  expect_in_child(
      [](Member& member) { return testing::wait_until([&] { return member.try_take(); }); });
}

TEST_P(BenchRivals, who_waits_gets_what_is_given_back) {
  contender_->set_room(1);  // flock() waits for one file, which need not be the one given back
  const Shared<std::atomic<bool>> held;
  const Shared<std::atomic<bool>> may_give_back;
  const Shared<std::atomic<bool>> taken;
  Child holder([&] {
    const auto member = contender_->join();
    if (!member->try_take()) fail_child("the holder was refused");
    *held = true;
    wait_until([&] { return may_give_back->load(); }, [] {});
    member->give_back();
    for (;;) ::pause();
  });
  wait_until([&] { return held->load(); }, [&] { holder.check(); });
  Child waiter([&] {
    const auto member = contender_->join();
    member->take();
    *taken = true;
    for (;;) ::pause();
  });
  sleep_for(std::chrono::milliseconds(100));
  EXPECT_FALSE(taken->load()) << "all are held";
  *may_give_back = true;
  EXPECT_TRUE(testing::wait_until([&] { return taken->load(); }));
  expect_in_child([](Member& member) { return !member.try_take(); });
}

TEST_P(BenchRivals, three_who_wait_for_one_slot_all_have_their_turns) {
  constexpr int kTurns = 50;
  contender_->set_room(1);
  const Shared<std::atomic<int>> inside;
  std::vector<std::unique_ptr<Child>> waiters;
  for (int i = 0; i < 3; ++i) {
    waiters.push_back(std::make_unique<Child>([&] {
      const auto member = contender_->join();
      for (int turn = 0; turn < kTurns; ++turn) {
        member->take();
        if (++*inside != 1) fail_child("two have the only slot");
        --*inside;
        member->give_back();
      }
    }));
  }
  for (const auto& waiter : waiters) {
    EXPECT_TRUE(testing::wait_until([&] { return waiter->check(); }));
  }
  expect_in_child([](Member& member) { return member.try_take(); });
}

TEST_P(BenchRivals, after_sigkill_of_the_holder_who_waits_is_told_or_is_not) {
  const Shared<std::atomic<bool>> held;
  const Shared<std::atomic<bool>> taken;
  auto holder = std::make_unique<Child>([&] {
    const auto member = contender_->join();
    if (!take_and_keep(*member, kRoom)) fail_child("refused");
    *held = true;
    for (;;) ::pause();
  });
  wait_until([&] { return held->load(); }, [&] { holder->check(); });
  Child waiter([&] {
    const auto member = contender_->join();
    member->take();
    *taken = true;
    for (;;) ::pause();
  });
  sleep_for(std::chrono::milliseconds(20));
  holder.reset();
  if (GetParam().recovery == Recovery::kNever) {
    sleep_for(std::chrono::milliseconds(500));
    EXPECT_FALSE(taken->load());
  } else {
    EXPECT_TRUE(testing::wait_until([&] { return taken->load(); }));
  }
}

INSTANTIATE_TEST_SUITE_P(
    , BenchRivals,
    ::testing::Values(Rival{"slotd", Recovery::kWhenSearched, make_slotd},
                      Rival{"sysv", Recovery::kAtOnce, make_sysv},
                      Rival{"posix_semaphores", Recovery::kNever, make_posix_semaphores},
                      Rival{"robust_mutex", Recovery::kWhenSearched, make_robust_mutex},
                      Rival{"flock", Recovery::kAtOnce, make_flock},
                      Rival{"pipe_tokens", Recovery::kNever, make_pipe_tokens},
                      Rival{"socket_daemon", Recovery::kAtOnce, make_socket_daemon},
                      Rival{"redis_leases", Recovery::kAfterLease,
                            [] { return make_redis(kShortLeaseMs); }}),
    [](const auto& one) { return one.param.name; });

}  // namespace
}  // namespace slotd::bench
