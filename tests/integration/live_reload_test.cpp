// `slotctl reload`: each request is answered, whoever asks and whatever stands in the words; and a
// reload holds as a whole or changes nothing.
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstring>
#include <limits>
#include <memory>
#include <vector>

#include "slotd/client.hpp"
#include "tests/integration/live_support.hpp"

namespace slotd::testing {
namespace {

std::string config_of(const std::string& max, const std::string& rest = "") {
  return "cpu: { capacity: 8, max_utilization: 1.0, sample_interval: 30s }\n"
         "types: { job: { max: " +
         max + ", cpu: 0.5 } }\n" + rest;
}

class LiveReload : public ::testing::Test {
 protected:
  /// Both config blocks and their epoch, byte for byte.
  std::string config_bytes() const {
    const SegmentView& view = probe_.view();
    std::string bytes(2 * sizeof(ConfigBlock), '\0');
    std::memcpy(bytes.data(), &view.config(0), sizeof(ConfigBlock));
    std::memcpy(bytes.data() + sizeof(ConfigBlock), &view.config(1), sizeof(ConfigBlock));
    return bytes + std::to_string(view.header().config_epoch.load());
  }
  Ran reload() const { return node_({"reload", "--wait", "-J"}); }
  AnyJson limit() const { return node_.limit("job")["config"]; }

  LiveNode node_{config_of("4")};
  SegmentProbe probe_{node_.broker.segment(), Access::kReadWrite};
};

TEST_F(LiveReload, WaitsUntilTheNewConfigurationHolds) {
  node_.broker.write_config(config_of("7"));
  const Ran ran = reload();
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(live_problems("reload", ran), "");
  EXPECT_EQ(ran.json()["result"], "reloaded");
  EXPECT_EQ(ran.json()["request"], 1);
  EXPECT_EQ(ran.json()["broker_pid"], node_.broker.pid());
  EXPECT_EQ(limit(), 7);
  EXPECT_EQ(node_({"reload", "--wait"}).out, "reloaded\n");
  EXPECT_EQ(node_({"reload", "-w", "5", "-q"}).out, "");
}

TEST_F(LiveReload, RequestAloneIsPostedAndDoneSoon) {
  node_.broker.write_config(config_of("7"));
  const Ran ran = node_({"reload", "-J"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(live_problems("reload", ran), "");
  EXPECT_EQ(ran.json()["result"], "requested");
  EXPECT_TRUE(wait_until([&] { return probe_.type("job").limit == 7U; }));
}

TEST_F(LiveReload, SignalAnswersRequestsToo) {
  node_.broker.write_config(config_of("7"));
  probe_.view().header().reload_requested.fetch_add(1);
  ASSERT_TRUE(node_.broker.reload());
  EXPECT_TRUE(wait_until([&] { return probe_.view().header().reload_acked.load() == 1U; }));
}

TEST_F(LiveReload, InvalidFileIsRefusedAndChangesNothing) {
  const std::string before = config_bytes();
  for (const char* bad : {"types: { job: { max: two } }\n", "typez: {}\n", "\x01\x02", "{",
                          "cpu: { capacity: 1 }\ntypes: { job: { cpu: 4 } }\n"}) {
    node_.broker.write_config(bad);
    const Ran ran = reload();
    EXPECT_EQ(ran.status, 78) << bad << ran.err;
    EXPECT_EQ(live_problems("reload", ran), "");
    EXPECT_EQ(ran.json()["result"], "invalid_file") << bad;
    EXPECT_NE(ran.err.find("log"), std::string::npos) << "says where the reasons are: " << ran.err;
    EXPECT_EQ(config_bytes() == before, true) << bad;
  }
  EXPECT_NE(node_.broker.log_of_run().find("slotd.yaml:1:22: error: "), std::string::npos)
      << node_.broker.log_of_run();
  std::filesystem::remove(node_.broker.config_path());
  EXPECT_EQ(reload().status, 78) << "no file at all";
  EXPECT_TRUE(config_bytes() == before);
  node_.broker.write_config(config_of("5"));
  EXPECT_EQ(reload().status, 0) << "and the next good one is taken";
}

TEST_F(LiveReload, WhatNeedsANewSegmentIsRefusedWithKeyAndLine) {
  const std::string before = config_bytes();
  const std::vector<std::pair<std::string, std::string>> changes{
      {"slots: 64", "segment.slots"},
      {"processes: 64", "segment.processes"},
  };
  for (const auto& [change, key] : changes) {
    node_.broker.write_config(config_of("7", "segment: { " + change + " }\n"));
    const Ran ran = reload();
    EXPECT_EQ(ran.status, 78) << ran.err;
    EXPECT_EQ(ran.json()["result"], "needs_new_segment");
    EXPECT_NE(node_.broker.log_of_run().find("slotd.yaml:3: " + key + ": "), std::string::npos)
        << node_.broker.log_of_run();
    EXPECT_TRUE(config_bytes() == before) << key;
  }
  EXPECT_EQ(limit(), 4);
}

/// The same in the section that an egress file has for slotd, and of a key that was taken out.
TEST(LiveReloadOfAnEgressFile, WhatNeedsANewSegmentIsRefusedWithKeyAndLine) {
  const auto file = [](const std::string& segment) {
    return "cpu_cost: { room_composite_cpu_cost: 1 }\n"
           "slotd:\n"
           "  cpu: { capacity: 8, sample_interval: 30s }\n"
           "  segment: { mode: \"0660\"" +
           segment + " }\n";
  };
  const LiveNode node(file(", slots: 9"));
  for (const char* changed : {",\n    slots: 10", ""}) {
    node.broker.write_config(file(changed));
    EXPECT_EQ(node({"reload", "--wait"}).status, 78) << changed;
    const std::string line = *changed == '\0' ? "4" : "5";
    EXPECT_NE(node.broker.log_of_run().find("slotd.yaml:" + line + ": segment.slots: "),
              std::string::npos)
        << node.broker.log_of_run();
  }
}

/// At the start a live segment keeps its size, and that is said; it must not be in the way of every
/// reload from then on.
TEST_F(LiveReload, SizePutOffAtTheStartIsNoChange) {
  node_.broker.kill_now();
  node_.broker.write_config(config_of("4", "segment: { slots: 64 }\n"));
  node_.broker.start();
  node_.broker.write_config(config_of("7", "segment: { slots: 64 }\n"));
  EXPECT_EQ(reload().status, 0) << node_.broker.log_of_run();
  EXPECT_EQ(limit(), 7);
}

TEST_F(LiveReload, ModeOfTheSegmentIsChangedLive) {
  const auto mode = [&] {
    struct stat status {};
    ::stat(node_.broker.segment().c_str(), &status);
    return status.st_mode & 07777U;
  };
  node_.broker.write_config(config_of("7", "segment: { mode: \"0640\" }\n"));
  EXPECT_EQ(reload().status, 0);
  EXPECT_EQ(mode(), 0640U);
  node_.lose_segment();
  EXPECT_EQ(mode(), 0640U) << "the next segment too";
}

TEST_F(LiveReload, GroupThatCannotBeGivenRefusesTheWholeFile) {
  const std::string before = config_bytes();
  node_.broker.write_config(
      config_of("7", "segment: { mode: \"0640\",\n  group: no-such-group-here }\n"));
  EXPECT_EQ(reload().status, 78);
  EXPECT_NE(node_.broker.log_of_run().find("slotd.yaml:4: segment.group: "), std::string::npos)
      << node_.broker.log_of_run();
  EXPECT_TRUE(config_bytes() == before);
  struct stat status {};
  ASSERT_EQ(::stat(node_.broker.segment().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0660U) << "nor the mode";
}

TEST_F(LiveReload, GroupIsChangedLive) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to give files away";
  node_.broker.write_config(config_of("4", "segment: { group: daemon }\n"));
  ASSERT_EQ(reload().status, 0) << node_.broker.log_of_run();
  struct stat status {};
  ASSERT_EQ(::stat(node_.broker.segment().c_str(), &status), 0);
  EXPECT_EQ(status.st_gid, ::getgrnam("daemon")->gr_gid);
}

TEST_F(LiveReload, BrokerDownIsToldAtOnce) {
  node_.broker.kill_now();
  const Ran ran = reload();
  EXPECT_EQ(ran.status, 69);
  EXPECT_EQ(live_problems("reload", ran), "");
  EXPECT_EQ(ran.json()["result"], "broker_down");
  const Ran posted = node_({"reload"});
  EXPECT_EQ(posted.status, 0);
  EXPECT_NE(posted.err.find("down"), std::string::npos) << posted.err;
  node_.broker.start();
  EXPECT_TRUE(wait_until([&] { return probe_.view().header().reload_acked.load() == 1U; }))
      << "the next broker answers what still stands";
}

TEST_F(LiveReload, BrokerThatDiesMeanwhileIsDown) {
  node_.broker.signal(SIGSTOP);
  Program waiting("slotctl", node_.slotctl.words({"reload", "--wait", "-w", "15"}));
  ASSERT_TRUE(wait_until([&] { return probe_.view().header().reload_requested.load() == 1U; }));
  node_.broker.kill_now();
  EXPECT_EQ(waiting.wait_end(), 69) << waiting.err();
}

TEST_F(LiveReload, BrokerThatDoesNotAnswerIsWaitedForToTheBound) {
  node_.broker.signal(SIGSTOP);
  node_.broker.write_config(config_of("7"));
  const Ran ran = node_({"reload", "-w", "0.1", "-J"});
  EXPECT_EQ(ran.status, 75);
  EXPECT_EQ(live_problems("reload", ran), "");
  EXPECT_EQ(ran.json()["result"], "timed_out");
  node_.broker.signal(SIGCONT);
  EXPECT_TRUE(wait_until([&] { return probe_.type("job").limit == 7U; })) << "the request stands";
}

TEST_F(LiveReload, EachOfManyRequestsIsAnswered) {
  std::vector<std::unique_ptr<Program>> all;
  for (int i = 0; i < 8; ++i) {
    all.push_back(std::make_unique<Program>("slotctl", node_.slotctl.words({"reload", "--wait"})));
  }
  for (auto& one : all) EXPECT_EQ(one->wait_end(), 0) << one->err();
  EXPECT_EQ(probe_.view().header().reload_requested.load(), 8U);
  EXPECT_EQ(probe_.view().header().reload_acked.load(), 8U);
}

TEST_F(LiveReload, HostileNumbersNeitherHangNorCrash) {
  Header& header = probe_.view().header();
  constexpr auto kMost = std::numeric_limits<std::uint64_t>::max();
  for (const std::uint64_t requested : {kMost, kMost / 2, std::uint64_t{0}}) {
    for (const std::uint64_t acked : {kMost / 2 + 1, kMost - 1, std::uint64_t{5}}) {
      header.reload_result.store(kMost);
      header.reload_acked.store(acked);
      header.reload_requested.store(requested);
      EXPECT_TRUE(wait_until([&] { return header.reload_acked.load() == requested; }));
      EXPECT_EQ(header.reload_result.load(), 0U);
      EXPECT_EQ(reload().status, 0) << requested << " " << acked;
    }
  }
  EXPECT_TRUE(node_.broker.is_running());
}

TEST_F(LiveReload, AnswerThatIsNoneIsCorruption) {
  node_.broker.signal(SIGSTOP);
  Header& header = probe_.view().header();
  header.reload_result.store(99);
  Program waiting("slotctl", node_.slotctl.words({"reload", "--wait"}));
  ASSERT_TRUE(wait_until([&] { return header.reload_requested.load() == 1U; }));
  header.reload_acked.store(1);
  EXPECT_EQ(waiting.wait_end(), 65);
}

TEST_F(LiveReload, RequestIsCarriedIntoANewSegment) {
  node_.broker.write_config(config_of("7"));
  node_.broker.signal(SIGSTOP);
  Program waiting("slotctl", node_.slotctl.words({"reload", "--wait"}));
  ASSERT_TRUE(wait_until([&] { return probe_.view().header().reload_requested.load() == 1U; }));
  ::unlink(node_.broker.segment().c_str());
  node_.broker.signal(SIGCONT);
  EXPECT_EQ(waiting.wait_end(), 0) << waiting.err() << node_.broker.log_of_run();
  EXPECT_EQ(limit(), 7);
}

TEST_F(LiveReload, NeedsASegmentAndPermissionToWrite) {
  EXPECT_EQ(Slotctl("/nonexistent/segment")({"reload", "--wait"}).status, 69);
  EXPECT_EQ(Slotctl("/nonexistent/segment")({"reload"}).status, 69);
  if (!node_.has_stranger()) GTEST_SKIP() << "needs root, to become somebody else";
  ASSERT_EQ(::chmod(node_.broker.segment().c_str(), 0444), 0);
  for (const Words& words : {Words{"reload"}, Words{"reload", "--wait"}}) {
    const Ran ran = node_.as_stranger(words);
    EXPECT_EQ(ran.status, 77) << ran.err;
  }
  EXPECT_EQ(probe_.view().header().reload_requested.load(), 0U);
}

}  // namespace
}  // namespace slotd::testing
