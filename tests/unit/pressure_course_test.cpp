// The pressure policy over injected samples: what comes of a victim, when it is over, and time.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>

#include "broker/pressure/pressure.hpp"
#include "tests/unit/pressure_support.hpp"

namespace slotd::broker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// ---- What comes of it

TEST(PressureAction, NoneCountsAndReportsAndOrdersNothing) {
  Node node = make_case_6(PressureAction::kNone);
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), IsEmpty());
  EXPECT_EQ(node.last.finding, PressureFinding::kVictim);
  EXPECT_EQ(node.last.victim->id.slot, 0U);
  node.quiet_ticks(true, 100);
  EXPECT_EQ(node.state().counts.kills + node.state().counts.stops, 0U);
}

TEST(PressureAction, NotifyNeverSignals) {
  Node node = make_case_6(PressureAction::kNotify);
  std::set<std::string> seen;
  for (int i = 0; i < 300; ++i) {
    for (const std::string& order : node.hot()) seen.insert(order);
  }
  EXPECT_THAT(seen, ElementsAre("notify 0"));
  EXPECT_EQ(node.state().counts.kills + node.state().counts.stops, 0U);
}

TEST(PressureAction, KillKillsAtOnceAndOnce) {
  Node node = make_case_6(PressureAction::kKill);
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0", "kill 0"));
  node.quiet_ticks(true, 100);  // it cannot die, B is within its cost
}

TEST(PressureAction, StopKillsAfterTheGraceAndThenNeedsNewEvidence) {
  Node node = make_case_6(PressureAction::kStop);
  node.jobs.push_back(make_job(2, 2'100'000, 2 * kCore));
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0", "stop 0"));
  node.quiet_ticks(true, 29);
  EXPECT_THAT(node.hot(), ElementsAre("kill 0"));
  node.end_job(0);
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 2", "stop 2"));
}

TEST(PressureAction, AJobThatEndsAfterItsStopIsStillKilledWhenItDoesNot) {
  Node node = make_case_6(PressureAction::kStop);
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0", "stop 0"));
  node.jobs[0].is_ending = true;
  node.quiet_ticks(true, 29);
  EXPECT_THAT(node.hot(), ElementsAre("kill 0"));
}

TEST(PressureAction, ACoolTickAtTheEndOfTheGracePutsTheKillOff) {
  Node node = make_case_6(PressureAction::kStop);
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0", "stop 0"));
  node.quiet_ticks(true, 28);
  node.quiet_ticks(false, 4);
  EXPECT_THAT(node.hot(), ElementsAre("kill 0"));
}

TEST(PressureAction, AChangeToStopKillsNobodyWhoWasOnlyTold) {
  Node node = make_case_6(PressureAction::kNotify);
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0"));
  node.configure(make_cpu_rules(make_config(PressureAction::kStop)));
  node.quiet_ticks(true, 39);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0", "stop 0"));
}

TEST(PressureAction, AChangeToNotifyKillsNobodyWhoWasStopped) {
  Node node = make_case_6(PressureAction::kStop);
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0", "stop 0"));
  node.configure(make_cpu_rules(make_config(PressureAction::kNotify)));
  node.quiet_ticks(true, 39);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0"));
}

TEST(PressureAction, AChangeToNoneCalms) {
  Node node = make_case_6(PressureAction::kNotify);
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0"));
  node.configure(make_cpu_rules(make_config(PressureAction::kNone)));
  EXPECT_THAT(node.hot(), ElementsAre("calm 0"));
  node.quiet_ticks(true, 60);
}

// ---- When it is over

TEST(PressureCalm, FiveLowTicksEndItAndNothingComesLater) {
  Node node = make_case_6(PressureAction::kStop);
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0", "stop 0"));
  node.quiet_ticks(false, 4);
  EXPECT_THAT(node.low(), ElementsAre("calm 0"));
  EXPECT_FALSE(node.state().victim);
  node.quiet_ticks(false, 300);  // minutes later, as upstream's marker did not survive to be told
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0", "stop 0")) << "by new evidence";
}

TEST(PressureCalm, IsNotForAJobThatHasEnded) {
  Node node = make_case_6(PressureAction::kNotify);
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0"));
  node.end_job(0);
  node.quiet_ticks(false, 60);
}

TEST(PressureCalm, NorForTheNextClaimOfItsSlot) {
  Node node = make_case_6(PressureAction::kStop);
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0", "stop 0"));
  node.jobs[0].id.generation += 1;
  node.quiet_ticks(true, 29);  // and no kill for it at the end of the grace
  EXPECT_THAT(node.hot(), ElementsAre("notify 0", "stop 0"));
}

TEST(PressureCalm, AVictimThatEndsTakesTheEvidenceWithIt) {
  Node node = make_case_6(PressureAction::kStop);
  node.jobs.push_back(make_job(2, 2'100'000, 2 * kCore));
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0", "stop 0"));
  node.quiet_ticks(true, 25);
  node.end_job(0);
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 2", "stop 2"));
}

TEST(PressureCalm, TheGraceHoldsEvenWhenTheVictimEnds) {
  Node node = make_case_6(PressureAction::kKill);
  node.jobs.push_back(make_job(2, 2'100'000, 2 * kCore));
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0", "kill 0"));
  node.end_job(0);
  node.quiet_ticks(true, 29);
  EXPECT_THAT(node.hot(), ElementsAre("notify 2", "kill 2"));
}

TEST(PressureCalm, ForgetTakesEvidenceAndVictim) {
  Node node = make_case_6(PressureAction::kStop);
  node.quiet_ticks(true, 9);
  node.machine().forget();
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0", "stop 0"));
  node.machine().forget();
  node.quiet_ticks(true, 9);
  EXPECT_EQ(node.state().counts.victims, 1U);
  EXPECT_EQ(node.state().counts.hot_ticks, 28U);
}

// ---- Time

TEST(PressureTime, AGapIsOneTickAndOneInterval) {
  Node node = make_case_6(PressureAction::kStop);
  node.quiet_ticks(true, 5);
  node.now_ns += 3'600 * kSecond;
  node.quiet_ticks(true, 4);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0", "stop 0"));
  node.now_ns += 3'600 * kSecond;  // with this gap's own tick: one second of 30
  node.quiet_ticks(true, 29);
  EXPECT_THAT(node.hot(), ElementsAre("kill 0"));
}

TEST(PressureTime, UpToThreeIntervalsIsTimeThatPassed) {
  Node node = make_case_6(PressureAction::kStop);
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0", "stop 0"));
  for (int i = 0; i < 9; ++i) {
    node.now_ns += 2 * kSecond;
    ASSERT_THAT(node.hot(), IsEmpty());
  }
  node.now_ns += 2 * kSecond;
  EXPECT_THAT(node.hot(), ElementsAre("kill 0"));
}

TEST(PressureTime, BackwardsIsNoTime) {
  Node node = make_case_6(PressureAction::kStop);
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0", "stop 0"));
  node.now_ns -= 500 * kSecond;
  node.quiet_ticks(true, 30);  // the first of them took no time
  EXPECT_THAT(node.hot(), ElementsAre("kill 0"));
}

TEST(PressureTime, ASampleRightAfterAnotherIsNoTick) {
  Node node = make_case_6(PressureAction::kNotify);
  for (int i = 0; i < 4; ++i) {
    node.quiet_ticks(true, 1);
    node.now_ns -= kSecond - kSecond / 5;
    node.quiet_ticks(true, 1);  // 0.2 s later
    node.now_ns += kSecond - kSecond / 5;
  }
  EXPECT_EQ(node.state().hot_ticks, 4U);
}

}  // namespace
}  // namespace slotd::broker
