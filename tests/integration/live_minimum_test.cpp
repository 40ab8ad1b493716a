// A guaranteed minimum on a living node: room that is kept, said in refusals, changed by a reload,
// and a configuration that cannot keep its word refused. And the events that tell of all of it.
#include <gtest/gtest.h>

#include <algorithm>

#include "slotd/events.hpp"
#include "tests/integration/live_support.hpp"

namespace slotd::testing {
namespace {

/// 8 cores and a budget of 8: participants, 2 each, are sure of `minimum`.
std::string config_of(int minimum) {
  return "cpu: { capacity: 8, max_utilization: 1.0, sample_interval: 30s, idle_rule: false }\n"
         "types:\n"
         "  participant: { cpu: 2.0, min: " +
         std::to_string(minimum) +
         ", groups: [all] }\n"
         "  track: { cpu: 1.0, groups: [all] }\n"
         "groups: { all: { max: 7 } }\n";
}

class LiveMinimum : public ::testing::Test {
 protected:
  LiveNode node_{config_of(2)};
};

TEST_F(LiveMinimum, RoomIsKeptAndSaid) {
  for (int i = 0; i < 4; ++i) ASSERT_EQ(node_.claim("track").status, 0) << i;
  const Ran refused = node_.claim("track");
  EXPECT_EQ(refused.status, 75);
  EXPECT_EQ(live_problems("refusal", refused), "");
  EXPECT_EQ(refused.json()["refusal"], "cpu");
  EXPECT_EQ(refused.json()["available"], 0.0);
  EXPECT_EQ(refused.json()["kept"], 4.0);
  EXPECT_NE(node_({"can-accept", "-t", "track"}).out.find("4 kept for types below their min"),
            std::string::npos);
  EXPECT_EQ(node_.claim("participant").status, 0);
  EXPECT_EQ(node_.claim("participant").status, 0);
  EXPECT_EQ(node_.refusal("participant"), "cpu") << "8 of 8";
}

TEST_F(LiveMinimum, AReloadGivesTheRoomBackAtOnce) {
  for (int i = 0; i < 4; ++i) ASSERT_EQ(node_.claim("track").status, 0) << i;
  ASSERT_EQ(node_.refusal("track"), "cpu");
  node_.broker.write_config(config_of(0));
  ASSERT_EQ(node_({"reload", "--wait"}).status, 0);
  EXPECT_EQ(node_.refusal("track"), "");
}

TEST_F(LiveMinimum, WhatCannotBeKeptIsRefused) {
  // 5 x 2 of a budget of 8.
  node_.broker.write_config(config_of(5));
  EXPECT_EQ(node_({"reload", "--wait"}).status, 78);
  EXPECT_NE(node_.broker.log().find("minimums of all types together are sure of 10 cores"),
            std::string::npos);
  std::string small_group = config_of(2);
  small_group.replace(small_group.find("max: 7"), 6, "max: 1");
  node_.broker.write_config(small_group);
  EXPECT_EQ(node_({"reload", "--wait"}).status, 78);
  EXPECT_NE(node_.broker.log().find("participant.min: that is 2 of group 'all', whose max is 1"),
            std::string::npos);
  EXPECT_EQ(node_.limit("track")["config"], nullptr) << "the configuration in force stays";
}

TEST_F(LiveMinimum, EventsTellWhatWasDone) {
  SegmentProbe probe(node_.broker.segment(), Access::kReadWrite);
  EventReader reader(probe.view());
  reader.skip();
  const Ran claimed = node_.claim("participant");
  ASSERT_EQ(claimed.status, 0);
  node_({"activate", claimed.json()["token"].get<std::string>()});
  node_({"limits", "set", "track=0"});
  EXPECT_EQ(node_.claim("track").status, 75);
  node_({"limits", "reset"});
  node_({"drain", "track"});
  node_({"undrain"});
  node_({"free", std::to_string(claimed.json()["slot"].get<int>()), "--force"});
  node_.broker.write_config("nonsense: 1\n");
  node_({"reload", "--wait"});
  std::vector<EventKind> kinds;
  std::vector<Event> events = reader.read();
  for (const Event& event : events) kinds.push_back(event.kind);
  const std::vector<EventKind> expected{
      EventKind::kClaim,      EventKind::kHandOver,    EventKind::kActivate, EventKind::kLimitSet,
      EventKind::kRefusal,    EventKind::kLimitReset,  EventKind::kDrain,    EventKind::kUndrain,
      EventKind::kForcedFree, EventKind::kReloadFailed};
  // Coarse times: two rings may tell of the same instant in either order.
  EXPECT_TRUE(std::is_permutation(kinds.begin(), kinds.end(), expected.begin(), expected.end()))
      << kinds.size();
  for (const Event& event : events) {
    switch (event.kind) {
      case EventKind::kLimitSet:
        EXPECT_EQ(event.amount, 0U);
        break;
      case EventKind::kRefusal:
        EXPECT_EQ(event.reason, Reason::kTypeLimit);
        break;
      case EventKind::kForcedFree:
        EXPECT_EQ(event.slot, claimed.json()["slot"].get<std::uint32_t>());
        break;
      default:
        break;
    }
  }
  EXPECT_EQ(reader.lost(), 0U);
  EXPECT_EQ(probe.view().node().forced[0].get(), 1U);
}

}  // namespace
}  // namespace slotd::testing
