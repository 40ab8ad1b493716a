// Claims of several threads on one heap segment whose interleaving is left to the machine: limits
// hold whatever happens, one of those racing for the last room wins, refusals are exact.
#include <gtest/gtest.h>

#include <atomic>
#include <barrier>
#include <thread>
#include <vector>

#include "tests/support/heap_segment.hpp"

namespace slotd {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the support names of this room

TEST(Conflict, OneOfTwoWinsTheLastRoomEveryTime) {
  broker::LedgerSpec spec = make_spec(100'000'000);
  spec.types[kTrack].limit = 1;
  const HeapSegment segment(spec);
  constexpr int kRounds = 2000;
  constexpr int kThreads = 3;
  std::barrier start(kThreads);
  std::barrier finish(kThreads);
  std::atomic<int> winners{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const ProcessRef me = segment.add_process(static_cast<std::uint32_t>(100 + t));
      for (int round = 0; round < kRounds; ++round) {
        start.arrive_and_wait();
        const ClaimResult result = segment.claim(me, kTrack);
        if (result.verdict) winners.fetch_add(1);
        finish.arrive_and_wait();
        if (t == 0 && winners.exchange(0) != 1) wrong.fetch_add(1);
        if (result.verdict) release_slot(segment.view(), {result.slot, result.word.generation()});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
  for (std::uint32_t slot = 0; slot < segment.view().slot_count(); ++slot)
    EXPECT_TRUE(segment.word(slot).is_free());
}

TEST(Conflict, OneKeyIsHeldAtMostOnce) {
  const HeapSegment segment(make_spec(100'000'000));
  constexpr int kThreads = 3;
  std::atomic<int> holders{0};
  std::atomic<int> wrong{0};
  std::atomic<int> admitted{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      const ProcessRef me = segment.add_process(static_cast<std::uint32_t>(100 + t));
      for (int round = 0; round < 3000; ++round) {
        const ClaimResult result = segment.claim(me, kTrack, 0, "EG_1");
        if (!result.verdict) {
          const Reason reason = result.verdict.reason;
          if (reason != Reason::kDuplicateKey && reason != Reason::kContended) wrong.fetch_add(1);
          continue;
        }
        admitted.fetch_add(1);
        if (holders.fetch_add(1) != 0) wrong.fetch_add(1);
        holders.fetch_sub(1);
        release_slot(segment.view(), {result.slot, result.word.generation()});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_GT(admitted.load(), 0);
}

}  // namespace
}  // namespace slotd
