// Claims of several threads on one heap segment whose interleaving is left to the machine: limits
// hold whatever happens, one of those racing for the last room wins, refusals are exact.
#include <gtest/gtest.h>
#include <pthread.h>

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
        if (result.verdict)
          release_slot(segment.view(), {result.slot, result.word.generation(), result.nonce});
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
        release_slot(segment.view(), {result.slot, result.word.generation(), result.nonce});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
  EXPECT_GT(admitted.load(), 0);
}

// Room for two; a stopped claimant in front holds one room for itself for ever. Of two others one
// gets the second room every time, and is not kept waiting for a process that never moves.
TEST(Conflict, AStoppedClaimantInFrontKeepsOnlyItsOwnRoom) {
  broker::LedgerSpec spec = make_spec(100'000'000);
  spec.types[kTrack].limit = 2;
  const HeapSegment segment(spec);
  const ProcessRef stopped = segment.add_process(90);
  segment.put_word(0, SlotWord::make(stopped.index, SlotState::kTentative, kTrack, 500, 7));
  constexpr int kRounds = 300;
  std::barrier start(2);
  std::barrier finish(2);
  std::atomic<int> winners{0};
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 2; ++t) {
    threads.emplace_back([&, t] {
      const ProcessRef me = segment.add_process(static_cast<std::uint32_t>(100 + t));
      for (int round = 0; round < kRounds; ++round) {
        start.arrive_and_wait();
        const ClaimResult result = segment.claim(me, kTrack);
        if (result.verdict) winners.fetch_add(1);
        finish.arrive_and_wait();
        if (t == 0 && winners.exchange(0) != 1) wrong.fetch_add(1);
        if (result.verdict)
          release_slot(segment.view(), {result.slot, result.word.generation(), result.nonce});
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(wrong.load(), 0);
}

// Refusal, conflict and full table on a thread with 112 KiB of stack: the two passes take 64 of
// them.
TEST(Conflict, FitsSmallStacks) {
  broker::LedgerSpec spec = make_spec(100'000'000);
  spec.types[kTrack].limit = 1;
  const HeapSegment segment(spec, {4, 4});
  const ProcessRef me = segment.add_process(11);
  const ProcessRef stopped = segment.add_process(12);
  struct Work {
    const HeapSegment& segment;
    ProcessRef me;
    ProcessRef stopped;
    Reason reasons[3];
  } work{segment, me, stopped, {}};
  const auto run = [](void* argument) -> void* {
    Work& w = *static_cast<Work*>(argument);
    w.segment.put_word(3, SlotWord::make(w.stopped.index, SlotState::kTentative, kTrack, 500, 1));
    w.reasons[0] = w.segment.claim(w.me, kTrack).verdict.reason;
    w.segment.put_word(3, SlotWord::make(w.stopped.index, SlotState::kPending, kTrack, 500, 1));
    w.reasons[1] = w.segment.claim(w.me, kTrack).verdict.reason;
    for (int i = 0; i < 3; ++i) w.segment.claim(w.me, kWeb);
    w.reasons[2] = w.segment.claim(w.me, kWeb).verdict.reason;
    return nullptr;
  };
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  ASSERT_EQ(pthread_attr_setstacksize(&attributes, 112 * 1024), 0);
  pthread_t thread{};
  ASSERT_EQ(pthread_create(&thread, &attributes, run, &work), 0);
  pthread_join(thread, nullptr);
  pthread_attr_destroy(&attributes);
  EXPECT_EQ(work.reasons[0], Reason::kContended);
  EXPECT_EQ(work.reasons[1], Reason::kTypeLimit);
  EXPECT_EQ(work.reasons[2], Reason::kTableFull);
}

}  // namespace
}  // namespace slotd
