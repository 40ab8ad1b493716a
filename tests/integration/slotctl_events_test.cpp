// `events`: what happened on a real node, in order; filters; following; a segment that is replaced.
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <ctime>
#include <filesystem>
#include <iterator>
#include <thread>

#include "tests/support/slotctl.hpp"

namespace slotd::testing {
namespace {

constexpr char kConfig[] =
    "cpu: { capacity: 12, max_utilization: 0.8 }\n"
    "types:\n"
    "  participant: { max: 1, cpu: 2.0 }\n"
    "  track: { cpu: 0.5 }\n";

class SlotctlEvents : public ::testing::Test {
 protected:
  BrokerProcess broker_{kConfig};
  Slotctl slotctl_{broker_.segment()};

  static std::string schemas() { return std::string(SLOTD_SOURCE_DIR) + "/docs/schema"; }
  /// Times are those of the coarse clock, and what two processes note within one tick of it has no
  /// order.
  Ran after_a_tick(const std::vector<std::string>& words) const {
    timespec tick{};
    ::clock_getres(CLOCK_MONOTONIC_COARSE, &tick);
    std::this_thread::sleep_for(std::chrono::nanoseconds(2 * tick.tv_nsec));
    return slotctl_(words);
  }
  /// The kinds in their order, of one type.
  std::vector<std::string> kinds(const std::string& type) const {
    std::vector<std::string> out;
    const AnyJson document = slotctl_({"events", "-J", "-t", type}).json();
    for (const AnyJson& event : document["events"]) out.push_back(event["event"]);
    return out;
  }
};

TEST_F(SlotctlEvents, WhatHappenedInItsOrder) {
  const Ran claim = after_a_tick({"claim", "-t", "participant"});
  ASSERT_EQ(claim.status, 0) << claim.err;
  EXPECT_EQ(after_a_tick({"claim", "-t", "participant"}).status, 75);
  ASSERT_EQ(after_a_tick({"release", claim.line()}).status, 0);
  ASSERT_EQ(after_a_tick({"limits", "set", "participant=3"}).status, 0);
  const Ran ran = slotctl_({"events", "-J"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(schema_problems(schemas(), "events", ran.out), "") << ran.out;
  EXPECT_EQ(ran.json()["events"][0]["event"], "broker_start") << ran.out;
  const std::vector<std::string> seen = kinds("participant");
  const auto at = [&](const std::string& kind) {
    return std::find(seen.begin(), seen.end(), kind) - seen.begin();
  };
  EXPECT_LT(at("claim"), at("refusal")) << ran.out;
  EXPECT_LT(at("refusal"), at("release")) << ran.out;
  EXPECT_LT(at("release"), at("limit_set")) << ran.out;
  EXPECT_LT(at("limit_set"), std::ssize(seen)) << ran.out;
  const AnyJson document = ran.json();
  int releases = 0;
  for (const AnyJson& event : document["events"]) {
    if (event["event"] != "release") continue;
    ++releases;
    EXPECT_EQ(event["other_pid"], ::getpid()) << "whose slot slotctl released";
    EXPECT_NE(event["pid"], ::getpid());
  }
  EXPECT_EQ(releases, 1);
  EXPECT_TRUE(kinds("track").empty());
}

TEST_F(SlotctlEvents, Forms) {
  ASSERT_EQ(slotctl_({"claim", "-t", "track"}).status, 0);
  const Ran text = slotctl_({"events"});
  EXPECT_NE(text.out.find("Z broker_start"), std::string::npos) << text.out;
  EXPECT_NE(text.out.find("Z claim         track, slot 0, pid "), std::string::npos) << text.out;
  const Ran lines = slotctl_({"events", "-o", "jsonl"});
  EXPECT_EQ(row_problems(schemas(), "events", "events", lines.out), "") << lines.out;
  EXPECT_EQ(slotctl_({"events", "--since", "2100-01-01T00:00:00Z"}).out, "");
  EXPECT_EQ(slotctl_({"events", "--since", "1h"}).out, text.out);
  EXPECT_EQ(slotctl_({"events", "--since", "soon"}).status, 64);
  const Ran wrong = slotctl_({"events", "-t", "trcak"});
  EXPECT_EQ(wrong.status, 64);
  EXPECT_NE(wrong.err.find("did you mean 'track'?"), std::string::npos) << wrong.err;
  EXPECT_EQ(Slotctl("/nonexistent/segment")({"events"}).status, 69);
}

TEST_F(SlotctlEvents, Follows) {
  Program follow("slotctl", slotctl_.words({"events", "-f", "-o", "jsonl"}));
  const auto sees = [&](const std::string& text) {
    return wait_until([&] { return follow.out().find(text) != std::string::npos; });
  };
  ASSERT_TRUE(sees("broker_start")) << follow.err();
  ASSERT_EQ(slotctl_({"claim", "-t", "track"}).status, 0);
  EXPECT_TRUE(sees("\"event\":\"claim\",\"type\":\"track\"")) << follow.out();
  broker_.stop();
  EXPECT_TRUE(sees("broker_stop")) << follow.out();
  std::filesystem::remove(broker_.segment());
  broker_.start();
  ASSERT_EQ(slotctl_({"claim", "-t", "participant"}).status, 0);
  EXPECT_TRUE(sees("\"type\":\"participant\"")) << "in the next segment: " << follow.out();
  follow.signal(SIGINT);
  EXPECT_EQ(follow.wait_end(), 0);
  EXPECT_EQ(row_problems(schemas(), "events", "events", follow.out()), "");
}

}  // namespace
}  // namespace slotd::testing
