// The pressure policy over injected samples: worked case 6 with its numbers, levels, and who is the
// victim.
#include "broker/pressure/pressure.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/unit/pressure_support.hpp"

namespace slotd::broker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

// ---- Worked case 6, by its own numbers

TEST(PressureCase6, AIsTheVictimAtTheTenthTickAndNobodyForTheNext30Seconds) {
  Node node = make_case_6(PressureAction::kStop);
  node.level = load_ppb(2'400'000 + 1'500'000, 4 * kCore);
  ASSERT_EQ(*node.level, 975'000'000U);
  for (int i = 1; i <= 9; ++i) ASSERT_THAT(node.tick(), IsEmpty()) << i;
  EXPECT_THAT(node.tick(), ElementsAre("notify 0", "stop 0"));
  EXPECT_EQ(node.last.finding, PressureFinding::kVictim);
  EXPECT_EQ(node.last.victim, make_job(0, 2'400'000, 2 * kCore));
  for (int i = 1; i <= 29; ++i) ASSERT_THAT(node.tick(), IsEmpty()) << i << " s later";
  EXPECT_THAT(node.tick(), ElementsAre("kill 0"));
}

TEST(PressureCase6, NineHotFourCoolOneHotIsAVictim) {
  Node node = make_case_6(PressureAction::kNotify);
  node.quiet_ticks(true, 9);
  node.quiet_ticks(false, 4);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0"));
}

TEST(PressureCase6, NineHotFiveCoolOneHotIsNone) {
  Node node = make_case_6(PressureAction::kNotify);
  node.quiet_ticks(true, 9);
  node.quiet_ticks(false, 5);
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0"));
}

TEST(PressureCase6, LowTicksCountInARow) {
  Node node = make_case_6(PressureAction::kNotify);
  node.quiet_ticks(true, 8);
  node.quiet_ticks(false, 4);
  node.quiet_ticks(true, 1);
  node.quiet_ticks(false, 4);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0"));
}

TEST(PressureCase6, OneJobAt100PercentNever) {
  Node node = make_case_6(PressureAction::kKill);
  node.jobs = {make_job(0, 4 * kCore, 2 * kCore)};
  node.tracked = 4 * kCore;
  node.level = load_ppb(4 * kCore, 4 * kCore);
  for (int i = 0; i < 200; ++i) ASSERT_THAT(node.tick(), IsEmpty());
}

TEST(PressureCase6, TwoAt1_95Never) {
  Node node = make_case_6(PressureAction::kKill);
  node.jobs = {make_job(0, 1'950'000, 2 * kCore), make_job(1, 1'950'000, 2 * kCore)};
  node.level = load_ppb(3'900'000, 4 * kCore);
  int news = 0;
  for (int i = 1; i <= 200; ++i) {
    ASSERT_THAT(node.tick(), IsEmpty());
    EXPECT_EQ(node.last.finding, i < 10 ? PressureFinding::kNone : PressureFinding::kNobody);
    news += node.last.is_news ? 1 : 0;
  }
  EXPECT_EQ(news, 1);
  EXPECT_EQ(node.state().counts.nobody, 1U);
}

// ---- Levels and thresholds

TEST(PressureLevel, ALoadAtTheThresholdIsNotHot) {
  Node node = make_case_6(PressureAction::kNotify);
  node.level = 950'000'000;
  for (int i = 0; i < 20; ++i) ASSERT_THAT(node.tick(), IsEmpty());
  EXPECT_FALSE(node.state().is_heated);
  node.level = 950'000'001;
  for (int i = 0; i < 9; ++i) ASSERT_THAT(node.tick(), IsEmpty());
  EXPECT_THAT(node.tick(), ElementsAre("notify 0"));
}

TEST(PressureLevel, AboveAUtilisationOf0_95ItIsHalfWayTo1) {
  EXPECT_EQ(effective_threshold_ppb(950'000'000, 800'000'000), 950'000'000U);
  EXPECT_EQ(effective_threshold_ppb(950'000'000, 949'999'999), 950'000'000U);
  EXPECT_EQ(effective_threshold_ppb(950'000'000, 950'000'000), 975'000'000U);
  EXPECT_EQ(effective_threshold_ppb(950'000'000, 980'000'000), 990'000'000U);
  EXPECT_EQ(effective_threshold_ppb(950'000'000, 1'000'000'000), 1'000'000'000U);
  EXPECT_EQ(effective_threshold_ppb(990'000'000, 960'000'000), 990'000'000U);
  Config config;
  config.cpu.max_utilization_ppb = 960'000'000;
  EXPECT_EQ(make_cpu_rules(config).limit, 980'000'000U);
}

TEST(PressureLevel, LoadsAreExactAndMayBeAbove1) {
  EXPECT_EQ(load_ppb(0, 4 * kCore), 0U);
  EXPECT_EQ(load_ppb(8 * kCore, 4 * kCore), 2'000'000'000U);
  EXPECT_EQ(load_ppb(1, 3), 333'333'333U);
  EXPECT_EQ(load_ppb(5 * kCore, 0), 0U);
}

TEST(PressureLevel, JobsAreToBlameAboveTheBudgetOrTheThreshold) {
  EXPECT_EQ(blameless_micro(3'200'000, 4 * kCore, 950'000'000), 3'200'000U);
  EXPECT_EQ(blameless_micro(3'200'000, 4 * kCore, 700'000'000), 2'800'000U);
}

TEST(PressureLevel, WhatIsNotKnownIsLow) {
  Node node = make_case_6(PressureAction::kNotify);
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0"));
  node.level.reset();
  for (int i = 0; i < 4; ++i) ASSERT_THAT(node.tick(), IsEmpty());
  EXPECT_THAT(node.tick(), ElementsAre("calm 0"));
}

TEST(PressurePsi, IsASecondCondition) {
  Config config = make_config(PressureAction::kNotify);
  config.pressure.psi_ppb = 400'000'000;
  Node node(make_cpu_rules(config));
  node.jobs = make_case_6(PressureAction::kNotify).jobs;
  node.quiet_ticks(true, 30);  // the kernel does not say
  EXPECT_EQ(node.state().counts.hot_ticks, 0U);
  node.psi = 399'999'999;
  node.quiet_ticks(true, 30);
  EXPECT_EQ(node.state().counts.hot_ticks, 0U);
  node.psi = 400'000'000;
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0"));
}

TEST(PressurePsi, IsNotAskedByDefault) {
  Node node = make_case_6(PressureAction::kNotify);
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0"));
}

// ---- Who

TEST(PressureVictim, IsTheLargestOfThoseAboveTheirOwnCost) {
  Node node = make_case_6(PressureAction::kNotify);
  node.jobs = {make_job(3, 3'900'000, 4 * kCore), make_job(5, 1'200'000, 1 * kCore),
               make_job(4, 1'300'000, 1 * kCore), make_job(6, 700'000, 500'000)};
  node.tracked = 7'100'000;
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 4"));
}

TEST(PressureVictim, OfTwoEqualsTheLowerSlot) {
  for (const bool swapped : {false, true}) {
    Node node = make_case_6(PressureAction::kNotify);
    node.jobs = {make_job(9, 2'400'000, 2 * kCore), make_job(8, 2'400'000, 2 * kCore)};
    if (swapped) std::swap(node.jobs[0], node.jobs[1]);
    node.quiet_ticks(true, 9);
    EXPECT_THAT(node.hot(), ElementsAre("notify 8"));
  }
}

TEST(PressureVictim, IsTakenAsSoonAsSomebodyIsAboveItsCost) {
  Node node = make_case_6(PressureAction::kNotify);
  node.jobs[0].used = 2 * kCore;
  node.quiet_ticks(true, 25);
  node.jobs[0].used = 2 * kCore + 1;
  EXPECT_THAT(node.hot(), ElementsAre("notify 0"));
}

TEST(PressureVictim, IsNoJobThatIsEndingAnyway) {
  Node node = make_case_6(PressureAction::kNotify);
  node.jobs.push_back(make_job(2, 2'100'000, 2 * kCore));
  node.jobs[0].is_ending = true;
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 2"));
}

TEST(PressureVictim, NeedsTwoJobsOneThatIsEndingIsNone) {
  Node node = make_case_6(PressureAction::kNotify);
  node.jobs[1].is_ending = true;
  node.quiet_ticks(true, 50);
}

// A job that had the node for itself is not stopped because a second one comes.
TEST(PressureVictim, TheTimeAloneIsNoEvidence) {
  Node node = make_case_6(PressureAction::kNotify);
  const PressureJob second = node.jobs[1];
  node.end_job(1);
  node.quiet_ticks(true, 50);
  node.jobs.push_back(second);
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0"));
}

TEST(PressureVictim, AProcessOfSeveralSlotsIsJudgedBySlotAndKilledOnce) {
  Config config = make_config(PressureAction::kKill);
  config.pressure.grace_ms = 0;
  Node node(make_cpu_rules(config));
  node.jobs = {make_job(0, 2'400'000, 2 * kCore), make_job(1, 2'300'000, 2 * kCore),
               make_job(2, 2'100'000, 2 * kCore)};
  node.jobs[1].owner = node.jobs[0].owner;
  node.jobs[1].attach = node.jobs[0].attach;
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0", "kill 0"));
  std::vector<std::string> next;
  for (int i = 0; i < 12 && next.empty(); ++i) next = node.hot();
  EXPECT_THAT(next, ElementsAre("notify 2", "kill 2"));
}

// ---- Untracked heat

TEST(PressureUntracked, NothingIsDoneForTheSakeOfOthers) {
  Node node = make_case_6(PressureAction::kKill);
  node.tracked = node.blameless;
  int news = 0;
  for (int i = 1; i <= 60; ++i) {
    ASSERT_THAT(node.hot(), IsEmpty());
    EXPECT_EQ(node.last.finding, i < 10 ? PressureFinding::kNone : PressureFinding::kUntracked);
    news += node.last.is_news ? 1 : 0;
  }
  EXPECT_EQ(news, 1);
  EXPECT_EQ(node.state().counts.untracked, 1U);
  EXPECT_EQ(node.state().hot_ticks, 10U) << "evidence stays counted";
  node.tracked = node.blameless + 1;
  EXPECT_THAT(node.hot(), ElementsAre("notify 0", "kill 0"));
}

TEST(PressureUntracked, IsToldOnceAHeat) {
  Node node = make_case_6(PressureAction::kKill);
  node.tracked = 0;
  for (int heat = 0; heat < 3; ++heat) {
    node.quiet_ticks(true, 20);
    node.quiet_ticks(false, 5);
  }
  EXPECT_EQ(node.state().counts.untracked, 3U);
  EXPECT_EQ(node.state().counts.heats, 3U);
}

TEST(PressureUntracked, AStoppedJobIsNotKilledForThem) {
  Node node = make_case_6(PressureAction::kStop);
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0", "stop 0"));
  node.tracked = node.blameless;
  node.quiet_ticks(true, 60);
  node.tracked = node.blameless + 1;
  EXPECT_THAT(node.hot(), ElementsAre("kill 0"));
}

}  // namespace
}  // namespace slotd::broker
