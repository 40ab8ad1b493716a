// The pressure policy for memory: one job is enough, and time above the limit is the evidence.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/pressure/pressure.hpp"
#include "tests/unit/pressure_support.hpp"

namespace slotd::broker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

Node make_memory_node(PressureAction action, std::uint64_t grace_ms) {
  Config config = make_config(action);
  config.memory.max_bytes = 8 * kGiB;
  config.pressure.memory_grace_ms = grace_ms;
  Node node(make_memory_rules(config));
  node.tracked = 8 * kGiB + 1;
  node.blameless = 8 * kGiB;
  node.jobs = {make_job(0, 5 * kGiB, 6 * kGiB), make_job(1, 2 * kGiB, 1 * kGiB),
               make_job(2, 1 * kGiB, 0)};
  return node;
}

TEST(PressureMemory, WithoutAGraceTheFirstSampleAboveMaxIsEnough) {
  Node node = make_memory_node(PressureAction::kNotify, 0);
  node.quiet_ticks(false, 10);
  EXPECT_THAT(node.hot(), ElementsAre("notify 1")) << "the largest of those above their cost";
  EXPECT_THAT(node.low(), ElementsAre("calm 1"));
}

TEST(PressureMemory, TheLargestOfAllWhereNobodyIsAboveItsCost) {
  Node node = make_memory_node(PressureAction::kNotify, 0);
  node.jobs = {make_job(0, 3 * kGiB, 6 * kGiB), make_job(1, 5 * kGiB, 6 * kGiB)};
  EXPECT_THAT(node.hot(), ElementsAre("notify 1"));
}

TEST(PressureMemory, OneJobIsEnough) {
  Node node = make_memory_node(PressureAction::kKill, 0);
  node.jobs = {make_job(4, 9 * kGiB, 1 * kGiB)};
  EXPECT_THAT(node.hot(), ElementsAre("notify 4", "kill 4"));
}

TEST(PressureMemory, OffIsNeverHot) {
  Node node(make_memory_rules(Config{}));
  node.jobs = {make_job(0, 5 * kGiB, 1)};
  node.tracked = 5 * kGiB;
  node.level = 5 * kGiB;
  for (int i = 0; i < 20; ++i) ASSERT_THAT(node.tick(), IsEmpty());
}

TEST(PressureMemory, TheGraceIsWithoutInterruption) {
  Node node = make_memory_node(PressureAction::kNotify, 10'000);
  node.quiet_ticks(true, 10);  // above for 9 s
  node.quiet_ticks(false, 1);
  node.quiet_ticks(true, 10);
  EXPECT_THAT(node.hot(), ElementsAre("notify 1")) << "above for 10 s";
}

TEST(PressureMemory, AGapIsOneIntervalOfTheGrace) {
  Node node = make_memory_node(PressureAction::kNotify, 10'000);
  node.quiet_ticks(true, 2);
  node.now_ns += 600 * kSecond;
  node.quiet_ticks(true, 8);
  EXPECT_THAT(node.hot(), ElementsAre("notify 1"));
}

TEST(PressureMemory, StopKillsAfterTheGraceAnew) {
  Node node = make_memory_node(PressureAction::kStop, 10'000);
  node.quiet_ticks(true, 10);
  EXPECT_THAT(node.hot(), ElementsAre("notify 1", "stop 1"));
  node.quiet_ticks(true, 9);
  EXPECT_THAT(node.hot(), ElementsAre("kill 1"));
  node.quiet_ticks(true, 10);
  EXPECT_THAT(node.hot(), ElementsAre("notify 2", "stop 2")) << "1 cannot die";
}

TEST(PressureMemory, WithoutAGraceStopHasOneTick) {
  Node node = make_memory_node(PressureAction::kStop, 0);
  EXPECT_THAT(node.hot(), ElementsAre("notify 1", "stop 1"));
  EXPECT_THAT(node.hot(), ElementsAre("kill 1"));
  EXPECT_THAT(node.hot(), ElementsAre("notify 2", "stop 2"));
}

TEST(PressureMemory, RulesComeFromTheConfig) {
  Config config;
  config.memory.max_bytes = 123;
  config.pressure.memory_grace_ms = 2'500;
  config.pressure.psi_ppb = 5;
  const PressureRules rules = make_memory_rules(config);
  EXPECT_EQ(rules.limit, 123U);
  EXPECT_EQ(rules.sustained_ns, 2'500'000'000U);
  EXPECT_EQ(rules.grace_ns, 2'500'000'000U);
  EXPECT_EQ(rules.psi_ppb, 0U) << "it is the CPU's";
}

// One low tick among those that do not end a heat breaks the time above the limit all the same.
TEST(PressureMemory, SustainedIsWithoutALowTickWhateverEndsTheHeat) {
  PressureRules rules;
  rules.limit = 100;
  rules.reset_ticks = 3;
  rules.sustained_ns = 4 * kSecond;
  Node node(rules);
  node.tracked = 101;
  node.blameless = 100;
  node.jobs = {make_job(0, 101, 50)};
  node.quiet_ticks(true, 4);
  node.quiet_ticks(false, 1);
  node.quiet_ticks(true, 4);
  EXPECT_THAT(node.hot(), ElementsAre("notify 0"));
}

}  // namespace
}  // namespace slotd::broker
