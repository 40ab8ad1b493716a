// The guaranteed minimum of a type: CPU and group room that others may not take while it holds
// fewer slots than that.
#include <gtest/gtest.h>

#include "slotd/claim.hpp"
#include "slotd/queue.hpp"
#include "slotd/snapshot.hpp"
#include "tests/support/heap_segment.hpp"

namespace slotd {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the support names of this room

/// 12 cores, budget 9.6; participants (2.0 each) are sure of `minimum`.
broker::LedgerSpec make_sure_spec(std::uint32_t minimum) {
  broker::LedgerSpec spec = make_spec(12'000'000);
  spec.types[kParticipant].minimum = minimum;
  return spec;
}

class Minimum : public ::testing::Test {
 protected:
  Reason try_claim(const HeapSegment& segment, std::uint32_t type, std::uint32_t cost_milli = 0) {
    return segment.claim(me_, type, cost_milli).verdict.reason;
  }
  ProcessRef me_{};
};

TEST_F(Minimum, OthersGetWhatIsLeftOfTheBudget) {
  const HeapSegment segment(make_sure_spec(2));
  me_ = segment.add_process();
  // 9.6 - 2 x 2.0 leaves 5.6: five track composites of 1.0 and one track of 0.5.
  for (int i = 0; i < 5; ++i) EXPECT_EQ(try_claim(segment, kTrackComposite), Reason::kNone) << i;
  const ClaimResult refused = segment.claim(me_, kTrackComposite);
  EXPECT_EQ(refused.verdict.reason, Reason::kCpu);
  EXPECT_EQ(refused.verdict.available_micro, 600'000);
  EXPECT_EQ(refused.verdict.kept_micro, 4'000'000U);
  EXPECT_EQ(try_claim(segment, kTrack), Reason::kNone);
  EXPECT_EQ(try_claim(segment, kTrack), Reason::kCpu);
  // What was kept is there for those it was kept for, and for nobody else in between.
  EXPECT_EQ(try_claim(segment, kParticipant), Reason::kNone);
  EXPECT_EQ(try_claim(segment, kTrack), Reason::kCpu);
  EXPECT_EQ(try_claim(segment, kParticipant), Reason::kNone);
  EXPECT_EQ(try_claim(segment, kParticipant), Reason::kCpu) << "a third is like any other";
}

TEST_F(Minimum, AboveItNothingIsKept) {
  const HeapSegment segment(make_sure_spec(1));
  me_ = segment.add_process();
  EXPECT_EQ(try_claim(segment, kParticipant), Reason::kNone);
  EXPECT_EQ(try_claim(segment, kRoomComposite), Reason::kNone);
  const ClaimResult last = segment.claim(me_, kRoomComposite, 3600);
  EXPECT_TRUE(last.verdict) << "9.6 - 2.0 - 4.0 = 3.6";
}

TEST_F(Minimum, IsKeptAgainAfterARelease) {
  const HeapSegment segment(make_sure_spec(1));
  me_ = segment.add_process();
  const ClaimResult one = segment.claim(me_, kParticipant);
  ASSERT_TRUE(one.verdict);
  ASSERT_EQ(try_claim(segment, kRoomComposite), Reason::kNone);
  ASSERT_EQ(release_slot(segment.view(), {one.slot, one.word.generation(), one.nonce}).code,
            Errc::kOk);
  EXPECT_EQ(try_claim(segment, kRoomComposite), Reason::kCpu) << "9.6 - 4.0 - 2.0 = 3.6";
  EXPECT_EQ(try_claim(segment, kParticipant), Reason::kNone);
}

/// Above the budget the idle rule would give away what others are sure of.
TEST_F(Minimum, TheIdleRuleOffersNoMoreThanTheBudget) {
  broker::LedgerSpec spec = make_sure_spec(1);
  const HeapSegment segment(spec);
  me_ = segment.add_process();
  EXPECT_EQ(try_claim(segment, kWeb, 7601), Reason::kTooLarge) << "9.6 - 2.0 = 7.6";
  EXPECT_EQ(try_claim(segment, kWeb, 7600), Reason::kNone);
  EXPECT_EQ(try_claim(segment, kParticipant), Reason::kNone);
  const HeapSegment other(spec);
  me_ = other.add_process();
  EXPECT_EQ(try_claim(other, kParticipant, 12'000), Reason::kNone) << "its own is not kept from it";
}

TEST_F(Minimum, GroupRoomIsKeptByWeight) {
  broker::LedgerSpec spec = make_spec(100'000'000);
  spec.types[kWeb].minimum = 2;
  broker::LedgerGroup pulse;
  pulse.name = "pulse";
  pulse.limit = 20;
  pulse.weights[kWeb] = 4;
  pulse.weights[kRoomComposite] = 4;
  pulse.weights[kTrack] = 1;
  spec.groups.push_back(pulse);
  const HeapSegment segment(spec);
  me_ = segment.add_process();
  // 20 - 2 x 4 leaves 12: three room composites.
  for (int i = 0; i < 3; ++i) EXPECT_EQ(try_claim(segment, kRoomComposite), Reason::kNone) << i;
  const ClaimResult refused = segment.claim(me_, kTrack);
  EXPECT_EQ(refused.verdict.reason, Reason::kGroupLimit);
  EXPECT_EQ(refused.verdict.in_use, 12U);
  EXPECT_EQ(refused.verdict.kept_weight, 8U);
  EXPECT_EQ(try_claim(segment, kParticipant), Reason::kNone) << "not in the group";
  EXPECT_EQ(try_claim(segment, kWeb), Reason::kNone);
  EXPECT_EQ(try_claim(segment, kWeb), Reason::kNone);
  EXPECT_EQ(try_claim(segment, kTrack), Reason::kGroupLimit) << "20 of 20 in use";
}

/// No claim of a drained type is admitted, so nothing is kept for it.
TEST_F(Minimum, NothingIsKeptForADrainedType) {
  const HeapSegment segment(make_sure_spec(3));
  me_ = segment.add_process();
  EXPECT_EQ(try_claim(segment, kRoomComposite), Reason::kTooLarge) << "9.6 - 6.0 = 3.6";
  segment.view().header().drain.store(1U << kParticipant);
  EXPECT_EQ(try_claim(segment, kRoomComposite), Reason::kNone);
}

/// A tentative claim may come to nothing: it counts as CPU in use and not towards the minimum.
TEST_F(Minimum, ATentativeSlotDoesNotCountTowardsIt) {
  const HeapSegment segment(make_sure_spec(1));
  me_ = segment.add_process();
  const ProcessRef other = segment.add_process();
  ASSERT_EQ(try_claim(segment, kRoomComposite), Reason::kNone);
  // Participant with a cost of 0.1: 9.6 - 4.0 - 0.1 leaves 5.5, of which 2.0 are kept.
  segment.put_word(5, SlotWord::make(other.index, SlotState::kTentative, kParticipant, 100, 1));
  EXPECT_EQ(try_claim(segment, kRoomComposite, 3600), Reason::kContended);
  segment.put_word(5, SlotWord::make(other.index, SlotState::kPending, kParticipant, 100, 1));
  EXPECT_EQ(try_claim(segment, kRoomComposite, 3600), Reason::kNone);
}

/// Admitting is strict: a tentative slot of one's own type may be the one that its minimum is for,
/// and what others are sure of is then theirs.
TEST_F(Minimum, ATentativeSlotOfTheOwnTypeMayTakeItsPlace) {
  broker::LedgerSpec spec = make_sure_spec(1);
  spec.types[kTrackComposite].minimum = 2;
  const HeapSegment segment(spec);
  me_ = segment.add_process();
  const ProcessRef other = segment.add_process();
  ASSERT_EQ(try_claim(segment, kRoomComposite, 5600), Reason::kNone) << "9.6 - 2.0 - 2 x 1.0";
  // 9.6 - 5.6 - 0.1 leaves 3.9, of which 2.0 are kept from the second participant.
  segment.put_word(5, SlotWord::make(other.index, SlotState::kTentative, kParticipant, 100, 1));
  EXPECT_EQ(try_claim(segment, kParticipant), Reason::kContended);
  segment.put_word(5, SlotWord::make(other.index, SlotState::kPending, kParticipant, 100, 1));
  EXPECT_EQ(try_claim(segment, kParticipant), Reason::kCpu);
  segment.put_word(5, SlotWord{});
  EXPECT_EQ(try_claim(segment, kParticipant), Reason::kNone);
}

/// A refusal is exact: a tentative slot may have been held between two passes, and then nothing was
/// kept for its type.
TEST_F(Minimum, ARefusalDoesNotRestOnWhatATentativeSlotMayEase) {
  const HeapSegment segment(make_sure_spec(1));
  me_ = segment.add_process();
  const ProcessRef other = segment.add_process();
  ASSERT_EQ(try_claim(segment, kRoomComposite), Reason::kNone);
  // The held words leave 9.6 - 4.0 = 5.6, or 3.6 while there is no participant.
  EXPECT_EQ(try_claim(segment, kWeb, 5000), Reason::kCpu);
  segment.put_word(5, SlotWord::make(other.index, SlotState::kTentative, kParticipant, 100, 1));
  EXPECT_EQ(try_claim(segment, kWeb, 5000), Reason::kContended);
  EXPECT_EQ(try_claim(segment, kWeb, 5700), Reason::kCpu) << "in any case too much";
}

/// Nor on what is kept from a claim that a tentative slot of its own type may have put above its
/// minimum: nothing is said to be kept that may not have been.
TEST_F(Minimum, ARefusalWithinTheOwnMinimumSaysThatNothingIsKept) {
  broker::LedgerSpec spec = make_sure_spec(1);
  spec.types[kTrackComposite].minimum = 1;
  const HeapSegment segment(spec);
  me_ = segment.add_process();
  const ProcessRef other = segment.add_process();
  // 9.6 - 7.8 leaves 1.8.
  segment.put_word(0, SlotWord::make(other.index, SlotState::kActive, kWeb, 7800, 1));
  segment.put_word(5, SlotWord::make(other.index, SlotState::kTentative, kParticipant, 100, 1));
  const ClaimResult refused = segment.claim(me_, kParticipant);
  EXPECT_EQ(refused.verdict.reason, Reason::kCpu);
  EXPECT_EQ(refused.verdict.available_micro, 1'800'000);
  EXPECT_EQ(refused.verdict.kept_micro, 0U);
}

/// Of a slot that came and went between two passes nothing is seen but its generation.
TEST_F(Minimum, WhatMayHaveBeenHeldBetweenTwoPassesIsCountedForARefusal) {
  PassWords before;
  PassWords after;
  before.count = after.count = 4;
  const SlotWord held = SlotWord::make(1, SlotState::kActive, kParticipant, 2000, 3);
  before.words = {held.raw, 0, held.raw, SlotWord{}.raw};
  after.words = {held.raw, held.raw, held.freed().raw,
                 SlotWord::make(1, SlotState::kActive, kWeb, 1, 1).freed().raw};
  EXPECT_EQ(count_certain(before, after)[kParticipant], 1U);
  // Slot 0 throughout, 1 since (its third claim: two came and went), 2 until; 3 came and went.
  EXPECT_EQ(count_possible(before, after)[kParticipant], 3U + 2U);
  EXPECT_EQ(count_possible(before, after)[kWeb], 2U);
  // What the second pass shows is no news by its own generation.
  after.words[1] = SlotWord::make(1, SlotState::kActive, kParticipant, 2000, 1).raw;
  EXPECT_EQ(count_possible(before, after)[kParticipant], 3U + 1U);
}

TEST_F(Minimum, TheQueueKeepsItToo) {
  const HeapSegment segment(make_sure_spec(1));
  const SegmentView view = segment.view();
  Rules rules;
  load_rules(view, load_stamp(view, kWeb), kWeb, rules);
  Totals totals;
  totals.add(kRoomComposite, 4'000'000, 0);
  const Request web = make_request(view, kWeb);
  EXPECT_EQ(decide(rules, web, usage_of(rules, web, totals)).reason, Reason::kCpu);
  totals.add(kParticipant, 1'600'000, 0);
  EXPECT_TRUE(decide(rules, web, usage_of(rules, web, totals)));
}

/// What a job uses above its cost is nobody's guarantee: of two that are sure the first to come
/// gets what is left.
TEST_F(Minimum, TypesBelowTheirsDoNotRefuseEachOther) {
  broker::LedgerSpec spec = make_sure_spec(1);
  spec.types[kTrackComposite].minimum = 1;
  spec.types[kTrackComposite].cost_milli = 2000;
  const HeapSegment segment(spec);
  me_ = segment.add_process();
  ASSERT_EQ(try_claim(segment, kWeb, 5600), Reason::kNone) << "9.6 - 2 x 2.0";
  broker::Sample sample;
  const std::vector<ChargeWord> charges{
      ChargeWord::make(segment.word(0).generation(), ChargeWord::kValid, 7'000'000)};
  sample.charges = charges;
  broker::publish_sample(segment.view(), sample);
  // 9.6 - 7.0 = 2.6.
  EXPECT_EQ(try_claim(segment, kTrack), Reason::kCpu);
  EXPECT_EQ(try_claim(segment, kParticipant, 2100), Reason::kCpu)
      << "sure of its cost, not of more";
  EXPECT_EQ(try_claim(segment, kParticipant), Reason::kNone);
  EXPECT_EQ(try_claim(segment, kTrackComposite), Reason::kCpu) << "0.6 are left";
}

/// A waiter for which room is kept, and a type below its minimum, would wait for each other.
TEST_F(Minimum, RoomThatIsKeptForAWaiterIsNotTakenFromIt) {
  const HeapSegment segment(make_sure_spec(1));
  const SegmentView view = segment.view();
  std::array<Rules, 2> rules;
  load_rules(view, load_stamp(view, kWeb), kWeb, rules[0]);
  load_rules(view, load_stamp(view, kParticipant), kParticipant, rules[1]);
  const auto rules_of = [&](std::uint32_t type) -> const Rules& {
    return rules[type == kParticipant ? 1 : 0];
  };
  QueuedClaim due;
  due.request = make_request(view, kWeb);
  due.waited_ms = 5000;
  due.is_confirmed = true;
  due.entry = 1;
  QueuedClaim sure;
  sure.request = make_request(view, kParticipant);
  sure.ticket = 1;
  sure.entry = 2;
  Totals held;
  held.add(kRoomComposite, 4'000'000, 0);  // 5.6 are left, of which 2.0 are kept
  std::vector<QueuePlace> places;
  walk_queue(std::array{due, sure}, QueueRules{}, rules_of, held,
             [&](const QueuedClaim&, QueuePlace place) { places.push_back(place); });
  EXPECT_EQ(places, (std::vector{QueuePlace::kKept, QueuePlace::kGoes}));
}

/// What waits for a place in its type is not there yet: its minimum is kept as before.
TEST_F(Minimum, WhatIsKeptForAWaiterCountsTowardsNone) {
  broker::LedgerSpec spec = make_sure_spec(2);
  spec.types[kParticipant].limit = 2;
  const HeapSegment segment(spec);
  const SegmentView view = segment.view();
  Rules rules;
  load_rules(view, load_stamp(view, kWeb), kWeb, rules);
  Totals held;
  held.add(kParticipant, 2'000'000, 0);
  Totals kept;
  keep_room(make_request(view, kParticipant), Reason::kTypeLimit, kept);
  EXPECT_EQ(usage_of(rules, make_request(view, kWeb), held, kept).kept_micro, 2'000'000U);
}

TEST_F(Minimum, TheSnapshotShowsIt) {
  const HeapSegment segment(make_sure_spec(2));
  const Snapshot snapshot = read_snapshot(segment.processes());
  EXPECT_EQ(snapshot.types[kParticipant].minimum, 2U);
  EXPECT_EQ(snapshot.types[kWeb].minimum, 0U);
}

}  // namespace
}  // namespace slotd
