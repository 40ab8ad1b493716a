// Entries of waiters that somebody has scribbled over: nothing that is read from them breaks a
// look, a limit, or the turn of an honest waiter.
#include <gtest/gtest.h>

#include <random>

#include "tests/unit/waiters_support.hpp"

namespace slotd {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the support names of this room

class HostileWaiters : public Waiters {
 protected:
  /// Words that look like something, so that the checks behind the first one are reached.
  std::uint64_t make_word() {
    switch (random_() % 6) {
      case 0:
        return random_() & 0xff;
      case 1:
        return ~std::uint64_t{0} - (random_() & 0xff);
      case 2:
        return WaiterHolder::make(random_() % 2 == 0 ? me_ : other_,
                                  static_cast<std::uint32_t>(random_()),
                                  WaiterHolder::State::kShown)
            .raw;
      case 3:
        return now_ms() + (random_() & 0x3ff) - 0x200;
      default:
        return random_();
    }
  }
  void scribble() {
    const SegmentView view = segment_.view();
    view.header().waiting.store(random_());
    for (std::uint32_t i = 0; i < kMaxWaiters; ++i) {
      WaiterEntry& entry = view.waiter(i);
      entry.holder.store(make_word());
      entry.request.set(make_word());
      entry.memory_bytes.set(make_word());
      entry.ticket.set(make_word());
      entry.since_ms.set(make_word());
      entry.confirmed_ms.set(make_word());
      entry.told.store(make_word());
    }
  }
  /// CPU and count held beside the limits of make_waiting_spec().
  std::uint64_t held_milli() const {
    std::uint64_t sum = 0;
    for (std::uint32_t slot = 0; slot < 64; ++slot) {
      if (segment_.word(slot).is_held()) sum += segment_.word(slot).cost_milli();
    }
    return sum;
  }

  std::mt19937_64 random_{20240917};
};

TEST_F(HostileWaiters, NothingReadFromThemBreaksALookOrALimit) {
  for (int round = 0; round < 60; ++round) {
    scribble();
    const WaiterQueue queue(processes_, now_ms());
    std::uint32_t count = 0;
    for (const QueuedClaim& claim : queue) {
      ++count;
      EXPECT_LT(claim.entry, kMaxWaiters);
      EXPECT_LT(claim.request.type, kMaxTypes);
      EXPECT_LE(claim.request.cost_milli, kMaxCostMilli);
      EXPECT_LE(claim.priority, kMaxPriority);
    }
    EXPECT_LE(count, kMaxWaiters);
    EXPECT_LE(wake_waiters(processes_), kMaxWaiters);
    ask_queue(processes_, request(kTrack, 3000), 1);
    segment_.claim(me_, kTrack, 3000);
    EXPECT_LE(held_milli(), 10'000U);
    WaiterSeat seat(processes_, me_);
    if (!seat.take(request(kTrack, 1000), 0)) continue;
    seat.confirm();
    seat.pass_turn();
    seat.leave();
  }
}

TEST_F(HostileWaiters, LeavingAndConfirmingGoOnInAScribbledEntry) {
  for (int round = 0; round < 60; ++round) {
    WaiterSeat seat(processes_, me_);
    if (!seat.take(request(kTrack, 1000), 0)) {
      for (std::uint32_t i = 0; i < kMaxWaiters; ++i) segment_.view().waiter(i).holder.store(0);
      continue;
    }
    scribble();
    seat.confirm();
    seat.pass_turn();
    seat.leave();
    EXPECT_FALSE(seat.is_taken());
  }
}

TEST_F(HostileWaiters, AWaiterWithAnHonestEntryIsToldAllTheSame) {
  scribble();
  const SegmentView view = segment_.view();
  // All others are gone: what they left behind in the fields is nobody's.
  for (std::uint32_t i = 0; i < kMaxWaiters; ++i) {
    const WaiterHolder holder{view.waiter(i).holder.load()};
    if (holder.state() == WaiterHolder::State::kShown) view.waiter(i).holder.store(0);
  }
  auto seat = sit(me_, 1000);
  EXPECT_FALSE(told(*seat).has_turn());
  EXPECT_EQ(wake_waiters(processes_), 1U);
  EXPECT_TRUE(told(*seat).is_running(now_ms()));
}

}  // namespace
}  // namespace slotd
