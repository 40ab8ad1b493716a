// The same protocol under ThreadSanitizer: threads on one mapping, every kind of step at once, with
// reloads and samples in between. Counts are checked against an observer that is not a scan.
#include <gtest/gtest.h>

#include <atomic>
#include <random>
#include <thread>
#include <vector>

#include "tests/support/heap_segment.hpp"

namespace slotd {
namespace {

using namespace testing;  // NOLINT(google-build-using-namespace): the support names of this room

constexpr int kThreads = 4;
constexpr int kRounds = 3000;
constexpr std::uint32_t kLimit = 5;

broker::LedgerSpec limited_spec() {
  broker::LedgerSpec spec = make_spec(20'000'000);
  spec.types[kTrack].limit = kLimit;
  broker::LedgerGroup group;
  group.name = "web";
  group.limit = 6;
  group.weights[kWeb] = 1;
  group.weights[kRoomComposite] = 2;
  spec.groups.push_back(group);
  return spec;
}

/// What the workers hold, told by themselves after admission and before release.
struct Observer {
  std::atomic<std::uint32_t> tracks{0};
  std::atomic<std::uint32_t> web{0};
  std::atomic<std::uint64_t> cost_milli{0};
  std::atomic<int> violations{0};

  void add(std::uint32_t type, std::uint32_t cost) {
    const std::uint32_t weight = type == kWeb ? 1U : type == kRoomComposite ? 2U : 0U;
    if (type == kTrack && tracks.fetch_add(1) + 1 > kLimit) violations.fetch_add(1);
    if (web.fetch_add(weight) + weight > 6) violations.fetch_add(1);
    if (cost_milli.fetch_add(cost) + cost > 16'000) violations.fetch_add(1);
  }
  void remove(std::uint32_t type, std::uint32_t cost) {
    if (type == kTrack) tracks.fetch_sub(1);
    web.fetch_sub(type == kWeb ? 1U : type == kRoomComposite ? 2U : 0U);
    cost_milli.fetch_sub(cost);
  }
};

void work(const HeapSegment& segment, int number, Observer& observer) {
  const ProcessRef me = segment.add_process(static_cast<std::uint32_t>(100 + number));
  const ProcessTable table = segment.processes();
  std::mt19937 engine(static_cast<unsigned>(number));
  const auto random = [&engine] { return static_cast<std::uint32_t>(engine()); };
  struct Mine {
    SlotRef ref;
    std::uint32_t type;
    std::uint32_t cost;
  };
  std::vector<Mine> mine;
  for (int round = 0; round < kRounds; ++round) {
    const std::uint32_t type = random() % 5;
    const std::uint32_t cost = 100 + random() % 3000;
    const std::string key = random() % 4 == 0 ? "EG_" + std::to_string(random() % 6) : "";
    const ClaimResult result = segment.claim(me, type, cost, key);
    if (result.verdict) {
      observer.add(type, cost);
      mine.push_back({{result.slot, result.word.generation(), result.nonce}, type, cost});
      activate_slot(segment.view(), mine.back().ref, 1);
      const StepResult moved = transfer_slot(table, me, mine.back().ref, me);
      ASSERT_EQ(moved.code, Errc::kOk);
      mine.back().ref.generation = moved.word.generation();
    }
    while (!mine.empty() && (!result.verdict || random() % 3 == 0)) {
      observer.remove(mine.back().type, mine.back().cost);
      ASSERT_EQ(release_slot(segment.view(), mine.back().ref).code, Errc::kOk);
      mine.pop_back();
    }
  }
  for (const Mine& slot : mine) {
    observer.remove(slot.type, slot.cost);
    release_slot(segment.view(), slot.ref);
  }
}

TEST(ClaimThreads, NoLimitIsExceededWhileTheLedgerIsRepublished) {
  const broker::LedgerSpec spec = limited_spec();
  const HeapSegment segment(spec);
  Observer observer;
  std::atomic<bool> stop{false};
  std::thread publisher([&] {
    std::uint64_t beat = 0;
    while (!stop.load()) {
      broker::publish_config(segment.view(), spec);
      broker::Sample sample;
      sample.sampled_at_ns = ++beat;
      broker::publish_sample(segment.view(), sample);
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
  });
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) threads.emplace_back([&, t] { work(segment, t, observer); });
  for (std::thread& thread : threads) thread.join();
  stop.store(true);
  publisher.join();
  EXPECT_EQ(observer.violations.load(), 0);
  for (std::uint32_t slot = 0; slot < segment.view().slot_count(); ++slot)
    EXPECT_TRUE(segment.word(slot).is_free());
}

}  // namespace
}  // namespace slotd
