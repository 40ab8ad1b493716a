// Steps in the life of a slot, each once and each out of turn.
#include "slotd/slot_table.hpp"

#include <gtest/gtest.h>

#include "tests/support/heap_segment.hpp"

namespace slotd {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the support names of this room

class SlotSteps : public ::testing::Test {
 protected:
  void SetUp() override {
    const ClaimResult result = segment_.claim(me_, kTrack, 0, "EG_1");
    ASSERT_TRUE(result.verdict);
    ref_ = {result.slot, result.word.generation(), result.nonce};
    token_ = {segment_.view().segment_id(), result.slot, result.nonce, result.word.generation()};
  }
  HeapSegment segment_{make_spec(12'000'000)};
  ProcessRef me_ = segment_.add_process(11);
  ProcessRef other_ = segment_.add_process(12);
  SlotRef ref_;
  Token token_;
};

TEST_F(SlotSteps, PendingActiveEndingFree) {
  const SegmentView view = segment_.view();
  EXPECT_EQ(activate_slot(view, ref_, 7 * kNsPerMs).word.state(), SlotState::kActive);
  EXPECT_EQ(unpack_activation_ms(ref_.nonce, view.record(ref_.slot).activated.get()), 7U);
  EXPECT_EQ(activate_slot(view, ref_, 9 * kNsPerMs).code, Errc::kOk)
      << "activating twice is no error";
  EXPECT_EQ(unpack_activation_ms(ref_.nonce, view.record(ref_.slot).activated.get()), 7U);
  EXPECT_EQ(end_slot(view, ref_).word.state(), SlotState::kEnding);
  EXPECT_EQ(activate_slot(view, ref_, 9 * kNsPerMs).code, Errc::kWrongState);
  EXPECT_EQ(end_slot(view, ref_).code, Errc::kOk);
  EXPECT_EQ(release_slot(view, ref_).code, Errc::kOk);
  EXPECT_EQ(segment_.word(ref_.slot).raw, SlotWord::make(0, SlotState::kFree, 0, 0, 1).raw);
}

TEST_F(SlotSteps, EverythingAfterReleaseIsStale) {
  const SegmentView view = segment_.view();
  ASSERT_EQ(release_slot(view, ref_).code, Errc::kOk);
  EXPECT_EQ(release_slot(view, ref_).code, Errc::kStaleToken);
  EXPECT_EQ(activate_slot(view, ref_, 1).code, Errc::kStaleToken);
  EXPECT_EQ(end_slot(view, ref_).code, Errc::kStaleToken);
  EXPECT_EQ(transfer_slot(segment_.processes(), me_, ref_, other_).code, Errc::kStaleToken);
  ASSERT_TRUE(segment_.claim(other_, kTrack).verdict);
  EXPECT_EQ(release_slot(view, ref_).code, Errc::kStaleToken)
      << "the next claim of the slot is another one";
  EXPECT_TRUE(segment_.word(ref_.slot).is_held());
}

TEST_F(SlotSteps, TransferMakesTheOldNameStaleAndKeepsTheClaim) {
  const SegmentView view = segment_.view();
  const StepResult moved = transfer_slot(segment_.processes(), me_, ref_, other_);
  ASSERT_EQ(moved.code, Errc::kOk);
  EXPECT_EQ(moved.word.owner(), other_.index);
  EXPECT_EQ(moved.word.generation(), ref_.generation + 1);
  EXPECT_EQ(view.record(ref_.slot).nonce.get(), token_.nonce);
  EXPECT_EQ(release_slot(view, ref_).code, Errc::kStaleToken);
  EXPECT_EQ(check_token(view, token_), Errc::kStaleToken);
  EXPECT_EQ(release_slot(view, {ref_.slot, moved.word.generation(), ref_.nonce}).code, Errc::kOk);
  EXPECT_EQ(view.process(me_.index).hazard.load(), 0U);
}

TEST_F(SlotSteps, TransferToATenancyThatHasEndedMovesNothing) {
  const SegmentView view = segment_.view();
  const SlotWord before = segment_.word(ref_.slot);
  view.process(other_.index).attach.fetch_add(1);
  EXPECT_EQ(transfer_slot(segment_.processes(), me_, ref_, other_).code, Errc::kNoSuchProcess);
  EXPECT_EQ(segment_.word(ref_.slot), before);
  EXPECT_EQ(view.process(me_.index).hazard.load(), 0U);
}

TEST_F(SlotSteps, TokensOfOtherSegmentsSlotsAndClaims) {
  const SegmentView view = segment_.view();
  EXPECT_EQ(check_token(view, token_), Errc::kOk);
  Token token = token_;
  token.segment_id += 1;
  EXPECT_EQ(check_token(view, token), Errc::kForeignToken);
  token = token_;
  token.nonce += 1;
  EXPECT_EQ(check_token(view, token), Errc::kStaleToken);
  token = token_;
  token.generation += 1;
  EXPECT_EQ(check_token(view, token), Errc::kStaleToken);
  token = token_;
  token.slot = 4095;  // beyond this table
  EXPECT_EQ(check_token(view, token), Errc::kStaleToken);
}

// 2^26 claims later a slot shows the same generation again.
TEST_F(SlotSteps, TheSameGenerationOfAnotherClaimIsStale) {
  segment_.view().record(ref_.slot).nonce.set(token_.nonce + 1);
  EXPECT_EQ(release_slot(segment_.view(), ref_).code, Errc::kStaleToken);
  EXPECT_EQ(activate_slot(segment_.view(), ref_, 1).code, Errc::kStaleToken);
  EXPECT_TRUE(segment_.word(ref_.slot).is_held());
}

TEST_F(SlotSteps, ForcedFreeTakesHeldWordsOnly) {
  const SegmentView view = segment_.view();
  EXPECT_EQ(force_free_slot(view, ref_.slot).code, Errc::kOk);
  EXPECT_EQ(force_free_slot(view, ref_.slot).code, Errc::kWrongState);
  EXPECT_EQ(release_slot(view, ref_).code, Errc::kStaleToken);
  segment_.put_word(7, SlotWord::make(me_.index, SlotState::kTentative, kTrack, 1, 1));
  EXPECT_EQ(force_free_slot(view, 7).code, Errc::kWrongState);
}

TEST_F(SlotSteps, ReapFreesTheDeadAndOnlyThem) {
  ASSERT_TRUE(segment_.claim(other_, kTrack).verdict);
  EXPECT_EQ(reap_all(segment_.processes(), ProbeMode::kMarkOnly), 0U);
  segment_.mark_dead(me_);
  EXPECT_EQ(reap_all(segment_.processes(), ProbeMode::kMarkOnly), 1U);
  EXPECT_TRUE(segment_.word(ref_.slot).is_free());
  EXPECT_EQ(reap_all(segment_.processes(), ProbeMode::kMarkOnly), 0U);
  EXPECT_TRUE(segment_.word(1).is_held());
}

TEST_F(SlotSteps, MarkAloneDoesNotFreeWhatIsStillWrittenOrStillInMemory) {
  const SegmentView view = segment_.view();
  ASSERT_TRUE(
      segment_.claim(me_, kTrack, 0, "EG_2", 1 << 20).verdict);  // slot 1, with a memory cost
  segment_.put_word(2, SlotWord::make(me_.index, SlotState::kClaiming, kTrack, 1, 1));
  view.process(me_.index).watched.store(me_.attach);
  // A live broker: an armed entry and a fresh heartbeat.
  const ProcessRef broker_entry = segment_.add_process(13);
  view.header().broker.store(pack_process_ref(broker_entry));
  broker::Sample sample;
  sample.sampled_at_ns = segment_.processes().clock().coarse_ns();
  broker::publish_sample(view, sample);
  segment_.mark_dead(me_);
  EXPECT_EQ(reap_all(segment_.processes(), ProbeMode::kMarkOnly), 1U);
  EXPECT_TRUE(segment_.word(1).is_held())
      << "its memory outlives the mark; the broker knows when it is gone";
  EXPECT_EQ(segment_.word(2).state(), SlotState::kClaiming);
  // The process is proven gone.
  view.process(me_.index).gone.store(me_.attach);
  EXPECT_EQ(reap_all(segment_.processes(), ProbeMode::kMarkOnly), 1U);
  EXPECT_TRUE(segment_.word(1).is_free());
  EXPECT_TRUE(segment_.word(2).is_free());
}

}  // namespace
}  // namespace slotd
