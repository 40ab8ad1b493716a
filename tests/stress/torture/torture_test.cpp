// The torture in its short form, and proof that its observer sees what it is there to see.
#include <gtest/gtest.h>

#include "tests/stress/torture/driver.hpp"
#include "tests/stress/torture/observer.hpp"
#include "tests/support/child_program.hpp"

namespace slotd::torture {
namespace {

class TortureObserver : public ::testing::Test {
 protected:
  void SetUp() override {
    for (std::uint32_t seat = 0; seat < 4; ++seat) board_->seats[seat].epoch.store(4);
  }
  void hold(std::uint32_t seat, std::uint32_t place, const Note& note) {
    board_->seats[seat].notes[place].store(note.pack(++sequence_));
  }
  std::string breach() const { return describe_breach(observe(*board_)); }

  testing::Shared<Board> board_;
  std::uint64_t sequence_ = 0;
};

TEST_F(TortureObserver, allows_what_the_limits_allow) {
  for (std::uint32_t i = 0; i < 3; ++i) hold(i, 0, {0, 4000, 0, i});
  hold(0, 1, {2, 3000, 2999, 4});
  hold(1, 1, {4, 1000, 0, kKeys});
  EXPECT_EQ(breach(), "");
  EXPECT_EQ(observe(*board_).cost_milli, kBudgetMilli);
}

TEST_F(TortureObserver, sees_each_limit_that_is_broken) {
  for (std::uint32_t i = 0; i < 4; ++i) hold(i, 0, {i % 2, 0, 0, kKeys});
  EXPECT_EQ(breach(), "composite 4") << "types that share a limit count together";
  for (std::uint32_t i = 0; i < 3; ++i) hold(i, 1, {2, 0, 0, kKeys});
  EXPECT_EQ(breach(), "composite 4, web group 7, pulse group 24");
}

TEST_F(TortureObserver, sees_cpu_memory_and_keys) {
  hold(0, 0, {4, 20'000, 0, 7});
  EXPECT_EQ(breach(), "") << "a lone slot may have the capacity";
  hold(1, 0, {4, 0, 3000, 7});
  EXPECT_EQ(breach(), "cpu 20000 by 2, memory 3000, keys held twice 128");
}

TEST_F(TortureObserver, counts_nobody_who_is_about_to_die) {
  for (std::uint32_t i = 0; i < 4; ++i) hold(i, 0, {0, 0, 0, kKeys});
  EXPECT_NE(breach(), "");
  board_->seats[2].doom();
  EXPECT_EQ(breach(), "");
  board_->clear_seat(2);
  board_->seats[2].epoch.fetch_add(1);
  EXPECT_EQ(breach(), "") << "the next life holds nothing of the last one";
}

TEST_F(TortureObserver, a_mail_that_a_dead_process_was_at_is_free_again) {
  board_->mails[3].state.store(Mail::make(Mail::kWriting, 1));
  board_->mails[4].state.store(Mail::make(Mail::kReading, 1));
  board_->mails[5].state.store(Mail::make(Mail::kFull, 1));
  board_->mails[6].state.store(Mail::make(Mail::kReading, 2));
  board_->clear_seat(1);
  EXPECT_EQ(board_->mails[3].state.load(), Mail::kEmpty);
  EXPECT_EQ(board_->mails[4].state.load(), Mail::kEmpty);
  EXPECT_EQ(board_->mails[5].state.load(), Mail::make(Mail::kFull, 1));
  EXPECT_EQ(board_->mails[6].state.load(), Mail::make(Mail::kReading, 2));
}

/// Both endings: the broker sweeps up, or there is none and the survivors do.
class Torture : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Seed, Torture, ::testing::Values(1, 2),
                         [](const auto& param) { return std::to_string(param.param); });

TEST_P(Torture, hurts_nobody_but_its_victims) {
  testing::ChildProgram program("slotd_torture",
                                {"--seconds", "10", "--seed", std::to_string(GetParam())});
  int status = 0;
  // Longer than the run and its end.
  for (int patience = 0; patience < 6 && (status = program.wait_end()) == -1; ++patience) {
  }
  std::puts(program.out().c_str());
  EXPECT_EQ(status, 0) << program.err();
  EXPECT_NE(program.out().find(" leaked=0 over_limit=0\n"), std::string::npos);
}

}  // namespace
}  // namespace slotd::torture
