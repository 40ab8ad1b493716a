// A reload is seen whole or not at all: a thousand of them, two types trading places, under eight
// processes that claim as fast as they can; an observer that does not read the segment counts what
// is held. The delay that reloads cost a claim is printed beside a control run without them.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/team.hpp"

namespace slotd::testing {
namespace {

constexpr std::uint32_t kMembers = 8;
constexpr int kReloads = 1000;
constexpr std::uint32_t kBound = 2;

/// Each type may be held twice under both kinds of configuration, by its own limit in the one and
/// by its group's in the other, and without any limit under a mix of the two. `hold` makes two of
/// one kind differ.
std::string make_config(bool is_first, int hold_s) {
  const std::string type_limited = "{ max: 2, cpu: 0.1, groups: [";
  const std::string group_limited = "{ max: 50, cpu: 0.1, groups: [";
  const auto group_max = [](bool limits) { return limits ? "2" : "50"; };
  return "cpu: { capacity: 40, max_utilization: 1.0, hold: " + std::to_string(hold_s) +
         "s }\n"
         "types:\n"
         "  x: " +
         (is_first ? type_limited : group_limited) +
         "gx] }\n  y: " + (is_first ? group_limited : type_limited) +
         "gy] }\ngroups: { gx: { max: " + group_max(!is_first) +
         " }, gy: { max: " + group_max(is_first) +
         " } }\n"
         "segment: { slots: 64, processes: 16 }\n";
}

/// Kinds follow each other as 0 1 1 0 0 1 1 0 ..., so that each of the segment's two blocks holds
/// now the one, now the other.
std::string config_nr(int i) { return make_config((i + 1) / 2 % 2 == 0, 15 + i % 2); }

struct Delay {
  std::uint64_t worst_ns = 0, worst_cpu_ns = 0, above_1ms = 0, above_1ms_cpu = 0, claims = 0;
};

struct Count {
  std::atomic<std::uint32_t> held;
  std::atomic<std::uint64_t> broken, admitted, by_type, by_group;
};

struct State {
  std::atomic<bool> stop;
  Count counts[2];
  std::atomic<std::uint64_t> errors, unexpected;
  Delay delays[kMembers];  ///< each its member's own, read after the end
};

std::uint64_t clock_ns(clockid_t clock) {
  timespec now{};
  ::clock_gettime(clock, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * kNsPerSecond +
         static_cast<std::uint64_t>(now.tv_nsec);
}

void note(Delay& delay, std::uint64_t wall_ns, std::uint64_t cpu_ns) {
  delay.worst_ns = std::max(delay.worst_ns, wall_ns);
  delay.worst_cpu_ns = std::max(delay.worst_cpu_ns, cpu_ns);
  delay.above_1ms += wall_ns > kNsPerMs ? 1U : 0U;
  delay.above_1ms_cpu += cpu_ns > kNsPerMs ? 1U : 0U;
  ++delay.claims;
}

void note_refusal(State& state, Count& count, Reason reason) {
  if (reason == Reason::kTypeLimit) {
    count.by_type.fetch_add(1);
  } else if (reason == Reason::kGroupLimit) {
    count.by_group.fetch_add(1);
  } else if (reason != Reason::kContended) {
    state.unexpected.fetch_add(1);
  }
}

bool claim_and_release(const std::string& segment, State& state, std::uint32_t me) {
  Client client({segment, "member"});
  const TypeId types[] = {client.type("x"), client.type("y")};
  std::error_code ec;
  for (std::uint64_t turn = me; !state.stop.load(); ++turn) {
    Count& count = state.counts[turn % 2];
    const std::uint64_t wall_ns = clock_ns(CLOCK_MONOTONIC);
    const std::uint64_t cpu_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID);
    Slot slot = client.try_claim(types[turn % 2], {}, ec);
    const std::uint64_t spent_ns = clock_ns(CLOCK_THREAD_CPUTIME_ID) - cpu_ns;
    note(state.delays[me], clock_ns(CLOCK_MONOTONIC) - wall_ns, spent_ns);
    if (ec) state.errors.fetch_add(1);
    if (!slot) {
      note_refusal(state, count, slot.refusal().reason());
      continue;
    }
    count.admitted.fetch_add(1);
    if (count.held.fetch_add(1) + 1 > kBound) count.broken.fetch_add(1);
    // Others run while this one holds: both types are at their bound nearly always.
    ::usleep(50);
    count.held.fetch_sub(1);
    slot.release(ec);
    if (ec) state.errors.fetch_add(1);
  }
  return true;
}

void print_delays(const char* name, const State& state) {
  Delay sum;
  for (const Delay& delay : state.delays) {
    sum.worst_ns = std::max(sum.worst_ns, delay.worst_ns);
    sum.worst_cpu_ns = std::max(sum.worst_cpu_ns, delay.worst_cpu_ns);
    sum.above_1ms += delay.above_1ms;
    sum.above_1ms_cpu += delay.above_1ms_cpu;
    sum.claims += delay.claims;
  }
  std::printf(
      "%s: %llu claims; worst %.3f ms by the clock (%llu above 1 ms), %.3f ms of CPU (%llu above 1 "
      "ms)\n",
      name, static_cast<unsigned long long>(sum.claims), static_cast<double>(sum.worst_ns) / 1e6,
      static_cast<unsigned long long>(sum.above_1ms), static_cast<double>(sum.worst_cpu_ns) / 1e6,
      static_cast<unsigned long long>(sum.above_1ms_cpu));
}

class ReloadUnderLoad : public ::testing::Test {
 protected:
  /// Eight members claim until `meanwhile` is over.
  template <typename Meanwhile>
  void run(const char* name, State& state, Meanwhile meanwhile) {
    Team team;
    for (std::uint32_t i = 0; i < kMembers; ++i)
      team.add([&, i] { return claim_and_release(broker_.segment(), state, i); });
    meanwhile();
    state.stop.store(true);
    EXPECT_TRUE(team.join());
    print_delays(name, state);
    EXPECT_EQ(state.errors.load(), 0U);
    EXPECT_EQ(state.unexpected.load(), 0U);
    for (const Count& count : state.counts) {
      EXPECT_EQ(count.broken.load(), 0U) << "admitted under a mix of two configurations";
      EXPECT_GT(count.admitted.load(), 1000U);
    }
  }

  /// Asks and waits for the answer; the signal spares the broker's tick.
  std::uint64_t reload(const std::string& config) {
    broker_.write_config(config);
    Header& header = probe_.view().header();
    const std::uint64_t number = header.reload_requested.fetch_add(1) + 1;
    broker_.signal(SIGHUP);
    EXPECT_TRUE(wait_until([&] { return header.reload_acked.load() >= number; }));
    return header.reload_result.load();
  }

  BrokerProcess broker_{config_nr(0)};
  SegmentProbe probe_{broker_.segment(), Access::kReadWrite};
};

TEST_F(ReloadUnderLoad, NoMixIsSeenAndABadFileChangesNothing) {
  Shared<State> control;
  Shared<State> state;
  const auto begin = std::chrono::steady_clock::now();
  run("with 1000 reloads", *state, [&] {
    for (int i = 0; i < kReloads; ++i) {
      ASSERT_EQ(reload(config_nr(i + 1)), 0U);
      if (i % 50 != 0) continue;
      const std::uint64_t epoch = probe_.view().header().config_epoch.load();
      ASSERT_EQ(reload(config_nr(i + 2) + "typo: 1\n"), 1U);
      ASSERT_EQ(probe_.view().header().config_epoch.load(), epoch);
    }
  });
  for (const Count& count : state->counts) {
    EXPECT_GT(count.by_type.load(), 0U) << "each configuration has decided";
    EXPECT_GT(count.by_group.load(), 0U);
  }
  const auto spent = std::chrono::steady_clock::now() - begin;
  run("without", *control, [&] { std::this_thread::sleep_for(spent); });
  EXPECT_EQ(probe_.taken(), 0U);
}

}  // namespace
}  // namespace slotd::testing
