// `wait`: how much room there is, when nothing is held, and what is told of it.
#include <gtest/gtest.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include "tests/support/heap_segment.hpp"
#include "tests/unit/ctl_snapshot_support.hpp"
#include "tools/slotctl/commands/wait.hpp"
#include "tools/slotctl/following.hpp"

namespace slotd::ctl {
namespace {

using testing::HeapSegment;
using testing::kParticipant;
using testing::kRoomComposite;
using testing::kTrack;

constexpr std::uint32_t kMany = 1000;

/// An owner whose process is there: slots of owners that are gone count as given back.
ProcessRef add_living(const HeapSegment& segment) {
  return segment.add_process(static_cast<std::uint32_t>(::getpid()));
}

/// 10 cores, of which 8 may be promised.
broker::LedgerSpec ten_cores() { return testing::make_spec(10'000'000); }

TEST(CountRoom, IsWhatTheBudgetLeaves) {
  const HeapSegment segment(ten_cores());
  const Room room = count_room(segment.processes(), kParticipant, kMany);
  EXPECT_EQ(room.jobs, 4U) << "8 cores, 2 each";
  EXPECT_EQ(room.next.reason, Reason::kCpu);
  EXPECT_EQ(room.next.required_micro, 2'000'000);
  EXPECT_EQ(room.next.available_micro, 0);
  EXPECT_EQ(count_room(segment.processes(), kParticipant, 3).jobs, 3U) << "no more than asked for";
  ASSERT_TRUE(segment.claim(add_living(segment), kTrack).verdict);
  EXPECT_EQ(count_room(segment.processes(), kParticipant, kMany).jobs, 3U) << "7.5 cores left";
}

TEST(CountRoom, OnlyTheFirstFindsAnIdleNode) {
  broker::LedgerSpec spec = ten_cores();
  spec.types[kRoomComposite].cost_milli = 9'000;
  const HeapSegment segment(spec);
  const Room room = count_room(segment.processes(), kRoomComposite, kMany);
  EXPECT_EQ(room.jobs, 1U);
  EXPECT_EQ(room.next.available_micro, -1'000'000);
}

TEST(CountRoom, IsWhatTheLimitLeaves) {
  broker::LedgerSpec spec = ten_cores();
  spec.types[kTrack].limit = 3;
  const HeapSegment segment(spec);
  ASSERT_TRUE(segment.claim(add_living(segment), kTrack).verdict);
  const Room room = count_room(segment.processes(), kTrack, kMany);
  EXPECT_EQ(room.jobs, 2U);
  EXPECT_EQ(room.next.reason, Reason::kTypeLimit);
  EXPECT_EQ(room.next.limit, 3U);
  EXPECT_EQ(room.next.in_use, 3U);
  segment.view().limit_override(kTrack).word.store(1 + 1);
  EXPECT_EQ(count_room(segment.processes(), kTrack, kMany).jobs, 0U) << "by the operator's word";
}

TEST(CountRoom, IsWhatTheGroupLeaves) {
  broker::LedgerSpec spec = ten_cores();
  broker::LedgerGroup group;
  group.name = "pulse";
  group.limit = 5;
  group.weights[kTrack] = 2;
  spec.groups = {group};
  const HeapSegment segment(spec);
  const Room room = count_room(segment.processes(), kTrack, kMany);
  EXPECT_EQ(room.jobs, 2U);
  EXPECT_EQ(room.next.reason, Reason::kGroupLimit);
  EXPECT_EQ(room.next.in_use, 4U);
}

TEST(CountRoom, IsWhatTheMemoryLeaves) {
  broker::LedgerSpec spec = ten_cores();
  spec.memory_max_bytes = 1000;
  spec.memory_headroom_bytes = 100;
  spec.types[kTrack].memory_bytes = 300;
  const HeapSegment segment(spec);
  const Room room = count_room(segment.processes(), kTrack, kMany);
  EXPECT_EQ(room.jobs, 2U) << "a third makes 900, and 100 of headroom reach the max";
  EXPECT_EQ(room.next.reason, Reason::kMemory);
  EXPECT_EQ(room.next.memory_used, 600U);
}

TEST(CountRoom, IsWhatTheTableLeaves) {
  const HeapSegment segment(ten_cores(), {4, 16});
  const ProcessRef owner = add_living(segment);
  ASSERT_TRUE(segment.claim(owner, kTrack).verdict);
  segment.put_word(3, SlotWord::make(owner.index, SlotState::kClaiming, kTrack, 500, 1));
  const Room room = count_room(segment.processes(), kTrack, kMany);
  EXPECT_EQ(room.jobs, 2U) << "one is held, one is being written";
  EXPECT_EQ(room.next.reason, Reason::kTableFull);
  EXPECT_EQ(room.next.in_use, 4U);
}

TEST(CountRoom, DrainedTypesHaveNone) {
  const HeapSegment segment(ten_cores());
  segment.view().header().drain.store(1U << kTrack);
  EXPECT_EQ(count_room(segment.processes(), kTrack, 1).next.reason, Reason::kDraining);
  EXPECT_EQ(count_room(segment.processes(), kParticipant, 1).jobs, 1U);
  segment.view().header().drain.store(kDrainAll);
  EXPECT_EQ(count_room(segment.processes(), kParticipant, 1).jobs, 0U);
}

TEST(CountRoom, SlotsOfTheDeadAreRoom) {
  broker::LedgerSpec spec = ten_cores();
  spec.types[kTrack].limit = 2;
  const HeapSegment segment(spec);
  const ProcessRef dead = add_living(segment);
  ASSERT_TRUE(segment.claim(dead, kTrack).verdict);
  ASSERT_TRUE(segment.claim(add_living(segment), kTrack).verdict);
  EXPECT_EQ(count_room(segment.processes(), kTrack, kMany).jobs, 0U);
  segment.mark_dead(dead);
  EXPECT_EQ(count_room(segment.processes(), kTrack, kMany).jobs, 1U);
}

/// As many as it says are admitted, and not one more: beside each type in turn.
TEST(CountRoom, IsWhatClaimsGet) {
  for (std::uint32_t beside = 0; beside < 5; ++beside) {
    for (std::uint32_t type = 0; type < 5; ++type) {
      broker::LedgerSpec spec = ten_cores();
      spec.types[kTrack].limit = 7;
      const HeapSegment segment(spec);
      const ProcessRef owner = add_living(segment);
      ASSERT_TRUE(segment.claim(owner, beside).verdict);
      const std::uint32_t jobs = count_room(segment.processes(), type, kMany).jobs;
      for (std::uint32_t i = 0; i < jobs; ++i) EXPECT_TRUE(segment.claim(owner, type).verdict);
      EXPECT_FALSE(segment.claim(owner, type).verdict) << type << " beside " << beside;
    }
  }
}

TEST(CountHeld, CountsWhatTheLivingHold) {
  const HeapSegment segment(ten_cores());
  EXPECT_TRUE(count_held(segment.processes()).is_idle());
  const ProcessRef dead = add_living(segment);
  ASSERT_TRUE(segment.claim(dead, kTrack).verdict);
  ASSERT_TRUE(segment.claim(add_living(segment), kTrack).verdict);
  EXPECT_EQ(count_held(segment.processes()).slots, 2U);
  segment.mark_dead(dead);
  EXPECT_EQ(count_held(segment.processes()).slots, 1U);
}

TEST(CountHeld, ARebuiltSegmentIsNotIdleUntilItsHoldersHadTheirTime) {
  const HeapSegment segment(ten_cores());
  Header& header = segment.view().header();
  header.drain.store(kDrainRebuild);
  header.created_at_ns.set(segment.processes().clock().coarse_ns());
  EXPECT_FALSE(count_held(segment.processes()).is_idle());
  EXPECT_EQ(count_room(segment.processes(), kTrack, 1).next.reason, Reason::kDraining);
  header.created_at_ns.set(header.created_at_ns.get() - kLongestSettlingNs - 1);
  EXPECT_TRUE(count_held(segment.processes()).is_idle()) << "the broker did not live to end it";
  EXPECT_EQ(count_room(segment.processes(), kTrack, 1).jobs, 1U);
}

TEST(WaitAnswers, Idle) {
  WaitState state;
  state.met = true;
  EXPECT_EQ(print_json(wait_json(state, 1.25)),
            R"({"schema":1,"condition":"idle","met":true,"waited":1.25,"held":0,)"
            R"("settling":false})");
  EXPECT_EQ(wait_text(state, Charset::kUtf8), "idle");
  state.met = false;
  state.held = {1, false};
  EXPECT_EQ(problems("wait", print_json(wait_json(state, 0))), "");
  EXPECT_EQ(wait_text(state, Charset::kUtf8), "1 slot is held");
  state.held = {2, true};
  EXPECT_EQ(wait_text(state, Charset::kUtf8), "2 slots are held, and holders are coming back");
}

TEST(WaitAnswers, Free) {
  WaitState state;
  state.type = "participant";
  state.wanted = 3;
  state.jobs = 1;
  state.refusal.type = "participant";
  state.refusal.verdict.reason = Reason::kTypeLimit;
  state.refusal.verdict.limit = 3;
  state.refusal.verdict.in_use = 3;
  const std::string text = print_json(wait_json(state, 2));
  EXPECT_EQ(problems("wait", text), "");
  EXPECT_EQ(text, R"({"schema":1,"condition":"free","met":false,"waited":2.0,"type":"participant",)"
                  R"("free":3,"room":1,"refusal":"type_limit","limit":3,"in_use":3})");
  EXPECT_EQ(wait_text(state, Charset::kUtf8),
            "participant: room for 1 of 3; type_limit: 3 of 3 in use");
  state.met = true;
  state.jobs = 3;
  EXPECT_EQ(problems("wait", print_json(wait_json(state, 2))), "");
  EXPECT_EQ(wait_text(state, Charset::kUtf8), "participant: room for 3");
}

TEST(Polling, PausesGrowByHalfTo200Ms) {
  std::uint64_t pause = Polling::kFirstPauseMs;
  for (const std::uint64_t expected : {30U, 45U, 67U, 100U, 150U, 200U, 200U}) {
    pause = Polling::next_pause_ms(pause);
    EXPECT_EQ(pause, expected);
  }
}

TEST(Polling, EndsAtItsBound) {
  Polling none(0);
  EXPECT_FALSE(none.sleep());
  // 20, 30 and what is left; fewer where the machine lets a sleep last longer.
  Polling some(60);
  int sleeps = 0;
  while (some.sleep()) ++sleeps;
  EXPECT_LE(sleeps, 3);
  EXPECT_GE(some.waited_s(), 0.060);
}

TEST(Replacement, WhatTimeDoesNotChangeIsNotWaitedFor) {
  EXPECT_TRUE(may_be_replaced(Errc::kRetired));
  EXPECT_TRUE(may_be_replaced(Errc::kNoSegment));
  EXPECT_FALSE(may_be_replaced(Errc::kPermissionDenied));
  EXPECT_FALSE(may_be_replaced(Errc::kLayoutMismatch));
}

}  // namespace
}  // namespace slotd::ctl
