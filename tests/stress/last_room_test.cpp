// P11's second half: of all that race for the last room one wins, whatever the room is made of.
// Never two, never none.
#include <gtest/gtest.h>

#include <cstdint>
#include <ostream>
#include <random>
#include <string>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/team.hpp"

namespace slotd::testing {
namespace {

constexpr std::uint32_t kRounds = 10'000;

/// What there is room for one of.
struct Room {
  const char* name;
  const char* config;
  const char* key;
  std::uint64_t memory_bytes;
  std::uint32_t members = 8;
};

std::ostream& operator<<(std::ostream& out, const Room& value) { return out << value.name; }

constexpr Room kRooms[] = {
    {"type_limit", "cpu: { capacity: 8 }\ntypes: { job: { max: 1, cpu: 0.1 } }\n", "", 0},
    {"group_limit",
     "cpu: { capacity: 8 }\ntypes: { job: { cpu: 0.1, groups: { g: 3 } } }\ngroups: { g: { max: 5 "
     "} }\n",
     "", 0},
    {"cpu_without_idle_rule",
     "cpu: { capacity: 5, idle_rule: false }\ntypes: { job: { cpu: 2.1 } }\n", "", 0},
    {"idle_node", "cpu: { capacity: 4 }\ntypes: { job: { cpu: 4.0 } }\n", "", 0},
    {"memory",
     "cpu: { capacity: 8 }\nmemory: { max: 100, headroom: 10 }\ntypes: { job: { cpu: 0 } }\n", "",
     50},
    {"key", "cpu: { capacity: 8 }\ntypes: { job: { cpu: 0.1 } }\n", "EG_the_one", 0},
    {"type_limit_of_two", "cpu: { capacity: 8 }\ntypes: { job: { max: 1, cpu: 0.1 } }\n", "", 0, 2},
    {"table", "cpu: { capacity: 8 }\ntypes: { job: { cpu: 0 } }\nsegment: { slots: 1 }\n", "", 0},
};

struct State {
  Barrier barrier;
  std::atomic<std::uint32_t> winners[kRounds];
  std::atomic<std::uint64_t> refused[kReasons];
};

bool race(const Room& room, const std::string& segment, State& state, std::uint32_t seed) {
  std::minstd_rand random(seed + 1);
  Client client({segment, "racer"});
  const TypeId type = client.type("job");
  ClaimOptions options;
  options.key = room.key;
  if (room.memory_bytes != 0) options.memory_bytes = room.memory_bytes;
  for (std::uint32_t round = 0; round < kRounds; ++round) {
    state.barrier.wait(room.members);
    // Whoever leaves the barrier first would always be done before the next one begins.
    for (std::uint32_t spin = static_cast<std::uint32_t>(random()) % 512; spin > 0; --spin)
      std::atomic_signal_fence(std::memory_order_seq_cst);
    std::error_code ec;
    Slot slot = client.try_claim(type, options, ec);
    if (ec) return false;
    if (slot) {
      state.winners[round].fetch_add(1);
    } else {
      state.refused[static_cast<std::size_t>(slot.refusal().reason())].fetch_add(1);
    }
    state.barrier.wait(room.members);
    slot.release(ec);
    if (ec) return false;
  }
  return true;
}

class LastRoom : public ::testing::TestWithParam<Room> {};
INSTANTIATE_TEST_SUITE_P(Room, LastRoom, ::testing::ValuesIn(kRooms),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_P(LastRoom, exactly_one_wins_each_of_ten_thousand_rounds) {
  BrokerProcess broker(GetParam().config);
  Shared<State> state;
  Team team;
  for (std::uint32_t i = 0; i < GetParam().members; ++i)
    team.add([&, i] { return race(GetParam(), broker.segment(), *state, i); });
  EXPECT_TRUE(team.join());
  std::uint32_t none = 0;
  std::uint32_t several = 0;
  for (const auto& winners : state->winners) {
    none += winners.load() == 0 ? 1U : 0U;
    several += winners.load() > 1 ? 1U : 0U;
  }
  EXPECT_EQ(several, 0U) << "rounds with two winners";
  EXPECT_EQ(none, 0U) << "rounds without a winner";
  const SegmentProbe probe(broker.segment());
  EXPECT_EQ(probe.taken(), 0U);
  std::uint64_t taken = 0;  // every taking of a word shows in its generation; what the winners did
                            // not take, losers did
  for (std::uint32_t slot = 0; slot < probe.view().slot_count(); ++slot)
    taken += probe.word(slot).generation();
  std::string counts =
      "losers that had published a word: " + std::to_string(taken - kRounds) + "; refused:";
  for (std::size_t reason = 0; reason < kReasons; ++reason) {
    const std::uint64_t refused = state->refused[reason].load();
    if (refused != 0)
      counts += std::string(" ") + reason_name(static_cast<Reason>(reason)) + "=" +
                std::to_string(refused);
  }
  std::puts(counts.c_str());
}

}  // namespace
}  // namespace slotd::testing
