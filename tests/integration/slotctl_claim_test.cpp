// claim, bind, adopt, activate, end and release from scripts: whose slot it is, what a token is
// good for, waiting, and kills.
#include <gtest/gtest.h>

#include <chrono>
#include <random>
#include <thread>

#include "tests/support/segment_probe.hpp"
#include "tests/support/slotctl.hpp"

namespace slotd::testing {
namespace {

constexpr char kConfig[] =
    "cpu: { capacity: 12, max_utilization: 0.8 }\n"
    "types:\n"
    "  participant: { max: 3, cpu: 2.0 }\n"
    "  track: { cpu: 0.5 }\n"
    "  single: { max: 1, cpu: 0.5 }\n"
    "  web: { cpu: 4.0, groups: { pulse: 4 } }\n"
    "groups: { pulse: { max: 5 } }\n";

class SlotctlClaim : public ::testing::Test {
 protected:
  SlotState state(std::uint32_t slot) const { return probe_.word(slot).state(); }
  AnyJson first_slot() const { return slotctl_({"slots", "-J"}).json()["slots"][0]; }
  Ran claim_single(const Words& more = {}) const {
    Words words{"claim", "-t", "single"};
    words.insert(words.end(), more.begin(), more.end());
    return slotctl_(words);
  }

  BrokerProcess broker_{kConfig};
  SegmentProbe probe_{broker_.segment()};
  Slotctl slotctl_{broker_.segment()};
};

TEST_F(SlotctlClaim, OwnerIsTheCallersParent) {
  const Ran ran = slotctl_({"claim", "-t", "participant", "-J"});
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.json()["type"], "participant");
  EXPECT_EQ(ran.json()["slot"], 0);
  EXPECT_EQ(ran.json()["owner"]["pid"], ::getpid());
  EXPECT_EQ(first_slot()["token"], ran.json()["token"]);
  EXPECT_EQ(first_slot()["owner"]["pid"], ::getpid());
}

TEST_F(SlotctlClaim, OwnerIsTheNamedProcess) {
  Sleeper owner;
  ASSERT_EQ(claim_single({"--pid", owner.pid_text()}).status, 0);
  EXPECT_EQ(first_slot()["owner"]["pid"], owner.pid());
  EXPECT_EQ(claim_single().status, 75);
  owner.die();
  EXPECT_EQ(claim_single({"-w", "20"}).status, 0) << "its death frees the slot";
}

TEST_F(SlotctlClaim, DeadOwnersFreeTheirSlotsWithoutTheBrokerToo) {
  Sleeper owner;
  ASSERT_EQ(claim_single({"--pid", owner.pid_text()}).status, 0);
  broker_.kill_now();
  owner.die();
  EXPECT_EQ(claim_single().status, 0);
}

TEST_F(SlotctlClaim, NoSuchOwnerIsNegativeAndTakesNothing) {
  Sleeper owner;
  const std::string pid = owner.pid_text();
  owner.die();
  const Ran ran = claim_single({"--pid", pid, "-J"});
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.json()["error"], "no_such_process");
  EXPECT_EQ(probe_.taken(), 0U);
}

TEST_F(SlotctlClaim, RefusalOfATypeLimit) {
  for (int i = 0; i < 3; ++i) ASSERT_EQ(slotctl_({"claim", "-t", "participant"}).status, 0);
  const Ran json = slotctl_({"claim", "-t", "participant", "-J"});
  EXPECT_EQ(json.status, 75);
  EXPECT_EQ(json.out,
            R"({"schema":1,"refusal":"type_limit","type":"participant","limit":3,"in_use":3})"
            "\n");
  const Ran text = slotctl_({"claim", "-t", "participant"});
  EXPECT_EQ(text.status, 75);
  EXPECT_EQ(text.out, "");
  EXPECT_EQ(text.err, "slotctl: participant refused: type_limit: 3 of 3 in use\n");
  EXPECT_EQ(slotctl_({"claim", "-t", "participant", "-q"}).err, "");
}

TEST_F(SlotctlClaim, RefusalForCpu) {
  for (int i = 0; i < 3; ++i) ASSERT_EQ(slotctl_({"claim", "-t", "participant"}).status, 0);
  EXPECT_EQ(slotctl_({"claim", "-t", "track", "--cpu", "3.7", "-J"}).out,
            R"({"schema":1,"refusal":"cpu","type":"track","required":3.7,"available":3.6})"
            "\n");
  EXPECT_EQ(slotctl_({"claim", "-t", "track", "--cpu", "3.6"}).status, 0)
      << "exactly the room that is left";
}

TEST_F(SlotctlClaim, RefusalOfAGroup) {
  ASSERT_EQ(slotctl_({"claim", "-t", "web"}).status, 0);
  EXPECT_EQ(
      slotctl_({"claim", "-t", "web", "-J"}).out,
      R"({"schema":1,"refusal":"group_limit","type":"web","group":"pulse","weight":4,"limit":5,"in_use":4})"
      "\n");
}

TEST_F(SlotctlClaim, RefusalOfWhatCanNeverFitDoesNotWait) {
  EXPECT_EQ(slotctl_({"claim", "-t", "track", "--cpu", "12.1", "-w", "3600", "-J"}).out,
            R"({"schema":1,"refusal":"too_large","type":"track","required":12.1,"available":12.0})"
            "\n");
  const Ran unknown = slotctl_({"claim", "-t", "participnt", "-w", "3600", "-J"});
  EXPECT_EQ(unknown.status, 75);
  EXPECT_EQ(
      unknown.out,
      R"({"schema":1,"refusal":"unknown_type","type":"participnt","did_you_mean":"participant"})"
      "\n");
}

TEST_F(SlotctlClaim, KeysAreUniqueWhileHeld) {
  const Ran first = slotctl_({"claim", "-t", "track", "--key", "EG_1"});
  ASSERT_EQ(first.status, 0);
  EXPECT_EQ(slotctl_({"claim", "-t", "participant", "--key", "EG_1", "-J"}).json()["refusal"],
            "duplicate_key");
  ASSERT_EQ(slotctl_({"release", first.line()}).status, 0);
  EXPECT_EQ(slotctl_({"claim", "-t", "participant", "--key", "EG_1"}).status, 0);
  EXPECT_EQ(slotctl_({"claim", "-t", "track", "--key", std::string(64, 'k')}).status, 64);
  EXPECT_EQ(slotctl_({"claim", "-t", "track", "--key", "a\nb"}).status, 64);
}

TEST_F(SlotctlClaim, TheWholeLifeOfASlot) {
  const std::string first = slotctl_({"claim", "-t", "participant", "--key", "EG_1"}).line();
  const Sleeper handler;
  const Ran bound = slotctl_({"bind", first, "--pid", handler.pid_text(), "-J"});
  ASSERT_EQ(bound.status, 0) << bound.err;
  const std::string second = bound.json()["token"];
  EXPECT_NE(second, first);
  EXPECT_EQ(bound.json()["owner"]["pid"], handler.pid());
  EXPECT_EQ(slotctl_({"activate", first}).status, 1) << "stale since the hand-over";
  EXPECT_EQ(slotctl_({"activate", second, "-J"}).json()["state"], "active");
  EXPECT_EQ(state(0), SlotState::kActive);
  EXPECT_EQ(slotctl_({"activate", second}).status, 0) << "done already";
  EXPECT_EQ(slotctl_({"end", second, "-J"}).json()["state"], "ending");
  EXPECT_EQ(state(0), SlotState::kEnding);
  EXPECT_EQ(slotctl_({"activate", second, "-J"}).json()["error"], "wrong_state");
  EXPECT_EQ(first_slot()["key"], "EG_1");
  EXPECT_EQ(slotctl_({"release", second, "-J"}).json()["state"], "free");
  EXPECT_EQ(probe_.taken(), 0U);
}

TEST_F(SlotctlClaim, AdoptTakesOverForTheParentOrTheNamedProcess) {
  const Sleeper owner;
  const std::string first = claim_single({"--pid", owner.pid_text()}).line();
  const Ran adopted = slotctl_({"adopt", first});
  ASSERT_EQ(adopted.status, 0) << adopted.err;
  EXPECT_EQ(first_slot()["owner"]["pid"], ::getpid());
  const Ran back = slotctl_({"adopt", adopted.line(), "--pid", owner.pid_text()});
  ASSERT_EQ(back.status, 0) << back.err;
  EXPECT_EQ(first_slot()["owner"]["pid"], owner.pid());
  EXPECT_EQ(slotctl_({"adopt", adopted.line()}).status, 1);
}

TEST_F(SlotctlClaim, TokensThatAreNoGood) {
  const std::string token = claim_single().line();
  ASSERT_EQ(slotctl_({"release", token}).status, 0);
  ASSERT_EQ(claim_single().status, 0);
  for (const std::string verb : {"release", "activate", "end", "adopt"}) {
    EXPECT_EQ(slotctl_({verb, token, "-J"}).json()["error"], "stale_token") << verb;
    EXPECT_EQ(slotctl_({verb, token}).status, 1) << verb;
    EXPECT_EQ(slotctl_({verb, "v1-1-0-1-1", "-J"}).json()["error"], "foreign_token") << verb;
    EXPECT_EQ(slotctl_({verb, "v1-1-0-1-1"}).status, 1) << verb;
    EXPECT_EQ(slotctl_({verb, "nonsense", "-J"}).json()["error"], "malformed_token") << verb;
    EXPECT_EQ(slotctl_({verb, "nonsense"}).status, 1) << verb;
  }
  EXPECT_EQ(probe_.held(), 1U) << "nothing moved";
  EXPECT_EQ(slotctl_({"status", "-J"}).json()["counters"]["stale_releases"], 16)
      << "stale and foreign ones, counted";
}

TEST_F(SlotctlClaim, WaitingEndsAtItsTime) {
  ASSERT_EQ(claim_single().status, 0);
  const auto begin = std::chrono::steady_clock::now();
  const Ran ran = claim_single({"-w", "0.4", "-J"});
  EXPECT_EQ(ran.status, 75);
  EXPECT_EQ(ran.json()["refusal"], "type_limit");
  EXPECT_GE(std::chrono::steady_clock::now() - begin, std::chrono::milliseconds(400));
}

TEST_F(SlotctlClaim, WaitingGetsWhatIsGivenBack) {
  const std::string token = claim_single().line();
  Program waiter("slotctl", slotctl_.words({"claim", "-t", "single", "-w", "60"}));
  ASSERT_TRUE(wait_until([&] { return probe_.counters().refused() >= 2; })) << "it polls";
  ASSERT_EQ(slotctl_({"release", token}).status, 0);
  EXPECT_EQ(waiter.wait_end(), 0) << waiter.err();
  EXPECT_EQ(probe_.held(), 1U);
}

TEST_F(SlotctlClaim, HintsAtShortLivedOwners) {
  const Ran hinted = slotctl_.shell("$SLOTCTL claim -t track >/dev/null; true");
  EXPECT_NE(hinted.err.find("--pid"), std::string::npos) << hinted.err;
  EXPECT_EQ(slotctl_.shell("$SLOTCTL claim -q -t track >/dev/null; true").err, "");
  EXPECT_EQ(slotctl_.shell("$SLOTCTL claim -t track --pid $$ >/dev/null; true").err, "");
  EXPECT_EQ(slotctl_({"claim", "-t", "track"}).err, "") << "a program is no shell";
}

TEST_F(SlotctlClaim, TokenThatNobodyCanReadIsGivenBack) {
  const Ran ran = slotctl_.shell("$SLOTCTL claim -t single --pid $$ >/dev/full; echo $?");
  EXPECT_EQ(ran.out, "70\n");
  EXPECT_EQ(probe_.held(), 0U);
  const Ran gone = slotctl_.shell(
      "{ sleep 0.2; $SLOTCTL claim -t single --pid $$; echo $? >&2; } | true; sleep 1");
  EXPECT_NE(gone.err.find("70\n"), std::string::npos) << gone.err;
  EXPECT_EQ(probe_.held(), 0U);
}

TEST_F(SlotctlClaim, WorksWhileTheBrokerIsDown) {
  broker_.kill_now();
  const std::string token = slotctl_({"claim", "-t", "participant"}).line();
  EXPECT_EQ(probe_.held(), 1U);
  EXPECT_EQ(slotctl_({"release", token}).status, 0);
  EXPECT_EQ(probe_.held(), 0U);
}

TEST_F(SlotctlClaim, KilledAtAnyMomentLeaksNothing) {
  Sleeper owner;
  std::mt19937 engine(7);
  std::uniform_int_distribution<int> any_us(0, 12'000);
  for (int i = 0; i < 100; ++i) {
    Program child("slotctl",
                  slotctl_.words({"claim", "-t", "track", "--cpu", "0.001", "--key",
                                  "EG_" + std::to_string(i), "--pid", owner.pid_text()}));
    std::this_thread::sleep_for(std::chrono::microseconds(any_us(engine)));
    child.signal(SIGKILL);
    child.wait_end();
  }
  owner.die();
  EXPECT_TRUE(probe_.wait_all_free()) << probe_.taken() << " words are still taken";
  for (int i = 0; i < 3; ++i) EXPECT_EQ(slotctl_({"claim", "-t", "participant"}).status, 0);
}

}  // namespace
}  // namespace slotd::testing
