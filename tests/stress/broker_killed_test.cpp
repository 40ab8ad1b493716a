// P5 and P6 under load: the broker is killed again and again in the middle of it. Claims, releases
// and the reaping of dead owners go on while it is down; the next one adopts the segment with the
// same slots and tokens.
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

namespace slotd::testing {
namespace {

constexpr std::uint32_t kWorkers = 4;
constexpr std::uint32_t kLimit = 3;    ///< of `busy`, which the workers fight for
constexpr std::uint32_t kMortals = 4;  ///< of `mortal`, which the victims hold all of

constexpr const char* kConfig =
    "cpu: { capacity: 100 }\n"
    "types:\n"
    "  busy: { max: 3, cpu: 1.0 }\n"
    "  steady: { cpu: 1.0, memory: 1MiB }\n"
    "  mortal: { max: 4, cpu: 0.1 }\n"
    "segment: { slots: 64, processes: 24 }\n";

struct State {
  std::atomic<bool> stop;
  std::atomic<std::uint32_t> busy;    ///< held, by the workers' own account
  std::atomic<std::uint64_t> broken;  ///< seen above the limit
  std::atomic<std::uint64_t> admitted;
  std::atomic<std::uint64_t> errors;
  std::atomic<bool> victim_holds_all;
};

bool work(const std::string& segment, State& state, std::uint64_t seed) {
  Client client({segment, "worker"});
  const TypeId busy = client.type("busy");
  std::mt19937_64 random(seed);
  std::error_code ec;
  while (!state.stop.load()) {
    Slot slot = client.try_claim(busy, {}, ec);
    if (ec) state.errors.fetch_add(1);
    if (!slot) continue;
    if (state.busy.fetch_add(1) + 1 > kLimit) state.broken.fetch_add(1);
    state.admitted.fetch_add(1);
    if (random() % 8 == 0) std::this_thread::sleep_for(std::chrono::microseconds(random() % 50));
    state.busy.fetch_sub(1);
    slot.release(ec);
    if (ec) state.errors.fetch_add(1);
  }
  return true;
}

/// Takes all that there are of `mortal` and waits to be killed. Its claims free what the victim
/// before it left.
bool hold_all(const std::string& segment, State& state) {
  Client client({segment, "victim"});
  std::vector<Slot> slots;
  while (slots.size() < kMortals) {
    Slot slot = client.try_claim("mortal");
    if (slot) slots.push_back(std::move(slot));
  }
  if (client.try_claim("mortal")) state.broken.fetch_add(1);
  state.victim_holds_all.store(true);
  for (;;) ::pause();
}

std::string describe_steady(const SegmentProbe& probe) {
  std::string text;
  for (const SlotSnapshot& slot : probe.snapshot().slots) {
    if (slot.type != "steady") continue;
    text += std::to_string(slot.slot) + " " + slot.token + " " + slot.key + " " +
            std::to_string(slot.owner_pid) + " " +
            std::to_string(static_cast<int>(slot.word.state())) + "\n";
  }
  return text;
}

void let_them_work(State& state, std::uint64_t claims) {
  const std::uint64_t before = state.admitted.load();
  EXPECT_TRUE(wait_until([&] { return state.admitted.load() >= before + claims; }))
      << "claims go on";
}

TEST(BrokerKilled, in_the_middle_of_load_costs_nothing_but_the_broker) {
  BrokerProcess broker(kConfig);
  Shared<State> state;
  Team team;
  for (std::uint32_t i = 0; i < kWorkers; ++i)
    team.add([&, i] { return work(broker.segment(), *state, i); });
  const auto add_victim = [&] {
    state->victim_holds_all.store(false);
    const pid_t pid = team.add([&] { return hold_all(broker.segment(), *state); });
    EXPECT_TRUE(wait_until([&] { return state->victim_holds_all.load(); }))
        << "a dead owner's slots come back";
    return pid;
  };
  pid_t victim = add_victim();

  Client client({broker.segment(), "steady"});
  std::vector<Slot> steady;
  for (int i = 0; i < 5; ++i) {
    steady.push_back(client.try_claim("steady", {.key = "EG_" + std::to_string(i)}));
    ASSERT_TRUE(steady.back());
    if (i % 2 == 1) steady.back().activate();
    if (i == 4) steady.back().end();
  }
  const SegmentProbe probe(broker.segment());
  const std::string before = describe_steady(probe);
  const std::uint64_t segment_id = probe.view().segment_id();

  for (int round = 0; round < 10; ++round) {
    let_them_work(*state, 2000);
    broker.kill_now();
    let_them_work(*state, 2000);
    EXPECT_EQ(probe.snapshot().broker.state, BrokerState::kDown)
        << "everybody can see that it is down";
    team.kill_now(victim);
    victim = add_victim();  // with no broker to ask
    EXPECT_EQ(describe_steady(probe), before);
    broker.start();
    EXPECT_NE(broker.log_of_run().find("event=adopted"), std::string::npos) << broker.log_of_run();
    EXPECT_EQ(describe_steady(probe), before) << "the same slots with the same tokens";
    EXPECT_EQ(SegmentProbe(broker.segment()).view().segment_id(), segment_id);
    EXPECT_EQ(probe.snapshot().broker.state, BrokerState::kReady);
  }
  for (Slot& slot : steady) slot.release();
  team.kill_now(victim);
  state->stop.store(true);
  EXPECT_TRUE(team.join());
  EXPECT_EQ(state->broken.load(), 0U);
  EXPECT_EQ(state->errors.load(), 0U);
  EXPECT_TRUE(probe.wait_all_free());
  EXPECT_EQ(probe.counters().reaped, 11 * kMortals) << "each victim's slots once";
  EXPECT_EQ(probe.counters().claims, state->admitted.load() + 11 * kMortals + 5);
}

}  // namespace
}  // namespace slotd::testing
