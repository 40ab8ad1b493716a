// P1: the slot words, with the fields frozen before a word is published, are the only truth.
// Whatever else lies in the segment may be wrong without anybody admitting one slot more or less,
// and nothing has to be repaired.
#include <gtest/gtest.h>

#include <random>
#include <string>
#include <vector>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

constexpr const char* kConfig =
    "cpu: { capacity: 10, max_utilization: 1.0 }\n"
    "types:\n"
    "  a: { max: 3, cpu: 1.0, groups: { g: 2 } }\n"
    "  b: { cpu: 1.0, groups: { g: 1 } }\n"
    "groups: { g: { max: 8 } }\n"
    "segment: { slots: 32, processes: 8 }\n";

class Truth : public ::testing::Test {
 protected:
  /// How many more of the type are admitted; all of them are given back.
  int count_room(Client& client, const std::string& type) const {
    std::vector<Slot> slots;
    for (;;) {
      Slot slot = client.try_claim(type);
      if (!slot) return static_cast<int>(slots.size());
      slots.push_back(std::move(slot));
    }
  }

  BrokerProcess broker_{kConfig};
  SegmentProbe hand_{broker_.segment(), Access::kReadWrite};
};

TEST_F(Truth, counters_hints_and_times_decide_nothing) {
  Client client({broker_.segment(), "truth"});
  const Slot one = client.try_claim("a");
  ASSERT_TRUE(one);
  const SegmentView& view = hand_.view();
  std::mt19937_64 random(1);
  for (int round = 0; round < 20; ++round) {
    for (std::uint32_t index = 0; index <= view.process_count(); ++index) {
      auto* cells = reinterpret_cast<std::uint64_t*>(&view.counters(index));
      for (std::size_t i = 0; i < sizeof(CounterBlock) / 8; ++i)
        cells[i] = round == 0 ? ~std::uint64_t{0} : random();
    }
    for (std::uint32_t slot = 0; slot < view.slot_count(); ++slot) {
      SlotRecord& record = view.record(slot);
      record.claimed_at_ns.set(random());
      record.activated.set(random());
      record.reported_cpu.set(random());
      record.reported_memory.set(random());
      record.reported_at.set(random());
    }
    view.header().mark.store(random() % 2 == 0 ? ~std::uint64_t{0}
                                               : 32);  // never too low; that is the claimer's duty
    EXPECT_EQ(count_room(client, "a"), 2);
    EXPECT_EQ(count_room(client, "b"), 6);
  }
}

TEST_F(Truth, a_word_written_by_hand_is_a_slot_and_one_taken_away_is_none) {
  Client client({broker_.segment(), "truth"});
  WorkerProcess owner(broker_.segment());
  const std::uint32_t index = hand_.find_process(owner.pid()).index;
  const std::uint32_t a = client.type("a").index;
  hand_.view().header().mark.store(32);
  for (const SlotState state : {SlotState::kPending, SlotState::kActive, SlotState::kEnding}) {
    hand_.view().word(17).store(SlotWord::make(index, state, a, 2'500, 5).raw);
    EXPECT_EQ(count_room(client, "a"), 2);
    EXPECT_EQ(count_room(client, "b"), 6);
    EXPECT_EQ(hand_.available_micro(), 7'500'000);
    // A claim that has not become a slot counts for nobody's refusal.
    hand_.view().word(18).store(SlotWord::make(index, SlotState::kClaiming, a, 2'500, 5).raw);
    EXPECT_EQ(count_room(client, "a"), 2);
    hand_.view().word(18).store(0);
  }
  hand_.view().word(17).store(SlotWord{hand_.word(17)}.freed().raw);
  EXPECT_EQ(count_room(client, "a"), 3);
  EXPECT_EQ(count_room(client, "b"), 8);
}

TEST_F(Truth, nothing_is_to_be_repaired_when_all_have_died_at_once) {
  for (int round = 0; round < 5; ++round) {
    std::vector<std::unique_ptr<WorkerProcess>> workers;
    for (int i = 0; i < 3; ++i) {
      workers.push_back(std::make_unique<WorkerProcess>(broker_.segment()));
      for (int k = 0; k < 3; ++k) workers.back()->ask(k == 0 ? "claim a" : "claim b");
    }
    for (auto& worker : workers) worker->send("claim b");  // and in the middle of something
    broker_.kill_now();
    for (auto& worker : workers) worker->kill_now();
    Client client({broker_.segment(), "after"});  // the first who comes, without a broker
    EXPECT_EQ(count_room(client, "a"), 3);
    EXPECT_EQ(count_room(client, "b"), 8);
    client.reap();
    EXPECT_EQ(hand_.taken(), 0U);
    broker_.start();
  }
}

}  // namespace
}  // namespace slotd::testing
