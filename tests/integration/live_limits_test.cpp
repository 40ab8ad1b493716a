// Limits that move while jobs run: overrides and drains outlive the broker, reloads and the segment
// itself; a lowered limit drains; types and groups come and go.
#include <gtest/gtest.h>

#include <algorithm>
#include <vector>

#include "slotd/client.hpp"
#include "slotd/waiters.hpp"
#include "tests/integration/live_support.hpp"

namespace slotd::testing {
namespace {

constexpr char kConfig[] =
    "cpu: { capacity: 8, max_utilization: 1.0 }\n"
    "types:\n"
    "  job: { max: 4, cpu: 0.5 }\n"
    "  other: { max: 4, cpu: 0.5 }\n"
    "  part: { cpu: 0.5, counts_as: job }\n";
constexpr char kConfigWithoutOther[] =
    "cpu: { capacity: 8, max_utilization: 1.0 }\n"
    "types: { job: { max: 6, cpu: 0.5 } }\n";

class LiveLimits : public ::testing::Test {
 protected:
  void reload(const std::string& config) {
    node_.broker.write_config(config);
    ASSERT_EQ(node_({"reload", "--wait"}).status, 0) << node_.broker.log_of_run();
  }

  LiveNode node_{kConfig};
};

TEST_F(LiveLimits, OverrideIsStrongerThanTheConfigurationUntilItIsReset) {
  ASSERT_EQ(node_({"limits", "set", "job=2"}).status, 0);
  reload(kConfigWithoutOther);
  AnyJson row = node_.limit("job");
  EXPECT_EQ(row["config"], 6);
  EXPECT_EQ(row["override"], 2);
  EXPECT_EQ(row["effective"], 2);
  node_.broker.kill_now();
  node_.broker.start();
  EXPECT_EQ(node_.limit("job")["effective"], 2);
  const Ran ran = node_({"limits", "reset", "job", "-J"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(live_problems("limits", ran), "");
  row = node_.limit("job");
  EXPECT_EQ(row["overridden"], false);
  EXPECT_EQ(row["effective"], 6);
}

TEST_F(LiveLimits, OverridesAndDrainsAreCarriedIntoANewSegment) {
  ASSERT_EQ(node_({"limits", "set", "job=2", "other=unlimited"}).status, 0);
  ASSERT_EQ(node_({"drain", "other"}).status, 0);
  node_.lose_segment();
  EXPECT_EQ(node_.limit("job")["effective"], 2);
  EXPECT_EQ(node_.limit("other")["overridden"], true);
  EXPECT_TRUE(node_.limit("other")["effective"].is_null());
  EXPECT_EQ(node_.refusal("other"), "draining");
  EXPECT_EQ(node_.refusal("job"), "");
  ASSERT_EQ(node_({"drain"}).status, 0);
  node_.lose_segment();
  EXPECT_EQ(node_.refusal("job"), "draining");
  ASSERT_EQ(node_({"undrain"}).status, 0);
  EXPECT_EQ(node_.refusal("job"), "");
}

/// Whenever the segment is taken away: a word that slotctl says it wrote is in force afterwards.
TEST_F(LiveLimits, WordsWrittenWhileTheSegmentIsReplacedLast) {
  for (int round = 0; round < 12; ++round) {
    const bool drains = round % 2 == 0;
    const std::size_t before = node_.broker.log().size();
    Program change("slotctl", node_.slotctl.words({drains ? "drain" : "undrain", "job"}));
    ::usleep(static_cast<useconds_t>(round * 700));
    ::unlink(node_.broker.segment().c_str());
    const int status = change.wait_end();
    ASSERT_TRUE(wait_until([&] {
      return node_.broker.log().substr(before).find("event=settled") != std::string::npos;
    }));
    if (status == 69) {  // it found no segment at all, and said so
      ASSERT_EQ(node_({drains ? "drain" : "undrain", "job"}).status, 0);
    } else {
      EXPECT_EQ(status, 0) << change.err();
    }
    EXPECT_EQ(node_.refusal("job"), drains ? "draining" : "") << round;
  }
}

TEST_F(LiveLimits, DrainsOutliveTheBroker) {
  ASSERT_EQ(node_({"drain", "job"}).status, 0);
  node_.broker.stop();
  EXPECT_EQ(node_.refusal("job"), "draining");
  node_.broker.start();
  EXPECT_EQ(node_.refusal("job"), "draining");
  reload(kConfigWithoutOther);
  EXPECT_EQ(node_.refusal("job"), "draining");
  EXPECT_EQ(node_.limit("job")["draining"], true);
}

/// The operator has not taken it back, so it holds again when the type comes back; until then it is
/// shown.
TEST_F(LiveLimits, OverrideOfARetiredTypeIsShownAndWaits) {
  ASSERT_EQ(node_({"limits", "set", "other=1"}).status, 0);
  reload(kConfigWithoutOther);
  AnyJson row = node_.limit("other");
  EXPECT_EQ(row["retired"], true);
  EXPECT_EQ(row["override"], 1);
  EXPECT_EQ(node_.refusal("other"), "unknown_type");
  const Ran set = node_({"limits", "set", "other=2"});
  EXPECT_EQ(set.status, 64) << "it would admit nothing";
  EXPECT_NE(set.err.find("no longer configured"), std::string::npos) << set.err;
  reload(kConfig);
  row = node_.limit("other");
  EXPECT_EQ(row["retired"], false);
  EXPECT_EQ(row["effective"], 1);
  reload(kConfigWithoutOther);
  EXPECT_EQ(node_({"limits", "reset", "other"}).status, 0);
  EXPECT_TRUE(node_.limit("other").is_null()) << "nothing is left of it";
}

/// `part` had a limit of its own and shares one now: the word that is left behind can go.
TEST_F(LiveLimits, OverrideThatNoLongerCountsCanBeReset) {
  reload(
      "cpu: { capacity: 8 }\n"
      "types: { job: { max: 4, cpu: 0.5 }, part: { max: 4, cpu: 0.5 } }\n");
  ASSERT_EQ(node_({"limits", "set", "part=1"}).status, 0);
  reload(kConfig);
  EXPECT_EQ(node_.limit("part")["effective"], 4) << "that of job";
  EXPECT_EQ(node_({"limits", "set", "part=2"}).status, 64);
  EXPECT_EQ(node_({"limits", "reset", "part"}).status, 0);
  EXPECT_EQ(node_({"limits", "reset", "part"}).status, 64) << "there is none any more";
}

TEST_F(LiveLimits, AllOrNothingOnNames) {
  EXPECT_EQ(node_({"limits", "set", "job=1", "othre=1"}).status, 64);
  EXPECT_EQ(node_({"limits", "set", "job=1", "other=1", "part=1"}).status, 64);
  EXPECT_EQ(node_({"limits", "set", "job=1", "other=x"}).status, 64);
  EXPECT_EQ(node_.limit("job")["overridden"], false);
  ASSERT_EQ(node_({"limits", "set", "job=1", "other=1"}).status, 0);
  const Ran ran = node_({"limits", "reset", "job", "othre"});
  EXPECT_EQ(ran.status, 64);
  EXPECT_NE(ran.err.find("did you mean 'other'?"), std::string::npos) << ran.err;
  EXPECT_EQ(node_.limit("job")["overridden"], true);
}

TEST_F(LiveLimits, TypesComeAndGoWhileJobsRun) {
  const Ran other = node_.claim("other");
  ASSERT_EQ(other.status, 0);
  reload(kConfigWithoutOther);
  EXPECT_EQ(node_.claim("other").json()["refusal"], "unknown_type");
  EXPECT_EQ(node_.limit("other")["in_use"], 1) << "what runs goes on";
  reload(
      "cpu: { capacity: 8 }\n"
      "types: { job: { max: 6, cpu: 0.5 }, fresh: { max: 1, cpu: 0.25 } }\n");
  EXPECT_EQ(node_.claim("fresh").status, 0);
  EXPECT_EQ(node_.refusal("fresh"), "type_limit");
  node_.release(other);
  EXPECT_TRUE(node_.limit("other").is_null());
}

TEST_F(LiveLimits, GroupsComeAndGoWhileJobsRun) {
  ASSERT_EQ(node_.claim("job").status, 0);
  reload(
      "cpu: { capacity: 8 }\n"
      "types:\n"
      "  job: { max: 4, cpu: 0.5, groups: { pair: 2 } }\n"
      "  other: { max: 4, cpu: 0.5, groups: { pair: 1 } }\n"
      "groups: { pair: { max: 3 } }\n");
  EXPECT_EQ(node_.refusal("job"), "group_limit") << "the job that ran before takes 2 of 3";
  EXPECT_EQ(node_.claim("other").status, 0);
  EXPECT_EQ(node_.refusal("other"), "group_limit");
  reload(kConfig);
  EXPECT_EQ(node_.refusal("other"), "");
  EXPECT_EQ(node_.refusal("job"), "");
}

TEST_F(LiveLimits, EveryChangeNeedsASegmentAndPermissionToWrite) {
  const std::vector<Words> changes{{"limits", "set", "job=1"},
                                   {"limits", "reset"},
                                   {"drain"},
                                   {"undrain"},
                                   {"free", "0", "--force"}};
  const Slotctl nowhere("/nonexistent/segment");
  for (const Words& words : changes) EXPECT_EQ(nowhere(words).status, 69) << words[0];
  EXPECT_EQ(nowhere({"limits"}).status, 69);
  if (!node_.has_stranger()) GTEST_SKIP() << "needs root, to become somebody else";
  ASSERT_EQ(::chmod(node_.broker.segment().c_str(), 0444), 0);
  for (const Words& words : changes) EXPECT_EQ(node_.as_stranger(words).status, 77) << words[0];
  const Ran ran = node_.as_stranger({"limits", "-J"});
  EXPECT_EQ(ran.status, 0) << "looking does not: " << ran.err;
  EXPECT_EQ(live_problems("limits", ran), "");
  EXPECT_EQ(node_.limit("job")["overridden"], false);
}

/// Field report 14, in each state of the broker. By the override and by the configuration alike.
class LoweredLimit : public ::testing::TestWithParam<bool> {
 protected:
  bool is_up() const { return GetParam(); }
  LiveNode node_{kConfig};
};
INSTANTIATE_TEST_SUITE_P(Broker, LoweredLimit, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "up" : "down"; });

TEST_P(LoweredLimit, ReturnsAtOnceShowsDebtAndDrains) {
  Client client({node_.broker.segment(), "holder"});
  std::vector<Slot> slots;
  for (int i = 0; i < 4; ++i) slots.push_back(client.try_claim("job"));
  ASSERT_TRUE(slots.back());
  if (!is_up()) node_.broker.kill_now();
  const Ran set = node_({"limits", "set", "job=1", "-J"});
  ASSERT_EQ(set.status, 0) << set.err;
  EXPECT_EQ(live_problems("limits", set), "");
  EXPECT_EQ(set.json()["limits"][0]["debt"], 3) << "told at once, with nothing given back";
  for (int held = 4; held > 0; --held) {
    const AnyJson row = node_.limit("job");
    EXPECT_EQ(row["in_use"], held);
    EXPECT_EQ(row["debt"], held - 1);
    EXPECT_EQ(client.try_claim("job").refusal().reason(), Reason::kTypeLimit) << held;
    EXPECT_EQ(client.try_claim("part").refusal().reason(), Reason::kTypeLimit) << held;
    EXPECT_TRUE(client.try_claim("other")) << "others are not held up";
    slots.pop_back();
  }
  EXPECT_EQ(node_.limit("job")["debt"], 0);
  EXPECT_TRUE(client.try_claim("job"));
}

TEST_P(LoweredLimit, RaisedAgainItAdmitsAtOnce) {
  Client client({node_.broker.segment(), "holder"});
  std::vector<Slot> slots;
  for (int i = 0; i < 4; ++i) slots.push_back(client.try_claim("job"));
  if (!is_up()) node_.broker.kill_now();
  ASSERT_EQ(node_({"limits", "set", "job=0"}).status, 0);
  EXPECT_EQ(client.try_claim("job").refusal().verdict().in_use, 4U);
  ASSERT_EQ(node_({"limits", "set", "job=5"}).status, 0);
  const Slot fifth = client.try_claim("job");
  EXPECT_TRUE(fifth);
  EXPECT_EQ(client.try_claim("job").refusal().reason(), Reason::kTypeLimit);
  ASSERT_EQ(node_({"limits", "reset"}).status, 0);
  EXPECT_EQ(node_.limit("job")["debt"], 1) << "the configuration's 4 hold again";
}

TEST(LoweredByReload, ShowsDebtAndDrains) {
  const LiveNode node(kConfig);
  Client client({node.broker.segment(), "holder"});
  std::vector<Slot> slots;
  for (int i = 0; i < 4; ++i) slots.push_back(client.try_claim("job"));
  node.broker.write_config(
      "cpu: { capacity: 8 }\n"
      "types: { job: { max: 2, cpu: 0.5 } }\n");
  ASSERT_EQ(node({"reload", "--wait"}).status, 0);
  EXPECT_EQ(node.limit("job")["debt"], 2);
  for (int held = 4; held > 1; --held) {
    EXPECT_EQ(client.try_claim("job").refusal().reason(), Reason::kTypeLimit) << held;
    slots.pop_back();
  }
  EXPECT_TRUE(client.try_claim("job"));
}

/// Who makes room tells those who wait in line; without that they would find it by themselves, a
/// recheck later. The broker is down, so nobody else tells.
struct Change {
  std::string name;
  Words block;
  Words make_room;
};
class ToldWaiters : public ::testing::Test {
 protected:
  std::uint64_t count_told(const SegmentProbe& probe) const {
    std::uint64_t count = 0;
    for (std::uint32_t i = 0; i < kMaxWaiters; ++i)
      count += WaiterTold{probe.view().waiter(i).told.load()}.count();
    return count;
  }
  /// Of one who waits while nothing is admitted: was it told when there was room?
  bool is_told(const SegmentProbe& probe, const Words& make_room) {
    Program waiter("slotctl", node_.slotctl.words({"claim", "-t", "job", "-w", "15", "--pid",
                                                   owner_.pid_text(), "-q"}));
    EXPECT_TRUE(wait_until([&] { return probe.view().header().waiting.load() != 0; }));
    const std::uint64_t before = count_told(probe);
    EXPECT_EQ(node_(make_room).status, 0);
    EXPECT_EQ(waiter.wait_end(), 0) << waiter.err();
    const std::string token = waiter.out();
    EXPECT_EQ(node_({"release", token.substr(0, token.find('\n'))}).status, 0);
    EXPECT_TRUE(wait_until([&] { return probe.view().header().waiting.load() == 0; }));
    return count_told(probe) != before;
  }

  Sleeper owner_;
  LiveNode node_{kConfig};
};
class WaitersAreTold : public ToldWaiters, public ::testing::WithParamInterface<Change> {};

TEST_P(WaitersAreTold, ByTheChangeItself) {
  const SegmentProbe probe(node_.broker.segment());
  node_.broker.kill_now();
  // Now and then a waiter's own look comes first.
  bool told = false;
  for (int round = 0; round < 20 && !told; ++round) {
    ASSERT_EQ(node_(GetParam().block).status, 0);
    told = is_told(probe, GetParam().make_room);
  }
  EXPECT_TRUE(told);
}
INSTANTIATE_TEST_SUITE_P(
    By, WaitersAreTold,
    ::testing::Values(Change{"set", {"limits", "set", "job=0"}, {"limits", "set", "job=1"}},
                      Change{"reset", {"limits", "set", "job=0"}, {"limits", "reset"}},
                      Change{"undrain", {"drain", "job"}, {"undrain", "job"}}),
    [](const auto& param) { return param.param.name; });

TEST_F(ToldWaiters, BySlotsFreedByForce) {
  const SegmentProbe probe(node_.broker.segment());
  ASSERT_EQ(node_({"limits", "set", "job=1"}).status, 0);
  node_.broker.kill_now();
  bool told = false;
  for (int round = 0; round < 20 && !told; ++round) {
    const Ran held = node_.claim("job");
    ASSERT_EQ(held.status, 0) << held.err;
    told = is_told(probe, {"free", held.json()["slot"].dump(), "--force"});
  }
  EXPECT_TRUE(told);
}

TEST_F(ToldWaiters, ByAReload) {
  const SegmentProbe probe(node_.broker.segment());
  bool told = false;
  for (int round = 0; round < 20 && !told; ++round) {
    node_.broker.write_config("types: { job: { max: 0, cpu: 0.5 } }\n");
    ASSERT_EQ(node_({"reload", "--wait"}).status, 0);
    node_.broker.write_config(kConfig);
    told = is_told(probe, {"reload", "--wait"});
  }
  EXPECT_TRUE(told);
}

}  // namespace
}  // namespace slotd::testing
