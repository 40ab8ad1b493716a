// What operators do: limits, draining, freeing a slot by force, checking a configuration. With the
// broker and without.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/segment_probe.hpp"
#include "tests/support/slotctl.hpp"

namespace slotd::testing {
namespace {

constexpr char kConfig[] =
    "cpu: { capacity: 12, max_utilization: 0.8 }\n"
    "types:\n"
    "  participant: { max: 3, cpu: 1.0 }\n"
    "  track: { cpu: 0.5 }\n"
    "  audio: { cpu: 0.5, counts_as: participant }\n";

class SlotctlOperator : public ::testing::Test {
 protected:
  Ran claim(const std::string& type) const { return slotctl_({"claim", "-t", type, "-J"}); }
  AnyJson limit(std::size_t type) const {
    return slotctl_({"limits", "-J"}).json()["limits"][type];
  }

  BrokerProcess broker_{kConfig};
  SegmentProbe probe_{broker_.segment()};
  Slotctl slotctl_{broker_.segment()};
};

TEST_F(SlotctlOperator, LoweredLimitRevokesNothingAndShowsAsDebt) {
  for (int i = 0; i < 3; ++i) ASSERT_EQ(claim("participant").status, 0);
  const Ran set = slotctl_({"limits", "set", "participant=1", "-J"});
  ASSERT_EQ(set.status, 0) << set.err;
  const AnyJson row = set.json()["limits"][0];
  EXPECT_EQ(row["config"], 3);
  EXPECT_EQ(row["override"], 1);
  EXPECT_EQ(row["effective"], 1);
  EXPECT_EQ(row["in_use"], 3);
  EXPECT_EQ(row["debt"], 2);
  EXPECT_EQ(probe_.held(), 3U);
  const AnyJson refused = claim("participant").json();
  EXPECT_EQ(refused["refusal"], "type_limit");
  EXPECT_EQ(refused["limit"], 1);
  EXPECT_EQ(refused["in_use"], 3);
}

TEST_F(SlotctlOperator, RaisedAndResetLimits) {
  ASSERT_EQ(slotctl_({"limits", "set", "participant=unlimited", "track=1"}).status, 0);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(claim("participant").status, 0);
  EXPECT_EQ(claim("track").status, 0);
  EXPECT_EQ(claim("track").status, 75);
  ASSERT_EQ(slotctl_({"limits", "reset", "track"}).status, 0);
  EXPECT_EQ(claim("track").status, 0);
  EXPECT_EQ(limit(0)["overridden"], true);
  ASSERT_EQ(slotctl_({"limits", "reset"}).status, 0);
  EXPECT_EQ(limit(0)["overridden"], false);
  EXPECT_EQ(limit(0)["debt"], 2);
}

TEST_F(SlotctlOperator, LimitOfZeroAdmitsNone) {
  ASSERT_EQ(slotctl_({"limits", "set", "track=0", "-q"}).status, 0);
  EXPECT_EQ(claim("track").status, 75);
}

TEST_F(SlotctlOperator, LimitsOutliveTheBroker) {
  ASSERT_EQ(slotctl_({"limits", "set", "track=0"}).status, 0);
  broker_.kill_now();
  EXPECT_EQ(claim("track").status, 75);
  ASSERT_EQ(slotctl_({"limits", "reset"}).status, 0) << "and can be changed without it";
  EXPECT_EQ(claim("track").status, 0);
  broker_.start();
  EXPECT_EQ(limit(1)["overridden"], false);
}

TEST_F(SlotctlOperator, SettingsAreUnderstoodBeforeAnyIsMade) {
  EXPECT_EQ(slotctl_({"limits", "set", "track=1", "trakc=1"}).status, 64);
  EXPECT_EQ(slotctl_({"limits", "set", "track=1", "track"}).status, 64);
  EXPECT_EQ(limit(1)["overridden"], false);
  EXPECT_NE(slotctl_({"limits", "set", "trakc=1"}).err.find("did you mean 'track'?"),
            std::string::npos);
}

TEST_F(SlotctlOperator, SharedLimitIsSetAtItsType) {
  const Ran ran = slotctl_({"limits", "set", "audio=1"});
  EXPECT_EQ(ran.status, 64);
  EXPECT_NE(ran.err.find("participant"), std::string::npos) << ran.err;
}

TEST_F(SlotctlOperator, DrainOneType) {
  ASSERT_EQ(claim("track").status, 0);
  ASSERT_EQ(slotctl_({"drain", "track", "-J"}).json()["types"][0], "track");
  EXPECT_EQ(claim("track").json()["refusal"], "draining");
  EXPECT_EQ(claim("participant").status, 0);
  EXPECT_EQ(probe_.held(), 2U) << "what runs goes on";
  EXPECT_EQ(slotctl_({"status", "-J"}).json()["broker"]["state"], "ready");
  ASSERT_EQ(slotctl_({"undrain", "track"}).status, 0);
  EXPECT_EQ(claim("track").status, 0);
}

TEST_F(SlotctlOperator, DrainTheNode) {
  ASSERT_EQ(slotctl_({"drain", "-J"}).json()["node"], true);
  EXPECT_EQ(claim("participant").json()["refusal"], "draining");
  EXPECT_EQ(slotctl_({"can-accept", "-t", "track"}).status, 75);
  EXPECT_EQ(slotctl_({"status", "-J"}).json()["broker"]["state"], "draining");
  const Ran one = slotctl_({"undrain", "track"});
  EXPECT_NE(one.err.find("all types are drained"), std::string::npos) << one.err;
  EXPECT_EQ(claim("track").status, 75);
  ASSERT_EQ(slotctl_({"undrain", "-J"}).json()["node"], false);
  EXPECT_EQ(claim("track").status, 0);
}

TEST_F(SlotctlOperator, DrainNeedsNoBroker) {
  broker_.kill_now();
  ASSERT_EQ(slotctl_({"drain"}).status, 0);
  EXPECT_EQ(claim("track").json()["refusal"], "draining");
  broker_.start();
  EXPECT_EQ(claim("track").json()["refusal"], "draining") << "the next broker finds it so";
}

TEST_F(SlotctlOperator, DrainOfNoTypeIsAUsageError) {
  EXPECT_EQ(slotctl_({"drain", "trakc"}).status, 64);
  EXPECT_EQ(claim("track").status, 0);
}

TEST_F(SlotctlOperator, FreeByForce) {
  const std::string token = claim("participant").json()["token"];
  const Ran unforced = slotctl_({"free", "0"});
  EXPECT_EQ(unforced.status, 64);
  EXPECT_NE(unforced.err.find("participant"), std::string::npos)
      << "says whose it is: " << unforced.err;
  EXPECT_EQ(probe_.held(), 1U);
  EXPECT_EQ(slotctl_({"free", "0", "--force"}).status, 0);
  EXPECT_EQ(probe_.held(), 0U);
  EXPECT_EQ(slotctl_({"release", token, "-J"}).json()["error"], "stale_token");
  EXPECT_EQ(slotctl_({"free", "0", "--force"}).status, 1) << "nothing is held there";
  EXPECT_EQ(slotctl_({"free", "1024", "--force"}).status, 64) << "there is no such slot";
}

TEST_F(SlotctlOperator, ForcedSlotsNextHolderKeepsIt) {
  const std::string token = claim("participant").json()["token"];
  ASSERT_EQ(slotctl_({"free", "0", "--force"}).status, 0);
  ASSERT_EQ(claim("track").json()["slot"], 0);
  EXPECT_EQ(slotctl_({"release", token}).status, 1);
  EXPECT_EQ(probe_.held(), 1U);
}

TEST_F(SlotctlOperator, ConfigCheckAsksTheBrokersOwnParser) {
  EXPECT_EQ(slotctl_({"config", "check", broker_.config_path()}).status, 0);
  const TestFolder folder;
  write_text(folder.file("bad.yaml"), "cpu: { capacity: 12 }\ntypez: {}\n");
  const Ran bad = slotctl_({"config", "check", folder.file("bad.yaml")});
  EXPECT_EQ(bad.status, 78);
  EXPECT_NE(bad.err.find("bad.yaml:2:1: error: "), std::string::npos) << bad.err;
  const Ran json = slotctl_({"config", "check", "-J", folder.file("bad.yaml")});
  EXPECT_EQ(json.status, 78);
  EXPECT_EQ(json.json()["valid"], false);
  EXPECT_NE(json.json()["messages"][0].get<std::string>().find("bad.yaml:2:1: error: "),
            std::string::npos);
  EXPECT_EQ(slotctl_({"config", "check", folder.file("missing.yaml")}).status, 78);
}

TEST_F(SlotctlOperator, ConfigCheckNeedsASlotd) {
  const TestFolder folder;
  std::filesystem::copy_file(bin_dir() + "/slotctl", folder.file("slotctl"));
  const Ran none = run_to_end(folder.file("slotctl"), {"config", "check", broker_.config_path()},
                              {"PATH=/nonexistent"});
  EXPECT_EQ(none.status, 70);
  const Ran found = run_to_end(folder.file("slotctl"), {"config", "check", broker_.config_path()},
                               {"PATH=" + bin_dir()});
  EXPECT_EQ(found.status, 0) << found.err;
}

TEST_F(SlotctlOperator, ConfigShowFollowsAReload) {
  EXPECT_EQ(slotctl_({"config", "show", "-J"}).json()["types"][0]["limit"], 3);
  broker_.write_config(
      "cpu: { capacity: 12 }\ntypes:\n  participant: { max: 7, cpu: 1.5 }\n  track: { cpu: 0.5 "
      "}\n");
  ASSERT_TRUE(broker_.reload());
  const AnyJson out = slotctl_({"config", "show", "-J"}).json();
  EXPECT_EQ(out["types"][0]["limit"], 7);
  EXPECT_EQ(out["types"][0]["cpu"], 1.5);
  EXPECT_EQ(out["types"][2]["retired"], true);
}

}  // namespace
}  // namespace slotd::testing
