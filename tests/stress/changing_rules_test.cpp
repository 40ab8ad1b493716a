// P2 while the rules change under the claims, and while slots change hands under them.
#include <gtest/gtest.h>

#include <cstdint>
#include <string>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/team.hpp"

namespace slotd::testing {
namespace {

constexpr std::uint32_t kMembers = 6;

std::string make_config(std::uint32_t max, const std::string& capacity) {
  return "cpu: { capacity: " + capacity + ", max_utilization: 1.0, idle_rule: false }\n" +
         "types: { job: { max: " + std::to_string(max) +
         ", cpu: 1.0 } }\nsegment: { slots: 64, processes: 16 }\n";
}

struct State {
  std::atomic<bool> stop;
  std::atomic<std::uint32_t> held;
  std::atomic<std::uint32_t> bound;  ///< more than these at once break a limit
  std::atomic<std::uint64_t> broken, errors, admitted, refused_without_reason;
  std::atomic<std::uint64_t> turns[kMembers];
};

bool claim_and_release(const std::string& segment, State& state, std::uint32_t me) {
  Client client({segment, "member"});
  const TypeId job = client.type("job");
  std::error_code ec;
  while (!state.stop.load()) {
    state.turns[me].fetch_add(1);
    Slot slot = client.try_claim(job, {}, ec);
    if (ec) state.errors.fetch_add(1);
    const Reason reason = slot.refusal().reason();
    if (!slot) {
      const bool known =
          reason == Reason::kTypeLimit || reason == Reason::kCpu || reason == Reason::kContended;
      if (!known) state.refused_without_reason.fetch_add(1);
      continue;
    }
    state.admitted.fetch_add(1);
    if (state.held.fetch_add(1) + 1 > state.bound.load()) state.broken.fetch_add(1);
    for (int i = 0; i < 50; ++i) std::atomic_signal_fence(std::memory_order_seq_cst);
    state.held.fetch_sub(1);
    slot.release(ec);
    if (ec) state.errors.fetch_add(1);
  }
  return true;
}

/// Every member has begun another claim since: what it decides from here on, it decides by the new
/// rules.
void wait_for_new_claims(const State& state) {
  std::uint64_t before[kMembers];
  for (std::uint32_t i = 0; i < kMembers; ++i) before[i] = state.turns[i].load();
  EXPECT_TRUE(wait_until([&] {
    for (std::uint32_t i = 0; i < kMembers; ++i) {
      if (state.turns[i].load() < before[i] + 2) return false;
    }
    return true;
  }));
}

/// Limits go down and up again, by type and by CPU. From the moment that a claim begins under the
/// new rules they hold.
TEST(ChangingRules, reloads_under_load_hold_for_every_claim_that_begins_after_them) {
  BrokerProcess broker(make_config(5, "40"));
  Shared<State> state;
  state->bound.store(5);
  Team team;
  for (std::uint32_t i = 0; i < kMembers; ++i)
    team.add([&, i] { return claim_and_release(broker.segment(), *state, i); });
  const SegmentProbe probe(broker.segment());
  for (int round = 0; round < 60; ++round) {
    const bool by_cpu = round % 2 == 0;
    broker.write_config(by_cpu ? make_config(50, "2") : make_config(2, "40"));
    ASSERT_TRUE(broker.reload());
    wait_for_new_claims(*state);
    state->bound.store(2);
    wait_for_new_claims(*state);
    state->bound.store(5);
    broker.write_config(make_config(5, "40"));
    ASSERT_TRUE(broker.reload());
    wait_for_new_claims(*state);
  }
  state->stop.store(true);
  EXPECT_TRUE(team.join());
  EXPECT_EQ(state->broken.load(), 0U);
  EXPECT_EQ(state->errors.load(), 0U);
  EXPECT_EQ(state->refused_without_reason.load(), 0U);
  EXPECT_GT(state->admitted.load(), 1000U);
  EXPECT_EQ(probe.taken(), 0U);
}

struct Baton {
  Barrier barrier;
  std::atomic<bool> stop;
  std::atomic<std::uint64_t> passed, asked, same_key, second_job, not_found;
};

/// Two owners in one process, so that passing on waits for no scheduler.
bool pass_on(const std::string& segment, Baton& baton) {
  Client clients[] = {Client({segment, "runner"}), Client({segment, "runner"})};
  Slot slot = clients[0].try_claim("job", {.key = "EG_baton"});
  if (!slot) return false;
  baton.barrier.wait(3);
  for (std::size_t turn = 1; !baton.stop.load(); turn = 1 - turn) {
    const std::string token = slot.detach();
    slot = clients[turn].adopt(token);
    baton.passed.fetch_add(1);
  }
  baton.barrier.wait(3);  // nobody asks any more: only now may the slot come back
  return true;
}

/// Its key, its place in the limit and its CPU are taken at every instant, whoever's it is just
/// then.
bool ask(const std::string& segment, Baton& baton, std::uint32_t way) {
  Client client({segment, "asker"});
  baton.barrier.wait(3);
  std::error_code ec;
  while (!baton.stop.load()) {
    const Slot slot = way == 0 ? client.try_claim("other", {.key = "EG_baton"}, ec)
                               : client.try_claim("job", {}, ec);
    baton.asked.fetch_add(1);
    if (slot) (way == 0 ? baton.same_key : baton.second_job).fetch_add(1);
    if (way == 0 && !client.find("EG_baton")) baton.not_found.fetch_add(1);
  }
  baton.barrier.wait(3);
  return true;
}

TEST(ChangingRules, a_slot_that_changes_hands_all_the_time_is_never_overlooked) {
  BrokerProcess broker(
      "cpu: { capacity: 8 }\ntypes: { job: { max: 1, cpu: 1.0 }, other: { cpu: 0.1 } }\nsegment: { "
      "slots: 64, processes: 16 }\n");
  Shared<Baton> baton;
  Team team;
  team.add([&] { return pass_on(broker.segment(), *baton); });
  for (std::uint32_t i = 0; i < 2; ++i)
    team.add([&, i] { return ask(broker.segment(), *baton, i); });
  EXPECT_TRUE(wait_until([&] {
    return baton->passed.load() > 500'000 && baton->asked.load() > 500'000;
  })) << baton->passed.load()
      << " " << baton->asked.load();
  baton->stop.store(true);
  EXPECT_TRUE(team.join());
  EXPECT_EQ(baton->same_key.load(), 0U);
  EXPECT_EQ(baton->second_job.load(), 0U);
  EXPECT_EQ(baton->not_found.load(), 0U);
}

}  // namespace
}  // namespace slotd::testing
