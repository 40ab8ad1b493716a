// `slotctl wait`: until nothing is held, or until there is room; by looking alone.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <memory>
#include <vector>

#include "slotd/client.hpp"
#include "tests/integration/live_support.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

constexpr char kConfig[] =
    "cpu: { capacity: 8, max_utilization: 1.0 }\n"
    "types:\n"
    "  job: { max: 3, cpu: 1.0 }\n"
    "  large: { cpu: 6.0 }\n"
    "  small: { cpu: 0.5, aliases: [tiny] }\n";

/// In each state of the broker: `wait` needs none.
class LiveWait : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (!GetParam()) node_.broker.kill_now();
  }
  std::unique_ptr<Program> start(const Words& words) const {
    return std::make_unique<Program>("slotctl", node_.slotctl.words(words));
  }

  LiveNode node_{kConfig};
};
INSTANTIATE_TEST_SUITE_P(Broker, LiveWait, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "up" : "down"; });

TEST_P(LiveWait, IdleNode) {
  EXPECT_EQ(node_({"wait", "--idle"}).out, "idle\n");
  const Ran ran = node_({"wait", "--idle", "-w", "1", "-J"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(live_problems("wait", ran), "");
  EXPECT_EQ(ran.json()["met"], true);
  EXPECT_EQ(ran.json()["held"], 0);
}

TEST_P(LiveWait, IdleAfterTheLastRelease) {
  const Ran first = node_.claim("job");
  const Ran second = node_.claim("small");
  const Ran bound = node_({"wait", "--idle", "-w", "0.05", "-J"});
  EXPECT_EQ(bound.status, 75);
  EXPECT_EQ(live_problems("wait", bound), "");
  EXPECT_EQ(bound.json()["met"], false);
  EXPECT_EQ(bound.json()["held"], 2);
  EXPECT_GE(bound.json()["waited"], 0.05);
  EXPECT_NE(bound.err.find("2 slots are held"), std::string::npos) << bound.err;
  EXPECT_EQ(node_({"wait", "--idle", "-w", "0", "-q"}).err, "");
  const auto waiting = start({"wait", "--idle"});
  node_.release(first);
  node_.release(second);
  EXPECT_EQ(waiting->wait_end(), 0) << waiting->err();
}

TEST_P(LiveWait, IdleAfterTheLastOwnersDeath) {
  WorkerProcess worker(node_.broker.segment());
  ASSERT_TRUE(worker.ask("claim job").is_claimed());
  Sleeper sleeper;
  ASSERT_EQ(node_({"claim", "-t", "small", "--pid", sleeper.pid_text()}).status, 0);
  const auto waiting = start({"wait", "--idle"});
  EXPECT_EQ(node_({"wait", "--idle", "-w", "0"}).status, 75);
  worker.kill_now();
  sleeper.die();
  EXPECT_EQ(waiting->wait_end(), 0) << waiting->err();
}

TEST_P(LiveWait, RoomForOne) {
  const Ran ran = node_({"wait", "-t", "tiny", "-J"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(live_problems("wait", ran), "");
  EXPECT_EQ(ran.json()["type"], "small") << "an alias is the type";
  EXPECT_EQ(ran.json()["room"], 1);
  EXPECT_EQ(node_({"wait", "-t", "job", "--free", "3"}).out, "job: room for 3\n");
}

TEST_P(LiveWait, RoomForMore) {
  const Ran held = node_.claim("job");
  const Ran bound = node_({"wait", "-t", "job", "--free", "3", "-w", "0", "-J"});
  EXPECT_EQ(bound.status, 75);
  EXPECT_EQ(live_problems("wait", bound), "");
  EXPECT_EQ(bound.json()["room"], 2);
  EXPECT_EQ(bound.json()["refusal"], "type_limit");
  EXPECT_EQ(bound.json()["limit"], 3);
  EXPECT_EQ(node_({"wait", "-t", "job", "--free", "3", "-w", "0"}).err,
            "slotctl: timed out: job: room for 2 of 3; type_limit: 3 of 3 in use\n");
  const auto waiting = start({"wait", "-t", "job", "--free", "3"});
  node_.release(held);
  EXPECT_EQ(waiting->wait_end(), 0) << waiting->err();
}

TEST_P(LiveWait, RoomByCpuOnly) {
  EXPECT_EQ(node_({"wait", "-t", "large", "-w", "0"}).status, 0);
  const Ran two = node_({"wait", "-t", "large", "--free", "2", "-w", "0", "-J"});
  EXPECT_EQ(two.status, 75);
  EXPECT_EQ(two.json()["refusal"], "cpu");
  EXPECT_EQ(two.json()["required"], 6.0);
  EXPECT_EQ(two.json()["available"], 2.0);
}

TEST_P(LiveWait, RoomByARaisedLimit) {
  const auto waiting = start({"wait", "-t", "job", "--free", "5"});
  EXPECT_EQ(node_({"wait", "-t", "job", "--free", "5", "-w", "0"}).status, 75);
  ASSERT_EQ(node_({"limits", "set", "job=5"}).status, 0);
  EXPECT_EQ(waiting->wait_end(), 0) << waiting->err();
}

TEST_P(LiveWait, NeedsNoPermissionToWrite) {
  if (!node_.has_stranger()) GTEST_SKIP() << "needs root, to become somebody else";
  ASSERT_EQ(::chmod(node_.broker.segment().c_str(), 0444), 0);
  EXPECT_EQ(node_.as_stranger({"wait", "--idle"}).status, 0);
  const Ran held = node_.claim("job");
  EXPECT_EQ(node_.as_stranger({"wait", "--idle", "-w", "0"}).status, 75);
  EXPECT_EQ(node_.as_stranger({"wait", "-t", "job", "--free", "2"}).status, 0);
  ASSERT_EQ(::chmod(node_.broker.segment().c_str(), 0440), 0);
  EXPECT_EQ(node_.as_stranger({"wait", "--idle"}).status, 77);
}

TEST_P(LiveWait, MakesNoSenseWithoutAQuestion) {
  EXPECT_EQ(node_({"wait"}).status, 64);
  EXPECT_EQ(node_({"wait", "--idle", "-t", "job"}).status, 64);
  EXPECT_EQ(node_({"wait", "-t", "job", "--free", "0"}).status, 64);
  const Ran unknown = node_({"wait", "-t", "smal", "-J"});
  EXPECT_EQ(unknown.status, 64);
  EXPECT_EQ(live_problems("error", unknown), "");
  EXPECT_NE(unknown.err.find("did you mean 'small'?"), std::string::npos) << unknown.err;
}

TEST(LiveWaitAlone, NoSegmentIsToldAtOnce) {
  EXPECT_EQ(Slotctl("/nonexistent/segment")({"wait", "--idle"}).status, 69);
}

TEST(LiveWaitAlone, FollowsASegmentThatIsReplaced) {
  const LiveNode node(kConfig);
  Sleeper owner;
  ASSERT_EQ(node({"claim", "-t", "job", "--pid", owner.pid_text()}).status, 0);
  Program idle("slotctl", node.slotctl.words({"wait", "--idle"}));
  Program room("slotctl", node.slotctl.words({"wait", "-t", "job", "--free", "3"}));
  ASSERT_TRUE(wait_mapped(idle, node.broker.segment()));
  ASSERT_TRUE(wait_mapped(room, node.broker.segment()));
  node.lose_segment();
  EXPECT_EQ(node({"wait", "--idle", "-w", "0"}).status, 75) << "the slot was carried over";
  int status = 0;
  EXPECT_EQ(::waitpid(idle.pid(), &status, WNOHANG), 0) << idle.out() << idle.err();
  EXPECT_EQ(::waitpid(room.pid(), &status, WNOHANG), 0) << room.out() << room.err();
  owner.die();
  EXPECT_EQ(idle.wait_end(), 0) << idle.err();
  EXPECT_EQ(room.wait_end(), 0) << room.err();
}

TEST(LiveWaitAlone, SegmentThatDoesNotComeBackIsTold) {
  LiveNode node(kConfig);
  ASSERT_EQ(node.claim("job").status, 0);
  node.broker.kill_now();
  Program idle("slotctl", node.slotctl.words({"wait", "--idle", "-w", "1"}));
  ASSERT_TRUE(wait_mapped(idle, node.broker.segment()));
  ::unlink(node.broker.segment().c_str());
  EXPECT_EQ(idle.wait_end(), 69) << idle.out() << idle.err();
}

}  // namespace
}  // namespace slotd::testing
