// Entries of waiters made by hand on a heap segment: taken, shown, told, missed, given back, and
// left by the dead.
#include "slotd/waiters.hpp"

#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "tests/unit/waiters_support.hpp"

namespace slotd {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the support names of this room

TEST_F(Waiters, NobodyWaitsNobodyIsWoken) {
  EXPECT_EQ(bits(), 0U);
  EXPECT_EQ(wake_waiters(processes_), 0U);
  EXPECT_EQ(ask_queue(processes_, request(kTrack, 1000), 0), QueueAnswer::kGo);
}

TEST_F(Waiters, ASeatIsShownAndGivenBack) {
  auto seat = sit(me_, 1000);
  EXPECT_EQ(queue_entries(), std::vector<std::uint32_t>{seat->index()});
  EXPECT_EQ(bits(), std::uint64_t{1} << (seat->index() / kWaiterGroup));
  seat->leave();
  EXPECT_FALSE(seat->is_taken());
  EXPECT_TRUE(queue_entries().empty());
  EXPECT_EQ(bits(), 0U);
  seat->leave();  // again: nothing
  EXPECT_EQ(bits(), 0U);
}

TEST_F(Waiters, TheBitStaysWhileANeighbourWaits) {
  auto first = sit(me_, 1000);
  auto second = sit(me_, 1000);
  ASSERT_EQ(first->index() / kWaiterGroup, second->index() / kWaiterGroup);
  first->leave();
  EXPECT_NE(bits(), 0U);
  second->leave();
  EXPECT_EQ(bits(), 0U);
}

TEST_F(Waiters, ABitThatAKilledWakerClearedIsSetAgainByTheNextLook) {
  auto seat = sit(me_, 1000);
  segment_.view().header().waiting.store(0);
  EXPECT_EQ(wake_waiters(processes_), 0U);
  seat->confirm();
  EXPECT_NE(bits(), 0U);
  EXPECT_EQ(wake_waiters(processes_), 1U);
}

TEST_F(Waiters, OnlyThoseThatFitAreToldInOrder) {
  hold(0, other_, 7000);
  auto first = sit(me_, 2000);
  auto second = sit(me_, 2000);
  auto third = sit(me_, 1000);
  const std::uint32_t count = told(*first).count();
  // 3 cores are free: 2, then not 2, then 1.
  EXPECT_EQ(wake_waiters(processes_), 2U);
  EXPECT_TRUE(told(*first).is_running(now_ms()));
  EXPECT_FALSE(told(*second).has_turn());
  EXPECT_TRUE(told(*third).is_running(now_ms()));
  EXPECT_EQ(told(*first).count(), count + 1U);
  EXPECT_EQ(wake_waiters(processes_), 0U) << "whoever has a turn is not woken again";
}

TEST_F(Waiters, PriorityIsServedFirst) {
  hold(0, other_, 8000);
  auto early = sit(me_, 2000);
  auto urgent = sit(me_, 2000, 7);
  EXPECT_EQ(wake_waiters(processes_), 1U);
  EXPECT_TRUE(told(*urgent).has_turn());
  EXPECT_FALSE(told(*early).has_turn());
}

TEST_F(Waiters, ANewcomerGivesWayToWhoFitsAndTellsIt) {
  hold(0, other_, 8000);
  auto seat = sit(me_, 2000);
  EXPECT_EQ(ask_queue(processes_, request(kTrack, 2000), 0), QueueAnswer::kGiveWay);
  EXPECT_TRUE(told(*seat).is_running(now_ms()));
  EXPECT_EQ(ask_queue(processes_, request(kTrack, 2001), 0), QueueAnswer::kNoRoom);
  EXPECT_EQ(ask_queue(processes_, request(kTrack, 0), 0), QueueAnswer::kGo);
  EXPECT_EQ(ask_queue(processes_, request(kTrack, 2000), 1), QueueAnswer::kGo);
}

TEST_F(Waiters, WhoPassesItsTurnIsNotWaitedFor) {
  auto seat = sit(me_, 1000);
  wake_waiters(processes_);
  ASSERT_TRUE(told(*seat).has_turn());
  const std::uint32_t count = told(*seat).count();
  seat->pass_turn();
  EXPECT_FALSE(told(*seat).has_turn());
  EXPECT_EQ(told(*seat).count(), count) << "a sleeper's word must not change by it";
}

TEST_F(Waiters, WhoEndsATurnIsToldThatItHadOne) {
  auto seat = sit(me_, 1000);
  EXPECT_FALSE(seat->pass_turn());
  wake_waiters(processes_);
  EXPECT_TRUE(seat->pass_turn()) << "somebody may have counted on it: it looks again";
  seat->told().store(WaiterTold::make(now_ms() - 1, 1).raw);
  EXPECT_TRUE(seat->pass_turn()) << "somebody may have passed it over";
  EXPECT_FALSE(seat->pass_turn());
}

TEST_F(Waiters, WhoLooksForItselfHasNotMissedItsTurn) {
  hold(0, other_, 8000);
  auto seat = sit(me_, 2000);
  segment_.view().waiter(seat->index()).told.store(WaiterTold::make(now_ms() - 1, 1).raw);
  EXPECT_EQ(serve_queue(processes_, seat->index(), nullptr), QueueAnswer::kGo);
}

TEST_F(Waiters, ALookThatIsDatedAheadKeepsNoRoom) {
  hold(0, other_, 4000);
  auto head = sit(me_, 8000);
  WaiterEntry& entry = segment_.view().waiter(head->index());
  entry.since_ms.set(0);  // due, the window being over
  EXPECT_EQ(ask_queue(processes_, request(kTrack, 1000), 0), QueueAnswer::kGiveWay);
  entry.confirmed_ms.set(now_ms() + 3'600'000);
  EXPECT_EQ(ask_queue(processes_, request(kTrack, 1000), 0), QueueAnswer::kGo);
  entry.confirmed_ms.set(now_ms() > 1000 ? now_ms() - 1000 : 0);
  EXPECT_EQ(ask_queue(processes_, request(kTrack, 1000), 0), QueueAnswer::kGo);
}

TEST_F(Waiters, ATurnThatHasGoneByCostsThePlaceUntilTheNextLook) {
  hold(0, other_, 8000);
  auto late = sit(me_, 2000);
  auto next = sit(me_, 2000);
  late->told().store(WaiterTold::make(now_ms() - 1, 1).raw);
  EXPECT_EQ(wake_waiters(processes_), 1U);
  EXPECT_TRUE(told(*next).has_turn());
  next->pass_turn();
  late->confirm();
  EXPECT_EQ(wake_waiters(processes_), 1U);
  EXPECT_TRUE(told(*late).is_running(now_ms())) << "the first miss costs no ticket";
  EXPECT_FALSE(told(*next).has_turn());
}

TEST_F(Waiters, ASecondMissCostsTheTicket) {
  hold(0, other_, 8000);
  auto late = sit(me_, 2000);
  auto next = sit(me_, 2000);
  for (int miss = 0; miss < 2; ++miss) {
    late->told().store(WaiterTold::make(now_ms() - 1, 1).raw);
    late->confirm();
  }
  EXPECT_EQ(wake_waiters(processes_), 1U);
  EXPECT_TRUE(told(*next).has_turn());
  EXPECT_FALSE(told(*late).has_turn());
}

TEST_F(Waiters, ATurnThatWasUsedLeavesNoMiss) {
  auto seat = sit(me_, 2000);
  const std::uint64_t ticket = segment_.view().waiter(seat->index()).ticket.get();
  const auto miss = [&] {
    seat->told().store(WaiterTold::make(now_ms() - 1, 1).raw);
    seat->confirm();
  };
  miss();
  seat->told().store(WaiterTold::make(now_ms() + kTurnMs, 2).raw);
  seat->confirm();  // came in time
  seat->pass_turn();
  miss();
  EXPECT_EQ(segment_.view().waiter(seat->index()).ticket.get(), ticket);
}

TEST_F(Waiters, TheDeadAreSkippedAndTheirEntriesTakenAgain) {
  hold(0, me_, 8000);
  auto dead = sit(other_, 2000);
  const std::uint32_t index = dead->index();
  auto living = sit(me_, 2000);
  segment_.mark_dead(other_);
  EXPECT_EQ(queue_entries(), std::vector<std::uint32_t>{living->index()});
  EXPECT_EQ(wake_waiters(processes_), 1U);
  EXPECT_TRUE(told(*living).has_turn());
  EXPECT_FALSE(told(*dead).has_turn());
  // Marked: threads of the process may still run for a moment. The entry is not taken yet.
  std::vector<std::unique_ptr<WaiterSeat>> more;
  for (std::uint32_t i = 0; i < kMaxWaiters - 2; ++i) more.push_back(sit(me_, 1000));
  WaiterSeat next(processes_, me_);
  EXPECT_FALSE(next.take(request(kTrack, 1000), 0));
  ProcessEntry& entry = segment_.view().process(other_.index);
  entry.gone.store(other_.attach);
  ASSERT_TRUE(next.take(request(kTrack, 1000), 0));
  EXPECT_EQ(next.index(), index);
  dead->leave();  // whatever it still does: the entry is another's now
  EXPECT_EQ(WaiterHolder{segment_.view().waiter(index).holder.load()}.owner(), me_.index);
}

TEST_F(Waiters, ATenancyThatIsOverHoldsNoEntry) {
  auto seat = sit(other_, 2000);
  segment_.view().process(other_.index).attach.fetch_add(2);  // the entry was recycled
  EXPECT_TRUE(queue_entries().empty());
}

TEST_F(Waiters, AllEntriesCanBeInUse) {
  std::vector<std::unique_ptr<WaiterSeat>> seats;
  for (std::uint32_t i = 0; i < kMaxWaiters; ++i)
    seats.push_back(sit(i % 2 == 0 ? me_ : other_, 9000));
  EXPECT_EQ(bits(), ~std::uint64_t{0});
  EXPECT_EQ(queue_entries().size(), kMaxWaiters);
  WaiterSeat none(processes_, me_);
  EXPECT_FALSE(none.take(request(kTrack, 1000), 0));
  EXPECT_FALSE(none.is_taken());
  EXPECT_EQ(wake_waiters(processes_), 1U) << "one of nine cores in ten";
  EXPECT_TRUE(told(*seats.front()).has_turn());
  // With a newcomer the queue has one more than there are entries: it may go beside the first.
  EXPECT_EQ(ask_queue(processes_, request(kTrack, 1000), 0), QueueAnswer::kGo);
  seats[500]->leave();
  EXPECT_TRUE(none.take(request(kTrack, 1000), 0));
  none.leave();
  seats.clear();
  EXPECT_EQ(bits(), 0U);
}

TEST_F(Waiters, AnEntryThatIsBeingWrittenIsNotSeen) {
  auto seat = sit(me_, 1000);
  std::atomic<std::uint64_t>& holder = segment_.view().waiter(seat->index()).holder;
  const std::uint64_t shown = holder.load();
  holder.store((shown & ~std::uint64_t{3}) |
               static_cast<std::uint64_t>(WaiterHolder::State::kWriting));
  EXPECT_TRUE(queue_entries().empty());
  EXPECT_EQ(wake_waiters(processes_), 0U);
  EXPECT_EQ(bits(), 0U) << "nobody is shown there";
  holder.store(shown);
  seat->confirm();  // sets the bit, as at every look
  EXPECT_EQ(wake_waiters(processes_), 1U);
}

TEST_F(Waiters, ATurnIsForTheWaiterThatWasSeenAndForNoOther) {
  auto seat = sit(me_, 1000);
  const std::uint32_t index = seat->index();
  const SegmentView view = segment_.view();
  const std::uint64_t first = view.waiter(index).holder.load();
  std::uint64_t seen = view.waiter(index).told.load();
  seat->leave();
  EXPECT_FALSE(detail::tell_waiter(view, index, first, now_ms(), kTurnMs)) << "it has left";
  auto next = sit(me_, 1000);
  ASSERT_EQ(next->index(), index);
  EXPECT_FALSE(detail::tell_waiter(view, index, first, now_ms(), kTurnMs));
  EXPECT_FALSE(told(*next).has_turn());
  // Whoever saw the word before it was taken, and was stopped there, finds another one now.
  EXPECT_FALSE(view.waiter(index).told.compare_exchange_strong(
      seen, WaiterTold::make(now_ms() + kTurnMs, WaiterTold{seen}.count() + 1U).raw));
  const std::uint64_t second = view.waiter(index).holder.load();
  EXPECT_TRUE(detail::tell_waiter(view, index, second, now_ms(), kTurnMs));
  EXPECT_TRUE(told(*next).has_turn());
}

TEST_F(Waiters, WhoTakesAnEntryDoesNotInheritATurn) {
  auto seat = sit(me_, 1000);
  const std::uint32_t index = seat->index();
  const std::uint64_t running = WaiterTold::make(now_ms() + kTurnMs, 7).raw;
  segment_.view().waiter(index).told.store(running);
  seat->leave();
  auto next = sit(me_, 1000);
  ASSERT_EQ(next->index(), index);
  EXPECT_FALSE(told(*next).has_turn());
  EXPECT_NE(told(*next).count(), 7U);
}

TEST_F(Waiters, ARequestComesBackAsItWasWritten) {
  Request wanted;
  wanted.type = 31;
  wanted.cost_milli = kMaxCostMilli;
  wanted.memory_is_default = true;
  const std::uint64_t packed = pack_wait_request(wanted, kMaxPriority);
  const Request back = unpack_wait_request(packed);
  EXPECT_EQ(back.type, 31U);
  EXPECT_EQ(back.cost_milli, kMaxCostMilli);
  EXPECT_FALSE(back.cost_is_default);
  EXPECT_TRUE(back.memory_is_default);
  EXPECT_EQ(wait_priority(packed), kMaxPriority);
}

TEST_F(Waiters, TurnsRunAcrossTheWrapOfMilliseconds) {
  constexpr std::uint64_t kWrap = std::uint64_t{1} << 32;
  for (const std::uint64_t begin : {kWrap - 20, kWrap - 19, kWrap - 1, kWrap, 5 * kWrap - 7}) {
    const WaiterTold turn = WaiterTold::make(begin + 20, 3);
    EXPECT_TRUE(turn.has_turn()) << "an end of zero would be none";
    EXPECT_TRUE(turn.is_running(begin));
    EXPECT_TRUE(turn.is_running(begin + 18));
    EXPECT_FALSE(turn.is_running(begin + 21));
    EXPECT_FALSE(turn.is_running(begin + 86'400'000)) << "a day later";
    // Stopped for 25 days and more: the end seems to lie ahead.
    EXPECT_FALSE(turn.is_running(begin + (std::uint64_t{1} << 31) + 1000));
    EXPECT_EQ(turn.count(), 3U);
  }
}

}  // namespace
}  // namespace slotd
