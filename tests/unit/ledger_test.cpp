// Epochs, rules as loaded, names, and the broker's publishing: what a claim sees is one whole
// filling.
#include "slotd/ledger.hpp"

#include <gtest/gtest.h>

#include "slotd/snapshot.hpp"
#include "tests/support/heap_segment.hpp"

namespace slotd {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the support names of this room

TEST(Ledger, AStampIsOverAfterEveryKindOfChange) {
  const broker::LedgerSpec spec = make_spec(12'000'000);
  const HeapSegment segment(spec);
  const SegmentView view = segment.view();
  const auto over_after = [&](auto change) {
    const LedgerStamp stamp = load_stamp(view, kTrack);
    const bool before = is_current(view, stamp, kTrack);
    change();
    return before && !is_current(view, stamp, kTrack);
  };
  EXPECT_TRUE(over_after([&] { broker::publish_config(view, spec); }));
  EXPECT_TRUE(over_after([&] { broker::publish_sample(view, {}); }));
  EXPECT_TRUE(over_after([&] { view.header().drain.fetch_or(kDrainAll); }));
  EXPECT_TRUE(over_after([&] { view.limit_override(kTrack).word.store(4); }));
  EXPECT_FALSE(over_after([&] { view.limit_override(kWeb).word.store(4); }));
}

TEST(Ledger, AFillingThatNobodyFinishedIsNotSeen) {
  broker::LedgerSpec spec = make_spec(12'000'000);
  spec.types[kTrack].limit = 3;
  const HeapSegment segment(spec);
  const SegmentView view = segment.view();
  // A broker killed in the middle: garbage in the idle block, epoch not stored.
  ConfigBlock& idle = view.config(view.header().config_epoch.load() + 1);
  idle.types[kTrack].limit.set(77);
  idle.budget_micro.set(1);
  Rules rules;
  load_rules(view, load_stamp(view, kTrack), kTrack, rules);
  EXPECT_EQ(rules.limit, 3U);
  EXPECT_EQ(rules.budget_micro, 9'600'000U);
  spec.types[kTrack].limit = 4;
  broker::publish_config(view, spec);
  load_rules(view, load_stamp(view, kTrack), kTrack, rules);
  EXPECT_EQ(rules.limit, 4U);
  EXPECT_EQ(rules.budget_micro, 9'600'000U);
}

TEST(Ledger, FamiliesShareTheBasesLimitAndOverride) {
  broker::LedgerSpec spec = make_spec(100'000'000);
  broker::LedgerType audio;
  audio.name = "audio_room_composite";
  audio.cost_milli = 1000;
  audio.base = kRoomComposite;
  audio.limit = 2;
  spec.types[kRoomComposite].limit = 2;
  spec.types.push_back(audio);
  const HeapSegment segment(spec);
  const ProcessRef me = segment.add_process();
  constexpr std::uint32_t kAudio = 5;
  EXPECT_TRUE(segment.claim(me, kAudio).verdict);
  EXPECT_TRUE(segment.claim(me, kRoomComposite).verdict);
  for (const std::uint32_t type : {kAudio, kRoomComposite}) {
    const Verdict verdict = segment.claim(me, type).verdict;
    EXPECT_EQ(verdict.reason, Reason::kTypeLimit);
    EXPECT_EQ(verdict.in_use, 2U);
  }
  segment.view().limit_override(kRoomComposite).word.store(3 + 1);
  EXPECT_TRUE(segment.claim(me, kAudio).verdict);
}

TEST(Ledger, TypesAreFoundByNameAndAlias) {
  broker::LedgerSpec spec = make_spec(12'000'000);
  spec.aliases.push_back({"template", kRoomComposite});
  const HeapSegment segment(spec);
  EXPECT_EQ(find_type_index(segment.view(), "participant"), kParticipant);
  EXPECT_EQ(find_type_index(segment.view(), "template"), kRoomComposite);
  EXPECT_EQ(find_type_index(segment.view(), "partic"), std::nullopt);
  EXPECT_EQ(find_type_index(segment.view(), ""), std::nullopt);
}

TEST(Ledger, PublishedRulesReadBackEqual) {
  broker::LedgerSpec spec = make_spec(12'500'000);
  spec.aliases.push_back({"media", kParticipant});
  broker::LedgerGroup group;
  group.name = "pulse";
  group.limit = 60;
  group.weights[kWeb] = 4;
  spec.groups.push_back(group);
  spec.charge_mode = ChargeMode::kMeasured;
  spec.affinity = AffinityMode::kSpread;
  spec.types[kWeb].minimum = 2;
  spec.types[kWeb].memory_bytes = 12345;
  const HeapSegment segment(spec);
  EXPECT_EQ(broker::read_config_block(segment.view()), spec);
}

TEST(Ledger, ChargesOfASampleCountForTheirGenerationOnly) {
  broker::LedgerSpec spec = make_spec(10'000'000);  // budget 8
  const HeapSegment segment(spec);
  const SegmentView view = segment.view();
  const ProcessRef me = segment.add_process();
  // A live broker, so that figures below the reserved cost are believed.
  const ProcessRef broker_entry = segment.add_process(13);
  view.header().broker.store(pack_process_ref(broker_entry));
  const ClaimResult held = segment.claim(me, kWeb);  // 4.0
  ASSERT_TRUE(held.verdict);
  std::vector<ChargeWord> charges(1);
  charges[0] = ChargeWord::make(held.word.generation(), ChargeWord::kValid, 1'500'000);
  broker::Sample sample;
  sample.sampled_at_ns = segment.processes().clock().coarse_ns();
  sample.charges = charges;
  broker::publish_sample(view, sample);
  EXPECT_EQ(segment.claim(me, kTrack, 6501).verdict.available_micro, 6'500'000);
  charges[0] = ChargeWord::make(held.word.generation() + 1, ChargeWord::kValid, 1'500'000);
  broker::publish_sample(view, sample);
  EXPECT_EQ(segment.claim(me, kTrack, 6501).verdict.available_micro, 4'000'000);
}

TEST(Snapshot, ShowsWhatIsHeld) {
  broker::LedgerSpec spec = make_spec(12'000'000);
  spec.types[kTrack].limit = 2;
  const HeapSegment segment(spec);
  const ProcessRef me = segment.add_process(static_cast<std::uint32_t>(::getpid()));
  segment.claim(me, kTrack, 0, "EG_1");
  const ClaimResult second = segment.claim(me, kTrack);
  activate_slot(segment.view(), {second.slot, second.word.generation(), second.nonce}, 5);
  const ProcessTable table(segment.view(false), segment.processes().self(), false);
  const Snapshot snapshot = read_snapshot(table);
  EXPECT_TRUE(snapshot.stable);
  EXPECT_EQ(snapshot.broker.state, BrokerState::kDown);
  EXPECT_EQ(snapshot.charged_micro, 1'000'000U);
  EXPECT_EQ(snapshot.available_micro(), 8'600'000);
  ASSERT_EQ(snapshot.types.size(), 5U);
  EXPECT_EQ(snapshot.types[kTrack].in_use, 2U);
  EXPECT_EQ(snapshot.types[kTrack].pending, 1U);
  EXPECT_EQ(snapshot.types[kTrack].verdict.reason, Reason::kTypeLimit);
  EXPECT_TRUE(snapshot.types[kWeb].verdict);
  ASSERT_EQ(snapshot.slots.size(), 2U);
  EXPECT_EQ(snapshot.slots[0].key, "EG_1");
  EXPECT_EQ(snapshot.slots[1].key, "");
  EXPECT_EQ(snapshot.slots[0].owner_pid, ::getpid());
  ASSERT_EQ(snapshot.processes.size(), 1U);
  EXPECT_EQ(snapshot.processes[0].slots, 2U);
}

}  // namespace
}  // namespace slotd
