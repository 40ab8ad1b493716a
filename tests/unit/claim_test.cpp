// Claims on a heap segment, one at a time: admission, every refusal of the table, reaping on the
// way, records, scribbles.
#include "slotd/claim.hpp"

#include <gtest/gtest.h>

#include "tests/support/heap_segment.hpp"

namespace slotd {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the support names of this room

constexpr std::uint64_t kGiB = 1ULL << 30;

TEST(Claim, AdmittedSlotIsPendingWithItsRecord) {
  const HeapSegment segment(make_spec(12'000'000));
  const ProcessRef me = segment.add_process();
  const ClaimResult result = segment.claim(me, kParticipant, 1500, "EG_1", 5);
  ASSERT_TRUE(result.verdict);
  EXPECT_EQ(result.slot, 0U);
  const SlotWord word = segment.word(0);
  EXPECT_EQ(word.state(), SlotState::kPending);
  EXPECT_EQ(word.owner(), me.index);
  EXPECT_EQ(word.type(), kParticipant);
  EXPECT_EQ(word.cost_milli(), 1500U);
  EXPECT_EQ(word.generation(), 1U);
  const SlotRecord& record = segment.view().record(0);
  EXPECT_EQ(text_view(load_text(record.key)), "EG_1");
  EXPECT_EQ(record.memory_bytes.get(), 5U);
  EXPECT_EQ(record.nonce.get(), result.nonce);
  EXPECT_NE(result.nonce, 0U);
  EXPECT_EQ(segment.view().mark(), 1U);
}

TEST(Claim, KeylessClaimAfterAKeyedOneLeavesNoKeyBehind) {
  const HeapSegment segment(make_spec(12'000'000));
  const ProcessRef me = segment.add_process();
  const ClaimResult first = segment.claim(me, kTrack, 0, "EG_1", 7);
  ASSERT_EQ(release_slot(segment.view(), {first.slot, first.word.generation(), first.nonce}).code,
            Errc::kOk);
  const ClaimResult second = segment.claim(me, kTrack);
  ASSERT_EQ(second.slot, first.slot);
  EXPECT_EQ(segment.view().key_fingerprint(0).load(), 0U);
  EXPECT_EQ(segment.view().record(0).memory_bytes.get(), 0U);
  EXPECT_TRUE(segment.claim(me, kTrack, 0, "EG_1").verdict);
}

TEST(Claim, TypeLimitWithFigures) {
  broker::LedgerSpec spec = make_spec(100'000'000);
  spec.types[kParticipant].limit = 2;
  const HeapSegment segment(spec);
  const ProcessRef me = segment.add_process();
  EXPECT_TRUE(segment.claim(me, kParticipant).verdict);
  EXPECT_TRUE(segment.claim(me, kParticipant).verdict);
  for (const bool look_first : {false, true}) {
    const ClaimResult refused = segment.claim(me, kParticipant, 0, {}, 0, look_first);
    EXPECT_EQ(refused.verdict.reason, Reason::kTypeLimit);
    EXPECT_EQ(refused.verdict.limit, 2U);
    EXPECT_EQ(refused.verdict.in_use, 2U);
    EXPECT_TRUE(segment.word(2).is_free());
  }
  EXPECT_TRUE(segment.claim(me, kTrack).verdict);
}

TEST(Claim, OperatorsOverrideCountsWithoutTheBroker) {
  broker::LedgerSpec spec = make_spec(100'000'000);
  spec.types[kTrack].limit = 1;
  const HeapSegment segment(spec);
  const ProcessRef me = segment.add_process();
  std::atomic<std::uint64_t>& word = segment.view().limit_override(kTrack).word;
  word.store(0 + 1);
  EXPECT_EQ(segment.claim(me, kTrack).verdict.limit, 0U);
  word.store(2 + 1);
  EXPECT_TRUE(segment.claim(me, kTrack).verdict);
  EXPECT_TRUE(segment.claim(me, kTrack).verdict);
  EXPECT_EQ(segment.claim(me, kTrack).verdict.limit, 2U);
  word.store(std::uint64_t{kNoLimit} + 1);
  EXPECT_TRUE(segment.claim(me, kTrack).verdict);
}

TEST(Claim, DrainedTypeAndDrainedNode) {
  const HeapSegment segment(make_spec(100'000'000));
  const ProcessRef me = segment.add_process();
  segment.view().header().drain.store(1U << kTrack);
  EXPECT_EQ(segment.claim(me, kTrack).verdict.reason, Reason::kDraining);
  EXPECT_TRUE(segment.claim(me, kWeb).verdict);
  segment.view().header().drain.store(kDrainAll);
  EXPECT_EQ(segment.claim(me, kWeb).verdict.reason, Reason::kDraining);
}

TEST(Claim, UnknownRetiredAndOutOfRangeTypes) {
  broker::LedgerSpec spec = make_spec(100'000'000);
  spec.types[kWeb].standing = broker::Standing::kRetired;
  const HeapSegment segment(spec);
  const ProcessRef me = segment.add_process();
  for (const std::uint32_t type : {kWeb, 20U, kMaxTypes, ~0U}) {
    EXPECT_EQ(segment.claim(me, type).verdict.reason, Reason::kUnknownType) << type;
  }
}

TEST(Claim, RetiredTypesSlotsStillCount) {
  broker::LedgerSpec spec = make_spec(10'000'000);
  const HeapSegment segment(spec);
  const ProcessRef me = segment.add_process();
  ASSERT_TRUE(segment.claim(me, kWeb).verdict);
  spec.types[kWeb].standing = broker::Standing::kRetired;
  broker::publish_config(segment.view(), spec);
  const ClaimResult refused = segment.claim(me, kRoomComposite, 4001);
  EXPECT_EQ(refused.verdict.reason, Reason::kCpu);
  EXPECT_EQ(refused.verdict.available_micro, 4'000'000);
}

TEST(Claim, DuplicateKeyWhileHeldAndFreeAfterwards) {
  const HeapSegment segment(make_spec(100'000'000));
  const ProcessRef me = segment.add_process();
  const ClaimResult first = segment.claim(me, kTrack, 0, "EG_1");
  ASSERT_TRUE(first.verdict);
  EXPECT_EQ(segment.claim(me, kWeb, 0, "EG_1").verdict.reason, Reason::kDuplicateKey);
  EXPECT_TRUE(segment.claim(me, kWeb, 0, "EG_2").verdict);
  ASSERT_EQ(release_slot(segment.view(), {first.slot, first.word.generation(), first.nonce}).code,
            Errc::kOk);
  EXPECT_TRUE(segment.claim(me, kWeb, 0, "EG_1").verdict);
}

TEST(Claim, EqualFingerprintsOfDifferentKeysAreNoDuplicate) {
  const HeapSegment segment(make_spec(100'000'000));
  const ProcessRef me = segment.add_process();
  ASSERT_TRUE(segment.claim(me, kTrack, 0, "EG_1").verdict);
  segment.view().key_fingerprint(0).store(key_fingerprint("EG_2"));
  EXPECT_TRUE(segment.claim(me, kTrack, 0, "EG_2").verdict);
}

TEST(Claim, MemoryByReservedCost) {
  broker::LedgerSpec spec = make_spec(100'000'000);
  spec.memory_max_bytes = 10 * kGiB;
  spec.memory_headroom_bytes = kGiB;
  const HeapSegment segment(spec);
  const ProcessRef me = segment.add_process();
  ASSERT_TRUE(segment.claim(me, kTrack, 0, {}, 4 * kGiB).verdict);
  const ClaimResult refused = segment.claim(me, kTrack, 0, {}, 5 * kGiB);
  EXPECT_EQ(refused.verdict.reason, Reason::kMemory);
  EXPECT_EQ(refused.verdict.memory_used, 4 * kGiB);
  EXPECT_TRUE(segment.claim(me, kTrack, 0, {}, 5 * kGiB - 1).verdict);
}

TEST(Claim, TableFullOnlyWhenNothingEarlierRefuses) {
  broker::LedgerSpec spec = make_spec(100'000'000);
  spec.types[kWeb].limit = 1;
  const HeapSegment segment(spec, {3, 4});
  const ProcessRef me = segment.add_process();
  ASSERT_TRUE(segment.claim(me, kWeb).verdict);
  ASSERT_TRUE(segment.claim(me, kTrack).verdict);
  ASSERT_TRUE(segment.claim(me, kTrack).verdict);
  const ClaimResult full = segment.claim(me, kTrack);
  EXPECT_EQ(full.verdict.reason, Reason::kTableFull);
  EXPECT_EQ(full.verdict.limit, 3U);
  EXPECT_EQ(full.verdict.in_use, 3U);
  EXPECT_EQ(segment.claim(me, kWeb).verdict.reason, Reason::kTypeLimit);
}

TEST(Claim, ReapsTheDeadInItsWay) {
  broker::LedgerSpec spec = make_spec(100'000'000);
  spec.types[kTrack].limit = 2;
  const HeapSegment segment(spec);
  const ProcessRef dead = segment.add_process(11);
  const ProcessRef me = segment.add_process(12);
  ASSERT_TRUE(segment.claim(dead, kTrack).verdict);
  ASSERT_TRUE(segment.claim(dead, kTrack).verdict);
  EXPECT_EQ(segment.claim(me, kTrack).verdict.reason, Reason::kTypeLimit);
  segment.mark_dead(dead);
  EXPECT_TRUE(segment.claim(me, kTrack).verdict);
  EXPECT_TRUE(segment.claim(me, kTrack).verdict);
  EXPECT_EQ(segment.claim(me, kTrack).verdict.reason, Reason::kTypeLimit);
}

TEST(Claim, ReapsTheDeadWhenTheTableIsFull) {
  const HeapSegment segment(make_spec(100'000'000), {2, 4});
  const ProcessRef dead = segment.add_process(11);
  const ProcessRef me = segment.add_process(12);
  ASSERT_TRUE(segment.claim(dead, kTrack).verdict);
  ASSERT_TRUE(segment.claim(me, kTrack).verdict);
  segment.mark_dead(dead);
  EXPECT_TRUE(segment.claim(me, kTrack).verdict);
}

TEST(Claim, FreesWhatTheDeadLeftHalfDoneInAFullTable) {
  for (const SlotState left : {SlotState::kTentative, SlotState::kClaiming}) {
    const HeapSegment segment(make_spec(100'000'000), {2, 4});
    const ProcessRef dead = segment.add_process(11);
    const ProcessRef me = segment.add_process(12);
    ASSERT_TRUE(segment.claim(me, kTrack).verdict);
    segment.put_word(1, SlotWord::make(dead.index, left, kTrack, 500, 7));
    segment.mark_dead(dead);
    segment.view().process(dead.index).gone.store(dead.attach);
    EXPECT_TRUE(segment.claim(me, kTrack).verdict) << static_cast<int>(left);
  }
}

TEST(Claim, LeavesALiveStoppedOwnersTentativeWordAlone) {
  broker::LedgerSpec spec = make_spec(100'000'000);
  spec.types[kTrack].limit = 1;
  const HeapSegment segment(spec);
  const ProcessRef stopped = segment.add_process(11);
  const ProcessRef me = segment.add_process(12);
  const SlotWord theirs = SlotWord::make(stopped.index, SlotState::kTentative, kTrack, 500, 7);
  for (const std::uint32_t slot : {0U, 40U}) {  // below and above the claimant's own word
    segment.put_word(slot, theirs);
    EXPECT_EQ(segment.claim(me, kTrack).verdict.reason, Reason::kContended);
    EXPECT_EQ(segment.word(slot), theirs);
    EXPECT_TRUE(segment.claim(me, kWeb).verdict) << "only who needs exactly that room is kept out";
    for (std::uint32_t i = 0; i < 64; ++i) segment.put_word(i, SlotWord{});
  }
}

TEST(Claim, FreesADeadOwnersTentativeWordAtOnce) {
  broker::LedgerSpec spec = make_spec(100'000'000);
  spec.types[kTrack].limit = 1;
  const HeapSegment segment(spec);
  const ProcessRef dead = segment.add_process(11);
  const ProcessRef me = segment.add_process(12);
  segment.put_word(0, SlotWord::make(dead.index, SlotState::kTentative, kTrack, 500, 7));
  segment.mark_dead(dead);
  EXPECT_TRUE(segment.claim(me, kTrack).verdict);
}

TEST(Claim, ClaimingWordsAreNotCounted) {
  broker::LedgerSpec spec = make_spec(100'000'000);
  spec.types[kTrack].limit = 1;
  const HeapSegment segment(spec);
  const ProcessRef other = segment.add_process(11);
  const ProcessRef me = segment.add_process(12);
  segment.put_word(5, SlotWord::make(other.index, SlotState::kClaiming, kTrack, 500, 7));
  EXPECT_TRUE(segment.claim(me, kTrack).verdict);
}

TEST(Claim, HeldWordOfAnImpossibleOwnerIsHeldAndNothingBreaks) {
  broker::LedgerSpec spec = make_spec(100'000'000);
  spec.types[kTrack].limit = 1;
  const HeapSegment segment(spec, {64, 4});
  const ProcessRef me = segment.add_process();
  segment.put_word(3, SlotWord::make(900, SlotState::kActive, kTrack, 500, 7));
  EXPECT_EQ(segment.claim(me, kTrack).verdict.reason, Reason::kTypeLimit);
}

TEST(Claim, ScribbledBlocksNeverLeadOutOfTheSegment) {
  const HeapSegment segment(make_spec(12'000'000), {64, 4});
  const ProcessRef me = segment.add_process();
  std::uint64_t seed = 1;
  auto* words = static_cast<std::uint64_t*>(segment.base());
  const Geometry geometry = compute_geometry({64, 4});
  for (int round = 0; round < 300; ++round) {
    for (std::uint64_t i = geometry[SectionId::kConfig].offset / 8; i < geometry.total_bytes / 8;
         i += 1 + (seed >> 60)) {
      seed = seed * 6364136223846793005ULL + 1442695040888963407ULL;
      words[i] = seed;
    }
    segment.view().header().mark.store(seed);
    segment.view().header().config_epoch.store(seed >> 7);
    segment.view().header().sample_epoch.store(seed >> 9);
    segment.claim(me, static_cast<std::uint32_t>(seed >> 58), 0, (seed & 1U) != 0 ? "EG_1" : "");
    reap_all(segment.processes(), ProbeMode::kMarkOnly);
  }
}

// A change of owner moves the generation while the claim, and its key, stay.
TEST(Record, KeyOfASlotThatWasBoundMeanwhileStillCountsAgainstAdmission) {
  const HeapSegment segment(make_spec(100'000'000));
  const ProcessRef me = segment.add_process();
  const ClaimResult held = segment.claim(me, kTrack, 0, "EG_1");
  ASSERT_TRUE(held.verdict);
  const SlotWord seen = segment.word(0);
  segment.put_word(0, seen.transferred(me.index));
  const KeyQuery key{"EG_1", key_fingerprint("EG_1")};
  EXPECT_TRUE(has_key(segment.view(), 0, seen, key, RecordTrust::kPossible));
  EXPECT_FALSE(has_key(segment.view(), 0, seen, key, RecordTrust::kCertain));
  segment.put_word(0, seen.freed());
  EXPECT_FALSE(has_key(segment.view(), 0, seen, key, RecordTrust::kPossible));
}

TEST(Record, MemoryOfTheSlotsNextClaimNeverRefuses) {
  broker::LedgerSpec spec = make_spec(100'000'000);
  spec.memory_max_bytes = 10 * kGiB;
  const HeapSegment segment(spec);
  const ProcessRef me = segment.add_process();
  ASSERT_TRUE(segment.claim(me, kTrack, 0, {}, 1 << 20).verdict);
  const SlotWord seen = segment.word(0);
  segment.view().record(0).memory_bytes.set(9 * kGiB);
  segment.put_word(
      0, SlotWord::make(me.index, SlotState::kClaiming, kTrack, 500, seen.generation() + 1));
  Rules rules;
  const LedgerStamp stamp = load_stamp(segment.view(), kTrack);
  load_rules(segment.view(), stamp, kTrack, rules);
  const SegmentView view = segment.view();
  PassContext context;
  context.view = &view;
  context.rules = &rules;
  context.stamp = stamp;
  context.trust = RecordTrust::kCertain;
  EXPECT_EQ(pending_memory(context, 0, seen, {}), 0U);
}

TEST(Claim, NoncesDifferBetweenClaimsOfOneSlot) {
  const HeapSegment segment(make_spec(12'000'000));
  const ProcessRef me = segment.add_process();
  std::uint64_t last = 0;
  for (int i = 0; i < 1000; ++i) {
    const ClaimResult result = segment.claim(me, kTrack);
    ASSERT_TRUE(result.verdict);
    EXPECT_NE(result.nonce, last);
    last = result.nonce;
    ASSERT_EQ(
        release_slot(segment.view(), {result.slot, result.word.generation(), result.nonce}).code,
        Errc::kOk);
  }
}

TEST(Claim, NoncesDifferBetweenSlotsAndTypes) {
  const SlotWord first = SlotWord::make(1, SlotState::kTentative, 0, 500, 1);
  const SlotWord second = SlotWord::make(1, SlotState::kTentative, 1, 500, 1);
  EXPECT_NE(make_nonce(1, first, 1, 5), make_nonce(1, second, 0, 5));
  EXPECT_NE(make_nonce(1, first, 1, 5), make_nonce(1, first, 2, 5));
}

TEST(Look, AnswersFromHeldWordsAndTakesNothing) {
  broker::LedgerSpec spec = make_spec(12'000'000);
  spec.types[kTrack].limit = 1;
  const HeapSegment segment(spec);
  const ProcessRef me = segment.add_process();
  const ProcessTable table = segment.processes();
  const ClaimRequest request{make_request(segment.view(), kTrack), {}, true};
  segment.put_word(9, SlotWord::make(me.index, SlotState::kTentative, kTrack, 500, 1));
  EXPECT_TRUE(Claim(table, me, request, 0, 1).look());
  segment.put_word(9, SlotWord::make(me.index, SlotState::kPending, kTrack, 500, 1));
  EXPECT_EQ(Claim(table, me, request, 0, 1).look().reason, Reason::kTypeLimit);
  EXPECT_TRUE(segment.word(0).is_free());
}

/// Rules that were loaded are used again only while they are in force.
TEST(Look, RulesThatChangedMeanwhileAreLoadedAnew) {
  broker::LedgerSpec spec = make_spec(12'000'000);
  spec.types[kTrack].limit = 1;
  const HeapSegment segment(spec);
  const ProcessRef me = segment.add_process();
  const ProcessTable table = segment.processes();
  const ClaimRequest request{make_request(segment.view(), kTrack), {}, true};
  ASSERT_TRUE(segment.claim(me, kTrack).verdict);
  Claim claim(table, me, request, 0, 1);
  EXPECT_EQ(claim.look().limit, 1U);
  spec.types[kTrack].limit = 0;
  broker::publish_config(segment.view(), spec);
  const Verdict anew = claim.look();
  EXPECT_EQ(anew.reason, Reason::kTypeLimit);
  EXPECT_EQ(anew.limit, 0U);
}

TEST(Look, SaysTableFullLikeAClaim) {
  const HeapSegment segment(make_spec(100'000'000), {2, 4});
  const ProcessRef me = segment.add_process();
  const ProcessTable table = segment.processes();
  const ClaimRequest request{make_request(segment.view(), kTrack), {}, true};
  ASSERT_TRUE(segment.claim(me, kTrack).verdict);
  EXPECT_TRUE(Claim(table, me, request, 0, 1).look());
  ASSERT_TRUE(segment.claim(me, kTrack).verdict);
  EXPECT_EQ(Claim(table, me, request, 0, 1).look().reason, Reason::kTableFull);
  EXPECT_EQ(segment.claim(me, kTrack).verdict.reason, Reason::kTableFull);
}

TEST(Claim, DefaultCostsAreThoseOfTheRulesThatDecide) {
  broker::LedgerSpec spec = make_spec(100'000'000);
  const HeapSegment segment(spec);
  const ProcessRef me = segment.add_process();
  const ProcessTable table = segment.processes();
  const ClaimRequest made_before{make_request(segment.view(), kTrack), {}, false};
  const ClaimRequest given{make_request(segment.view(), kTrack, 700), {}, false};
  spec.types[kTrack].cost_milli = 900;
  spec.types[kTrack].memory_bytes = 5;
  broker::publish_config(segment.view(), spec);
  EXPECT_EQ(Claim(table, me, made_before, 0, 1).run().word.cost_milli(), 900U);
  EXPECT_EQ(segment.view().record(0).memory_bytes.get(), 5U);
  EXPECT_EQ(Claim(table, me, given, 0, 1).run().word.cost_milli(), 700U);
}

TEST(Look, InAReadOnlyMappingTheDeadDoNotCountAndNothingIsWritten) {
  broker::LedgerSpec spec = make_spec(12'000'000);
  spec.types[kTrack].limit = 1;
  const HeapSegment segment(spec);
  const ProcessRef dead = segment.add_process(11);
  ASSERT_TRUE(segment.claim(dead, kTrack).verdict);
  const SlotWord before = segment.word(0);
  const ProcessTable table(segment.view(false), segment.processes().self(), false);
  const ClaimRequest request{make_request(segment.view(), kTrack), {}, true};
  EXPECT_EQ(Claim(table, {}, request, 0, 1).look().reason, Reason::kTypeLimit);
  segment.mark_dead(dead);
  EXPECT_TRUE(Claim(table, {}, request, 0, 1).look());
  EXPECT_EQ(segment.word(0), before);
}

}  // namespace
}  // namespace slotd
