// P7: a process that is stopped at any instruction delays no other process. Instants that signals
// rarely hit are written into the segment by hand, in the name of a process that is stopped. Delays
// are compared with a control run: by medians, so that what else the machine does meanwhile does
// not count.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
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
    "types:\n"
    "  single: { max: 1, cpu: 1.0 }\n"
    "  plain: { cpu: 1.0, groups: { g: 1 } }\n"
    "groups: { g: { max: 9 } }\n"
    "segment: { slots: 64, processes: 32 }\n";
constexpr std::uint64_t kAllowedNs = 1'000'000;  // P7's millisecond

/// Median of what `operation` takes.
template <typename Operation>
std::uint64_t measure_ns(Operation operation) {
  std::vector<std::uint64_t> took;
  for (int i = 0; i < 301; ++i) {
    const std::uint64_t begun = monotonic_ns();
    operation();
    took.push_back(monotonic_ns() - begun);
  }
  std::nth_element(took.begin(), took.begin() + 150, took.end());
  return took[150];
}

class NobodyWaits : public ::testing::Test {
 protected:
  /// What all processes do: claims with and without room, checks, a look from outside.
  struct Times {
    std::uint64_t pair = 0;
    std::uint64_t keyed = 0;
    std::uint64_t refused = 0;
    std::uint64_t check = 0;
    std::uint64_t inspection = 0;
  };

  Times measure() {
    std::error_code ec;
    Times times;
    times.pair = measure_ns([&] {
      Slot slot = client_.try_claim("plain", {}, ec);
      EXPECT_TRUE(slot) << slot.refusal().text();
    });
    times.keyed = measure_ns([&] {
      Slot slot = client_.try_claim("plain", {.key = "EG_1", .memory_bytes = 5}, ec);
      EXPECT_TRUE(slot) << slot.refusal().text();
      slot.activate(ec);
      slot.end(ec);
    });
    times.refused = measure_ns([&] { EXPECT_FALSE(client_.try_claim("single", {}, ec)); });
    times.check = measure_ns([&] { EXPECT_TRUE(client_.can_accept("plain")); });
    times.inspection = measure_ns([&] { EXPECT_TRUE(hand_.snapshot().stable); });
    return times;
  }
  void expect_no_delay(const Times& with, const Times& control) const {
    EXPECT_LE(with.pair, control.pair + kAllowedNs);
    EXPECT_LE(with.keyed, control.keyed + kAllowedNs);
    EXPECT_LE(with.refused, control.refused + kAllowedNs);
    EXPECT_LE(with.check, control.check + kAllowedNs);
    EXPECT_LE(with.inspection, control.inspection + kAllowedNs);
  }
  void put(std::uint32_t slot, SlotWord word) const {
    hand_.view().header().mark.store(hand_.view().slot_count());
    hand_.view().word(slot).store(word.raw);
  }

  BrokerProcess broker_{kConfig};
  SegmentProbe hand_{broker_.segment(), Access::kReadWrite};
  Client client_{{broker_.segment(), "measured"}};
};

TEST_F(NobodyWaits, for_a_process_that_is_stopped_in_any_state_of_its_claim) {
  WorkerProcess holder(broker_.segment());
  ASSERT_TRUE(holder.ask("claim single").is_claimed());
  WorkerProcess stopped(broker_.segment());
  const Times control = measure();
  stopped.freeze();
  const std::uint32_t owner = hand_.find_process(stopped.pid()).index;
  const std::uint32_t plain = client_.type("plain").index;
  for (const SlotState state : {SlotState::kClaiming, SlotState::kTentative, SlotState::kPending,
                                SlotState::kActive, SlotState::kEnding}) {
    // Below all words that others will take: they would have to give way to it.
    put(1, SlotWord::make(owner, state, plain, 1000, 7));
    expect_no_delay(measure(), control);
    EXPECT_EQ(hand_.word(1).state(), state) << "what is the stopped process's stays";
    put(1, SlotWord::make(0, SlotState::kFree, 0, 0, 7));
  }
}

/// It keeps exactly the room that it asked for: nine others of ten are admitted, the tenth is told
/// so at once.
TEST_F(NobodyWaits, for_the_room_that_a_process_stopped_while_tentative_asked_for) {
  const std::uint64_t control = measure_ns([&] { EXPECT_TRUE(client_.try_claim("plain")); });
  WorkerProcess stopped(broker_.segment());
  stopped.freeze();
  const std::uint32_t owner = hand_.find_process(stopped.pid()).index;
  put(0, SlotWord::make(owner, SlotState::kTentative, client_.type("plain").index, 1000, 7));
  std::vector<Slot> slots;
  for (int i = 0; i < 8; ++i) {  // group g: 8 + 1 = 9
    slots.push_back(client_.try_claim("plain"));
    ASSERT_TRUE(slots.back()) << i << ": " << slots.back().refusal().text();
  }
  EXPECT_EQ(client_.try_claim("plain").refusal().reason(), Reason::kContended);
  slots.pop_back();
  slots.push_back(client_.try_claim("single"));  // needs CPU alone
  ASSERT_TRUE(slots.back());
  const std::uint64_t contended = measure_ns([&] {
    if (slots.size() < 9) slots.push_back(client_.try_claim("plain"));
    EXPECT_EQ(client_.try_claim("plain").refusal().reason(), Reason::kContended);
  });
  EXPECT_LE(contended, control + kAllowedNs) << "a prompt answer";
}

TEST_F(NobodyWaits, for_a_process_that_is_stopped_while_it_attaches_or_gives_a_slot_away) {
  WorkerProcess holder(broker_.segment());
  ASSERT_TRUE(holder.ask("claim single").is_claimed());
  WorkerProcess stopped(broker_.segment());
  const Times control = measure();
  const std::uint64_t attach_control = measure_ns([&] {
    Client({broker_.segment(), "other"}).detach();
  });
  stopped.freeze();
  // An entry reserved and not yet in use, by the stopped process; and its hazard on our own entry.
  const ProcessRef entry = hand_.find_process(stopped.pid());
  for (std::uint32_t index = 1; index <= hand_.view().process_count(); ++index) {
    ProcessEntry& free = hand_.view().process(index);
    const Reservation reservation{free.reservation.load()};
    if (judge_phase(reservation, free.attach.load()) != EntryPhase::kFree) continue;
    free.reservation.store(Reservation::make(static_cast<std::uint32_t>(stopped.pid()),
                                             hand_.processes().self().pid_ns_inode,
                                             reservation.tenancy())
                               .raw);
    break;
  }
  const ProcessRef own = hand_.find_process(::getpid());
  hand_.view()
      .process(entry.index)
      .hazard.store((std::uint64_t{attach_tag(own.attach)} << 32) | own.index);
  expect_no_delay(measure(), control);
  const std::uint64_t attach = measure_ns([&] { Client({broker_.segment(), "other"}).detach(); });
  EXPECT_LE(attach, attach_control + kAllowedNs);
  // The broker goes on burying the dead.
  WorkerProcess dying(broker_.segment());
  ASSERT_TRUE(dying.ask("claim plain").is_claimed());
  dying.kill_now();
  EXPECT_TRUE(wait_until([&] { return hand_.held() == 1U; }));
}

TEST_F(NobodyWaits, for_a_stopped_broker) {
  WorkerProcess holder(broker_.segment());
  ASSERT_TRUE(holder.ask("claim single").is_claimed());
  const Times control = measure();
  broker_.signal(SIGSTOP);
  expect_no_delay(measure(), control);
  holder.kill_now();
  EXPECT_TRUE(client_.try_claim("single")) << "the dead are dealt with meanwhile";
  broker_.signal(SIGCONT);
}

/// Stopped wherever the signal happens to hit, a thousand times.
TEST_F(NobodyWaits, for_processes_that_are_stopped_anywhere) {
  Team team;
  for (int i = 0; i < 3; ++i) {
    team.add([&]() -> bool {
      Client client({broker_.segment(), "stopped"});
      std::error_code ec;
      for (std::uint64_t n = 0;; ++n) {
        Slot slot = client.try_claim(n % 2 == 0 ? "single" : "plain",
                                     {.key = n % 3 == 0 ? "EG_1" : ""}, ec);
        if (n % 5 == 0) slot.activate(ec);
      }
    });
  }
  const TypeId plain = client_.type("plain");
  std::minstd_rand random(7);
  std::uint64_t admitted = 0;
  for (int round = 0; round < 1000; ++round) {
    const pid_t pid = team.pids()[random() % team.pids().size()];
    ::kill(pid, SIGSTOP);
    int status = 0;
    ::waitpid(pid, &status, WUNTRACED);
    for (int i = 0; i < 5; ++i) {
      std::error_code ec;
      const Slot slot = client_.try_claim(
          plain, {}, ec);  // three others: there is room for a fourth at every instant
      ASSERT_TRUE(slot) << slot.refusal().text();
      ++admitted;
    }
    ::kill(pid, SIGCONT);
    ::usleep(static_cast<useconds_t>(random() % 100));
  }
  EXPECT_EQ(admitted, 5'000U);
}

}  // namespace
}  // namespace slotd::testing
