// P3 as it happens to real processes: workers that do everything a worker can do are killed by
// SIGKILL at random instants, thousands of times. Afterwards the node is as if they had never been.
// (Each single instruction is another test's business.)
#include <gtest/gtest.h>

#include <chrono>
#include <cstdint>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/team.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

constexpr const char* kConfig =
    "cpu: { capacity: 10, max_utilization: 1.0 }\n"
    "memory: { max: 1000, headroom: 1 }\n"
    "types:\n"
    "  a: { max: 4, cpu: 1.0, groups: { g: 2, h: 1 } }\n"
    "  b: { cpu: 0.5, memory: 100, groups: { g: 1 } }\n"
    "groups: { g: { max: 9 }, h: { max: 5 } }\n"
    "segment: { slots: 24, processes: 12 }\n";

/// Claims, looks, moves slots to the survivor, through all states, for ever. Leaves whatever it was
/// doing when it is killed.
[[noreturn]] void do_everything(const std::string& segment, int survivor, std::uint64_t seed) {
  std::mt19937_64 random(seed);
  Client client({segment, "victim"});
  std::vector<Slot> slots;
  std::error_code ec;
  for (;;) {
    const std::string key = "EG_" + std::to_string(random() % 6);
    ClaimOptions options;
    if (random() % 2 == 0) options.key = key;
    Slot slot = client.try_claim(random() % 2 == 0 ? "a" : "b", options, ec);
    if (slot) slots.push_back(std::move(slot));
    client.can_accept("b");
    if (random() % 64 == 0) client.reap();
    if (random() % 64 == 0) const Client second({segment, "second"}, ec);
    if (slots.empty()) continue;
    Slot& one = slots[random() % slots.size()];
    switch (random() % 5) {
      case 0:
        one.activate(ec);
        break;
      case 1:
        one.end(ec);
        break;
      case 2:  // there and back again: the owner is moved twice
        one.bind(survivor, ec);
        client.adopt(one.token(), ec).release(ec);
        break;
      default:
        one.release(ec);
        break;
    }
    std::erase_if(slots, [](const Slot& held) { return !held; });
    if (slots.size() > 5) slots.clear();
  }
}

class KilledWorkers : public ::testing::TestWithParam<bool> {
 protected:
  /// All room is there again, all keys, all words; asked of a real client.
  void expect_as_new(Client& client) const {
    std::vector<Slot> slots;
    for (int i = 0; i < 4; ++i)
      slots.push_back(client.try_claim("a", {.key = "EG_" + std::to_string(i)}));
    slots.push_back(client.try_claim("b", {.key = "EG_4", .memory_bytes = 998}));
    for (const Slot& slot : slots) ASSERT_TRUE(slot) << slot.refusal().text();
    EXPECT_EQ(client.try_claim("a").refusal().reason(), Reason::kTypeLimit);
    EXPECT_EQ(client.try_claim("b", {.memory_bytes = 0}).refusal().reason(), Reason::kGroupLimit);
  }
};
INSTANTIATE_TEST_SUITE_P(Broker, KilledWorkers, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "up" : "down"; });

TEST_P(KilledWorkers, leave_nothing_behind) {
  BrokerProcess broker(kConfig);
  SegmentProbe probe(broker.segment());
  Client client({broker.segment(), "survivor"});
  const int survivor = ::getpid();
  if (!GetParam()) broker.kill_now();
  std::mt19937_64 random(GetParam() ? 1 : 2);
  const int rounds = GetParam() ? 60 : 200;  // the broker looks every 100 ms
  for (int round = 0; round < rounds; ++round) {
    Team team;
    std::vector<pid_t> victims;
    for (std::uint64_t i = 0; i < 3; ++i) {
      victims.push_back(team.add([&, i]() -> bool {
        do_everything(broker.segment(), survivor, 1000 * static_cast<unsigned>(round) + i);
      }));
    }
    ::usleep(static_cast<useconds_t>(random() % 6000));  // some are not even attached by then
    for (const pid_t pid : victims) {
      team.kill_now(pid);
      ::usleep(static_cast<useconds_t>(random() % 300));
    }
    // What was bound to the survivor and never taken back is the survivor's.
    for (const SlotSnapshot& slot : probe.snapshot().slots) {
      std::error_code ec;
      if (slot.owner_pid == survivor) client.adopt(slot.token, ec).release(ec);
    }
    if (GetParam()) {
      // The broker alone sweeps up; nobody claims.
      ASSERT_TRUE(probe.wait_all_free()) << "round " << round;
      expect_as_new(client);
    } else {
      // The claims alone find the dead; words that were being written may stay until somebody asks
      // for pids.
      expect_as_new(client);
      client.reap();
      ASSERT_EQ(probe.taken(), 0U) << "round " << round;
    }
    if (::testing::Test::HasFailure()) FAIL() << "round " << round;
  }
  EXPECT_TRUE(wait_until([&] { return probe.snapshot().processes.size() <= 12; }));
  // Nobody's entry is lost: as many as there are can attach at once.
  std::vector<Client> all;
  ASSERT_TRUE(wait_until([&] {
    std::error_code ec;
    Client next({broker.segment(), "all"}, ec);
    if (!ec) all.push_back(std::move(next));
    return all.size() == 10U;  // of twelve; this process has one, another is kept for the broker
  })) << all.size();
}

/// Who is about to give a slot away announces to whom, so that the other's entry is not used anew
/// meanwhile. If it dies so, the announcement dies with it.
TEST(KilledWorker, announced_change_of_owner_holds_nobody_s_entry) {
  BrokerProcess broker(kConfig);
  WorkerProcess giver(broker.segment());
  WorkerProcess taker(broker.segment());
  ASSERT_TRUE(taker.ask("claim a").is_claimed());
  const SegmentProbe hand(broker.segment(), Access::kReadWrite);
  giver.freeze();
  const ProcessRef from = hand.find_process(giver.pid());
  const ProcessRef to = hand.find_process(taker.pid());
  hand.view()
      .process(from.index)
      .hazard.store((std::uint64_t{attach_tag(to.attach)} << 32) | to.index);
  const auto is_free = [&](ProcessRef entry) {
    return Reservation{hand.view().process(entry.index).reservation.load()}.is_free();
  };
  taker.kill_now();
  EXPECT_TRUE(hand.wait_all_free()) << "its slots are not held back";
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
  EXPECT_FALSE(is_free(to)) << "the giver may go on at any time";
  giver.kill_now();
  EXPECT_TRUE(wait_until([&] { return is_free(from) && is_free(to); }));
}

/// The broker is killed while it starts, adopts, sweeps and publishes; each time the next one finds
/// everything in order.
TEST(KilledBroker, leaves_the_ledger_whole) {
  BrokerProcess broker(kConfig);
  Client client({broker.segment(), "survivor"});
  std::vector<Slot> held;
  for (int i = 0; i < 3; ++i)
    held.push_back(client.try_claim("a", {.key = "EG_" + std::to_string(i)}));
  std::mt19937_64 random(3);
  SegmentProbe probe(broker.segment());
  const std::uint64_t segment_id = probe.view().segment_id();
  broker.kill_now();
  for (int round = 0; round < 100; ++round) {
    broker.write_config(round % 2 == 0 ? std::string(kConfig)
                                       : std::string(kConfig) + "queue: { turn: 30ms }\n");
    {
      Team team;
      const pid_t victim =
          team.add([&]() -> bool { do_everything(broker.segment(), ::getppid(), 77); });
      ::usleep(static_cast<useconds_t>(random() % 3000));
      team.kill_now(victim);
    }
    broker.start_and_kill_after_us(static_cast<int>(random() % 15'000));
    ASSERT_EQ(SegmentProbe(broker.segment()).view().segment_id(), segment_id)
        << "never another segment";
    ASSERT_FALSE(client.can_accept("a", {.key = "EG_0"}));
  }
  broker.start();
  for (const SlotSnapshot& slot : probe.snapshot().slots) {
    std::error_code ec;
    if (slot.key.size() != 4 || slot.owner_pid != ::getpid() || slot.slot > 2)
      client.adopt(slot.token, ec).release(ec);
  }
  for (Slot& slot : held) {
    std::error_code ec;
    slot.release(ec);
    EXPECT_FALSE(ec) << ec.message();
  }
  EXPECT_TRUE(probe.wait_all_free());
}

}  // namespace
}  // namespace slotd::testing
