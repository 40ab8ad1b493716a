// Event rings and histograms: what is written is read, whole and in order, or known to be lost.
#include "slotd/events.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "slotd/client.hpp"
#include "slotd/snapshot.hpp"
#include "tests/support/heap_segment.hpp"

namespace slotd {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the support names of this room

Event make_numbered(std::uint64_t number) {
  Event event;
  event.time_ms = 1000 + number;
  event.kind = EventKind::kActivate;
  event.slot = static_cast<std::uint32_t>(number % kMaxSlots);
  event.amount = number;
  return event;
}

TEST(Events, EveryFieldSurvivesItsWords) {
  std::mt19937_64 random(3);
  for (int i = 0; i < 10'000; ++i) {
    Event event;
    event.time_ms = random() & ((1ULL << 40) - 1);
    event.kind = static_cast<EventKind>(1 + random() % 17);
    event.reason = static_cast<Reason>(random() % kReasons);
    event.pid = static_cast<std::uint32_t>(random() & ((1U << 22) - 1));
    event.other_pid = static_cast<std::uint32_t>(random() & ((1U << 22) - 1));
    event.slot = static_cast<std::uint32_t>(random() % 4096);
    event.type = static_cast<std::uint32_t>(random() % 33);
    event.cost_milli = static_cast<std::uint32_t>(random() & kMaxCostMilli);
    event.amount = random() & Event::kMostAmount;
    event.nonce = static_cast<std::uint32_t>(random() & kGenerationMask);
    const EventWords words = pack_event(event);
    for (const std::uint64_t word : words) ASSERT_EQ(word >> 56, 0U) << "the lap's place";
    ASSERT_EQ(unpack_event(words), event);
  }
  Event none;
  none.kind = EventKind::kLimitSet;
  EXPECT_EQ(unpack_event(pack_event(none)).slot, kNoEventSlot);
  EXPECT_EQ(unpack_event(pack_event(none)).type, kNoEventType);
  none.amount = ~std::uint64_t{0};
  EXPECT_EQ(unpack_event(pack_event(none)).amount, Event::kMostAmount);
}

TEST(Events, ScribbledWordsGiveAnEventOfNoKind) {
  const Event event = unpack_event({~0ULL, ~0ULL, ~0ULL, ~0ULL});
  EXPECT_EQ(event.kind, EventKind::kNone);
  EXPECT_EQ(event.reason, Reason::kNone);
}

TEST(Events, AreReadOnceAndInOrderOfTime) {
  const HeapSegment segment(make_spec(12'000'000));
  const SegmentView view = segment.view();
  EventReader reader(view);
  EXPECT_TRUE(reader.read().empty());
  note_alone(view.events(2).primary, make_numbered(5));
  note_shared(view.events(2).shared, make_numbered(3));
  note_node_event(view, make_numbered(4));
  note_alone(view.events(1).primary, make_numbered(6));
  const std::vector<Event> events = reader.read();
  ASSERT_EQ(events.size(), 4U);
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(events[i], make_numbered(3 + i));
  EXPECT_TRUE(reader.read().empty());
  note_alone(view.events(1).primary, make_numbered(7));
  EXPECT_EQ(reader.read().size(), 1U);
  EXPECT_EQ(reader.lost(), 0U);
}

/// 64 a lane: of 1000 the last 64 are there, and a reader that was there before knows of the
/// others.
TEST(Events, OverwrittenOnesAreCounted) {
  const HeapSegment segment(make_spec(12'000'000));
  const SegmentView view = segment.view();
  EventReader early(view);
  early.read();
  for (std::uint64_t i = 0; i < 1000; ++i) note_alone(view.events(1).primary, make_numbered(i));
  EventReader late(view);
  for (EventReader* reader : {&early, &late}) {
    const std::vector<Event> events = reader->read();
    ASSERT_EQ(events.size(), 64U);
    for (std::size_t i = 0; i < 64; ++i) EXPECT_EQ(events[i].amount, 936 + i);
  }
  EXPECT_EQ(early.lost(), 936U);
  EXPECT_EQ(late.lost(), 0U) << "what was there before its time is history";
}

TEST(Events, LapsWrapWithoutAConfusion) {
  const HeapSegment segment(make_spec(12'000'000));
  EventLane<kLaneEvents>& lane = segment.view().events(1).primary;
  // 600 laps: more than the 256 that a word tells apart.
  lane.next.store(600 * kLaneEvents - 3);
  EventReader reader(segment.view());
  reader.read();
  for (std::uint64_t i = 0; i < 6; ++i) note_alone(lane, make_numbered(i));
  EXPECT_EQ(reader.read().size(), 6U);
}

/// A writer killed between its words leaves an event that is not whole.
TEST(Events, AHalfWrittenEventIsLostNotShown) {
  const HeapSegment segment(make_spec(12'000'000));
  EventLane<kLaneEvents>& lane = segment.view().events(1).shared;
  EventReader reader(segment.view());
  reader.read();
  note_shared(lane, make_numbered(1));
  const std::uint64_t number = lane.next.fetch_add(1);
  lane.cells[number % kLaneEvents].words[0].set(pack_event(make_numbered(2))[0] |
                                                detail::lap_bits(number, kLaneEvents));
  EXPECT_EQ(reader.read().size(), 1U);
  EXPECT_EQ(reader.lost(), 0U) << "it may be in the making";
  note_shared(lane, make_numbered(3));
  EXPECT_EQ(reader.read().size(), 1U);
  EXPECT_EQ(reader.lost(), 1U);
}

/// Two writers at once: the later one may be done first.
TEST(Events, AnEventInTheMakingIsAwaitedWithThoseBehindIt) {
  const HeapSegment segment(make_spec(12'000'000));
  EventLane<kLaneEvents>& lane = segment.view().events(1).shared;
  EventReader reader(segment.view());
  reader.read();
  const std::uint64_t number = lane.next.fetch_add(1);
  note_shared(lane, make_numbered(2));
  EXPECT_TRUE(reader.read().empty());
  detail::store_event(lane, number, make_numbered(1));
  EXPECT_EQ(reader.read().size(), 2U);
  EXPECT_EQ(reader.lost(), 0U);
}

TEST(Events, AScribbledCountEndsTheReadingInTime) {
  const HeapSegment segment(make_spec(12'000'000));
  EventReader reader(segment.view());
  reader.read();
  segment.view().events(1).primary.next.store(~std::uint64_t{0});
  EXPECT_TRUE(reader.read().empty());
  segment.view().events(1).primary.next.store(3);
  EXPECT_TRUE(reader.read().empty());
}

Event make_end(std::uint32_t slot, std::uint32_t nonce, std::uint64_t time_ms,
               std::uint64_t held_ms) {
  Event event;
  event.kind = EventKind::kRelease;
  event.slot = slot;
  event.nonce = nonce;
  event.time_ms = time_ms;
  event.amount = held_ms;
  event.pid = 4711;
  return event;
}

/// A claim that did not wait has no event of its own: it is told of once, while it is held or when
/// it has ended.
TEST(Events, AClaimIsToldOfOnceWhereverItIsFound) {
  const HeapSegment segment(make_spec(12'000'000));
  const SegmentView view = segment.view();
  EventReader reader(view);
  const ClaimResult result = segment.claim(segment.add_process(4711), kTrack);
  ASSERT_TRUE(result.verdict);
  std::vector<Event> events = reader.read();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].kind, EventKind::kClaim);
  EXPECT_EQ(events[0].pid, 4711U);
  EXPECT_EQ(events[0].type, kTrack);
  EXPECT_EQ(events[0].cost_milli, 500U);
  EXPECT_TRUE(reader.read().empty());
  const auto nonce = static_cast<std::uint32_t>(result.nonce) & kGenerationMask;
  const std::uint64_t now_ms = events[0].time_ms + 50;
  note_alone(view.events(1).primary, make_end(result.slot, nonce, now_ms, 50));
  ASSERT_EQ(release_slot(view, {result.slot, result.word.generation(), result.nonce}).code,
            Errc::kOk);
  events = reader.read();
  ASSERT_EQ(events.size(), 1U) << "its claim was told of";
  EXPECT_EQ(events[0].kind, EventKind::kRelease);
  // One that came and went between two looks.
  note_alone(view.events(1).primary, make_end(7, 99, now_ms + 40, 30));
  events = reader.read();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kind, EventKind::kClaim);
  EXPECT_EQ(events[0].time_ms, now_ms + 10);
  EXPECT_EQ(events[0].nonce, 99U);
  EXPECT_EQ(events[0].amount, 0U);
  EXPECT_EQ(events[1].kind, EventKind::kRelease);
}

TEST(Events, AClaimThatWaitedKeepsItsOwnEvent) {
  const HeapSegment segment(make_spec(12'000'000));
  const SegmentView view = segment.view();
  EventReader reader(view);
  const ClaimResult result = segment.claim(segment.add_process(), kTrack);
  Event waited = make_end(result.slot, static_cast<std::uint32_t>(result.nonce) & kGenerationMask,
                          view.record(result.slot).claimed_at_ns.get() / kNsPerMs, 1234);
  waited.kind = EventKind::kClaim;
  note_alone(view.events(1).primary, waited);
  const std::vector<Event> events = reader.read();
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0].amount, 1234U);
  EXPECT_TRUE(reader.read().empty());
}

Event make_claim(std::uint32_t slot, std::uint32_t nonce, std::uint64_t time_ms) {
  Event claim = make_end(slot, nonce, time_ms, 12);
  claim.kind = EventKind::kClaim;
  return claim;
}

std::size_t count_claims(const std::vector<Event>& events) {
  return static_cast<std::size_t>(
      std::count_if(events.begin(), events.end(),
                    [](const Event& event) { return event.kind == EventKind::kClaim; }));
}

/// The lanes are read one after the other: the end of a claim may be seen by a call, and what the
/// claim noted itself only by a later one.
TEST(Events, AClaimIsNotToldOfAgainWhenItsOwnEventComesAfterItsEnd) {
  const HeapSegment segment(make_spec(12'000'000));
  const SegmentView view = segment.view();
  EventReader reader(view);
  EXPECT_TRUE(reader.read().empty());
  note_alone(view.events(2).primary, make_end(7, 99, 1040, 30));
  EXPECT_EQ(count_claims(reader.read()), 1U) << "made of its end";
  note_alone(view.events(1).primary, make_claim(7, 99, 1010));
  EXPECT_TRUE(reader.read().empty());
  // The next claim of the slot is another one.
  note_alone(view.events(1).primary, make_claim(7, 100, 1050));
  EXPECT_EQ(count_claims(reader.read()), 1U);
}

/// Whoever has the token may release; the claim was the holder's.
TEST(Events, AClaimThatAnotherReleasedIsTheHolders) {
  const HeapSegment segment(make_spec(12'000'000));
  EventReader reader(segment.view());
  Event end = make_end(7, 99, 1040, 30);
  end.other_pid = 900;
  note_alone(segment.view().events(2).primary, end);
  const std::vector<Event> events = reader.read();
  ASSERT_EQ(events.size(), 2U);
  EXPECT_EQ(events[0].kind, EventKind::kClaim);
  EXPECT_EQ(events[0].pid, 900U);
  EXPECT_EQ(events[1].pid, 4711U);
}

/// So it is with a claim that was seen in its slot before.
TEST(Events, AClaimThatWasSeenHeldIsNotToldOfAgainAfterItsEnd) {
  const HeapSegment segment(make_spec(12'000'000));
  const SegmentView view = segment.view();
  EventReader reader(view);
  const ClaimResult result = segment.claim(segment.add_process(), kTrack);
  const auto nonce = static_cast<std::uint32_t>(result.nonce) & kGenerationMask;
  EXPECT_EQ(count_claims(reader.read()), 1U);
  ASSERT_EQ(release_slot(view, {result.slot, result.word.generation(), result.nonce}).code,
            Errc::kOk);
  note_alone(view.events(2).primary, make_end(result.slot, nonce, 1040, 30));
  EXPECT_EQ(reader.read().size(), 1U) << "its end";
  note_alone(view.events(1).primary, make_claim(result.slot, nonce, 1010));
  EXPECT_TRUE(reader.read().empty());
}

/// Claims whose ends were lost are forgotten in the end; none that was noted just now, and whose
/// slot is looked at by the next call.
TEST(Events, ForgettingWhatHasEndedTellsNoClaimTwice) {
  const HeapSegment segment(make_spec(12'000'000), {2, 8});
  const SegmentView view = segment.view();
  EventReader reader(view);
  reader.read();
  for (std::uint32_t nonce = 1; nonce <= 8; ++nonce)  // more than twice the slots
    note_alone(view.events(1).primary, make_claim(0, nonce, 1000 + nonce));
  const Event last = make_claim(1, 9, 1020);
  note_alone(view.events(1).primary, last);
  EXPECT_EQ(count_claims(reader.read()), 9U);
  // It is held from then on, as its slot shows.
  view.record(1).nonce.set(9);
  segment.put_word(1, SlotWord::make(1, SlotState::kPending, kTrack, 500, 1));
  EXPECT_EQ(count_claims(reader.read()), 0U);
  // Its end, after it was seen in the slot.
  segment.put_word(1, SlotWord{});
  EXPECT_TRUE(reader.read().empty());
  note_alone(view.events(2).primary, make_end(1, 9, 1040, 20));
  EXPECT_EQ(reader.read().size(), 1U);
}

TEST(Histograms, ADurationGoesIntoTheFirstBucketThatHoldsIt) {
  EXPECT_EQ(bucket_of(kHoldBoundsUs, 0), 0U);
  EXPECT_EQ(bucket_of(kHoldBoundsUs, 1'000'000), 0U);
  EXPECT_EQ(bucket_of(kHoldBoundsUs, 1'000'001), 1U);
  EXPECT_EQ(bucket_of(kHoldBoundsUs, 43'200'000'001), 11U) << "above the last bound";
  for (const BucketBounds& bounds : {kHoldBoundsUs, kWaitBoundsUs, kReapBoundsUs})
    EXPECT_TRUE(std::is_sorted(bounds.begin(), bounds.end()));
}

TEST(Histograms, ShortHoldsAreWhatHasEndedAndIsInNoOtherBucket) {
  const HeapSegment segment(make_spec(12'000'000));
  const SegmentView view = segment.view();
  ASSERT_TRUE(segment.add_process());
  view.counters(1).primary.releases[kWeb].set(7);
  view.node().reaped[kWeb].set(2);
  view.node().forced[kWeb].set(1);
  count_hold(view, kWeb, 30 * kNsPerSecond);
  count_hold(view, kWeb, 30 * kNsPerSecond);
  count_hold(view, kWeb, kNsPerSecond / 2);
  const TypeTotals web = read_totals_by_type(view).types[kWeb];
  EXPECT_EQ(web.hold.counts[0], 8U);
  EXPECT_EQ(web.hold.counts[3], 2U) << "15 s to 60 s";
  EXPECT_EQ(web.hold.count(), 10U);
  EXPECT_EQ(web.hold.sum_us, 60'000'000U);
}

}  // namespace
}  // namespace slotd
