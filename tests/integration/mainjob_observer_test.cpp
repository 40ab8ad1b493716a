// The main job's observer has to see what a broken ledger would do: everything here is written into
// a segment by hand, past the code that decides claims.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/heap_segment.hpp"
#include "tools/dev/mainjob/death_watch.hpp"
#include "tools/dev/mainjob/limits.hpp"
#include "tools/dev/mainjob/observer.hpp"
#include "tools/dev/mainjob/process.hpp"
#include "tools/dev/mainjob/verdict.hpp"

namespace slotd::mainjob {
namespace {

using ::slotd::testing::HeapSegment;
using ::slotd::testing::kParticipant;
using ::slotd::testing::kRoomComposite;
using ::slotd::testing::kTrack;
using ::slotd::testing::make_spec;
using ::testing::ElementsAre;
using ::testing::IsEmpty;

SlotWord make_word(std::uint32_t type, std::uint32_t cost_milli,
                   SlotState state = SlotState::kActive, std::uint32_t generation = 1) {
  return SlotWord::make(1, state, type, cost_milli, generation);
}

/// `count` slots of one type, from slot `first` on.
void fill(const HeapSegment& segment, std::uint32_t first, std::uint32_t count, SlotWord word) {
  for (std::uint32_t slot = first; slot < first + count; ++slot) segment.put_word(slot, word);
}

TEST(MainJobObserver, sees_a_type_over_its_limit) {
  const HeapSegment segment(make_spec(32'000'000));
  Observer observer(segment.view());
  const Limits limits = make_default_limits();
  fill(segment, 0, 3, make_word(kParticipant, 2000));
  EXPECT_THAT(observer.check(limits), IsEmpty());
  fill(segment, 3, 1, make_word(kParticipant, 2000, SlotState::kPending));
  EXPECT_THAT(observer.check(limits), ElementsAre("participant: 4 of 3"));
}

TEST(MainJobObserver, sees_reserved_cpu_over_the_budget) {
  const HeapSegment segment(make_spec(32'000'000));
  Observer observer(segment.view());
  const Limits limits = make_default_limits();  // 32 x 0.8 = 25.6
  fill(segment, 0, 5, make_word(kRoomComposite, 4000));
  fill(segment, 5, 2, make_word(kTrack, 2800));
  EXPECT_THAT(observer.check(limits), IsEmpty());
  segment.put_word(7, make_word(kTrack, 1));
  EXPECT_THAT(observer.check(limits), ElementsAre("cpu: 25.601 of 25.6"));
}

TEST(MainJobObserver, lets_a_lone_slot_have_the_capacity) {
  const HeapSegment segment(make_spec(32'000'000));
  Observer observer(segment.view());
  Limits limits = make_default_limits();
  segment.put_word(9, make_word(kTrack, 32'000));
  EXPECT_THAT(observer.check(limits), IsEmpty());
  limits.idle_rule = false;
  EXPECT_THAT(observer.check(limits), ElementsAre("cpu: 32 of 25.6"));
  limits.idle_rule = true;
  segment.put_word(10, make_word(kParticipant, 0));
  EXPECT_THAT(observer.check(limits), ElementsAre("cpu: 32 of 25.6"));
  segment.put_word(10, SlotWord{});
  segment.put_word(9, make_word(kTrack, 32'001));
  EXPECT_THAT(observer.check(limits), ElementsAre("cpu: 32.001 of 32"));
}

TEST(MainJobObserver, sees_a_group_over_its_limit) {
  const HeapSegment segment(make_spec(32'000'000));
  Observer observer(segment.view());
  Limits limits = make_default_limits();
  limits.groups[0].limit = 7;
  limits.groups[0].weights[kRoomComposite] = 4;
  fill(segment, 0, 1, make_word(kRoomComposite, 4000));
  EXPECT_THAT(observer.check(limits), IsEmpty());
  fill(segment, 1, 1, make_word(kRoomComposite, 4000));
  EXPECT_THAT(observer.check(limits), ElementsAre("group web: 8 of 7"));
}

TEST(MainJobObserver, counts_types_that_share_a_limit_together) {
  const HeapSegment segment(make_spec(32'000'000));
  Observer observer(segment.view());
  Limits limits = make_default_limits();
  limits.types[kTrack].base = kParticipant;
  fill(segment, 0, 2, make_word(kParticipant, 2000));
  fill(segment, 2, 2, make_word(kTrack, 500));
  EXPECT_THAT(observer.check(limits), ElementsAre("participant: 4 of 3"));
}

TEST(MainJobObserver, counts_only_what_was_admitted) {
  const HeapSegment segment(make_spec(32'000'000));
  Observer observer(segment.view());
  fill(segment, 0, 4, make_word(kParticipant, 2000, SlotState::kTentative));
  fill(segment, 4, 4, make_word(kParticipant, 2000, SlotState::kClaiming));
  EXPECT_THAT(observer.check(make_default_limits()), IsEmpty());
  EXPECT_EQ(observer.last_tally().slots, 0U);
  EXPECT_EQ(observer.count_taken(), 8U);
}

TEST(MainJobObserver, sees_a_type_that_does_not_exist) {
  const HeapSegment segment(make_spec(32'000'000));
  Observer observer(segment.view());
  segment.put_word(0, make_word(9, 100));
  EXPECT_THAT(observer.check(make_default_limits()), ElementsAre("type 9: 1 of none"));
}

TEST(MainJobObserver, reads_the_limits_that_the_broker_publishes) {
  broker::LedgerSpec spec = make_spec(32'000'000);
  const std::vector<std::uint32_t> maxima = {5, 5, 3, 5, 10};
  for (std::size_t i = 0; i < maxima.size(); ++i) spec.types[i].limit = maxima[i];
  broker::LedgerGroup web;
  web.name = "web";
  web.limit = 18;
  web.weights[0] = web.weights[1] = 1;
  spec.groups.push_back(web);
  const HeapSegment segment(spec);
  EXPECT_EQ(read_limits(segment.view()), make_default_limits());
  // An operator's word counts where it allows more.
  segment.view().limit_override(kParticipant).word.store(1 + 1);
  EXPECT_EQ(read_limits(segment.view()).types[kParticipant].limit, 3U);
  segment.view().limit_override(kParticipant).word.store(4 + 1);
  EXPECT_EQ(read_limits(segment.view()).types[kParticipant].limit, 4U);
}

TEST(MainJobDeathWatch, reports_slots_that_do_not_come_back) {
  const HeapSegment segment(make_spec(32'000'000));
  const ProcessRef owner = segment.add_process(1234);
  segment.put_word(0, SlotWord::make(owner.index, SlotState::kActive, kTrack, 500, 1));
  DeathWatch watch(segment.processes());
  const std::vector<ProcessRef> entries = watch.find_entries(1234);
  ASSERT_EQ(entries.size(), 1U);
  constexpr std::uint64_t kKilled = 50 * kNsPerSecond;
  watch.add("handler 1234", entries, kKilled);
  EXPECT_THAT(watch.look(kKilled + kReturnWithinNs, 1), IsEmpty());
  // Not while the broker is down, nor before it has had its time.
  EXPECT_THAT(watch.look(kKilled + 9 * kReturnWithinNs, 0), IsEmpty());
  EXPECT_THAT(watch.look(kKilled + 9 * kReturnWithinNs, kKilled + 8 * kReturnWithinNs), IsEmpty());
  EXPECT_THAT(watch.look(kKilled + 9 * kReturnWithinNs + 1, kKilled + 8 * kReturnWithinNs),
              ElementsAre("handler 1234 still holds 1"));
  EXPECT_EQ(watch.late_slots(), 0U);  // it is in the table still, and counted there
  segment.put_word(0, SlotWord{});
  EXPECT_THAT(watch.look(kKilled + 10 * kReturnWithinNs, 1), IsEmpty());
  EXPECT_EQ(watch.late_slots(), 1U);
}

TEST(MainJobDeathWatch, is_content_when_slots_come_back) {
  const HeapSegment segment(make_spec(32'000'000));
  const ProcessRef owner = segment.add_process(1234);
  segment.put_word(0, SlotWord::make(owner.index, SlotState::kActive, kTrack, 500, 1));
  DeathWatch watch(segment.processes());
  watch.add("handler 1234", watch.find_entries(1234), 1000);
  EXPECT_THAT(watch.look(2000, 1), IsEmpty());
  segment.put_word(0, SlotWord::make(owner.index + 1, SlotState::kActive, kTrack, 500, 2));
  EXPECT_THAT(watch.look(3000, 1), IsEmpty());
  EXPECT_EQ(watch.longest_return_ns(), 2000U);
  EXPECT_EQ(watch.late_slots(), 0U);
}

TEST(MainJobVerdict, has_the_form_that_was_agreed) {
  Outcome outcome;
  outcome.counters.claims = 120;
  outcome.counters.reaped = 7;
  outcome.counters.refusals[static_cast<std::size_t>(Reason::kTypeLimit)] = 3;
  outcome.counters.refusals[static_cast<std::size_t>(Reason::kCpu)] = 4;
  outcome.killed = 9;
  EXPECT_EQ(
      format_verdict(outcome),
      "verdict: claims=120 refused=7 (type_limit=3 cpu=4) killed=9 reaped=7 leaked=0 over_limit=0");
  outcome.counters.refusals[static_cast<std::size_t>(Reason::kContended)] = 1;
  outcome.counters.refusals[static_cast<std::size_t>(Reason::kGroupLimit)] = 2;
  EXPECT_EQ(format_verdict(outcome),
            "verdict: claims=120 refused=10 (type_limit=3 cpu=4 group_limit=2 contended=1) "
            "killed=9 reaped=7 leaked=0 "
            "over_limit=0");
}

TEST(MainJobVerdict, is_clean_only_without_leak_and_excess_and_with_a_claim) {
  Outcome outcome;
  EXPECT_FALSE(is_clean(outcome));
  outcome.counters.claims = 1;
  EXPECT_TRUE(is_clean(outcome));
  outcome.leaked = 1;
  EXPECT_FALSE(is_clean(outcome));
  outcome.leaked = 0;
  outcome.over_limit = 1;
  EXPECT_FALSE(is_clean(outcome));
}

TEST(MainJobProcess, parses_whatever_a_process_calls_itself) {
  const auto stat = parse_process_stat(
      "4711 (a) R 1 (b)) S 12 4711 4711 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 1 0 98765 0 0 0");
  ASSERT_TRUE(stat.has_value());
  EXPECT_EQ(stat->state, 'S');
  EXPECT_EQ(stat->parent, 12);
  EXPECT_EQ(stat->start_ticks, 98765U);
  EXPECT_FALSE(parse_process_stat("").has_value());
  EXPECT_FALSE(parse_process_stat("1 (x) S 2").has_value());
}

}  // namespace
}  // namespace slotd::mainjob
