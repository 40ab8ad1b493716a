// `status`: the contract's fields with the figures of a literal snapshot, and the table.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/ctl_snapshot_support.hpp"
#include "tools/slotctl/commands/status.hpp"

namespace slotd::ctl {
namespace {

constexpr char kPath[] = "/run/slotd/segment";

Json status(const Snapshot& snapshot) {
  return Json::parse(print_json(status_json(snapshot, kPath)));
}
std::string shown(const Snapshot& snapshot) {
  return status_text(snapshot, kPath, {}, Charset::kUtf8);
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(StatusJson, FollowsItsSchema) {
  EXPECT_EQ(problems("status", print_json(status_json(busy_node(), kPath))), "");
  EXPECT_EQ(problems("status", print_json(status_json(Snapshot{}, kPath))), "");
}

TEST(StatusJson, Broker) {
  const Json out = status(busy_node());
  EXPECT_EQ(out["broker"]["state"], "ready");
  EXPECT_EQ(out["broker"]["pid"], 4711);
  EXPECT_EQ(out["broker"]["version"], "0.1.0");
  EXPECT_EQ(out["segment"]["path"], kPath);
  EXPECT_EQ(out["segment"]["layout"], kLayout);
  EXPECT_EQ(out["segment"]["slots"], 1024);
}

TEST(StatusJson, BrokerDown) {
  Snapshot snapshot = busy_node();
  snapshot.broker = {BrokerState::kDown, 0, "0.1.0", -1};
  const Json out = status(snapshot);
  EXPECT_EQ(out["broker"]["state"], "down");
  EXPECT_TRUE(out["broker"]["pid"].is_null());
  EXPECT_TRUE(out["broker"]["sample_age"].is_null());
  EXPECT_EQ(problems("status", print_json(status_json(snapshot, kPath))), "");
}

TEST(StatusJson, CpuAndMemory) {
  const std::string text = print_json(status_json(busy_node(), kPath));
  EXPECT_TRUE(
      has(text,
          R"("cpu":{"capacity":12.0,"budget":9.6,"charged":6.0,"available":3.6,"measured":5.1})"));
  EXPECT_TRUE(has(text, R"("memory":{"max":0,"used":0,"pending":0,"headroom":1073741824})"));
}

TEST(StatusJson, MeasuredIsNullBeforeASample) {
  Snapshot snapshot = busy_node();
  snapshot.measured_micro = kNotMeasured;
  EXPECT_TRUE(status(snapshot)["cpu"]["measured"].is_null());
}

TEST(StatusJson, AvailableMayBeNegative) {
  Snapshot snapshot = busy_node();
  snapshot.charged_micro = 10'400'000;
  EXPECT_TRUE(has(print_json(status_json(snapshot, kPath)), R"("available":-0.8)"));
}

TEST(StatusJson, Types) {
  const Json types = status(busy_node())["types"];
  ASSERT_EQ(types.size(), 2U);
  EXPECT_EQ(types[0]["name"], "participant");
  EXPECT_EQ(types[0]["limit"], 3);
  EXPECT_EQ(types[0]["in_use"], 3);
  EXPECT_EQ(types[0]["pending"], 1);
  EXPECT_EQ(types[0]["waiting"], 0);
  EXPECT_EQ(types[0]["cpu"], 2.0);
  EXPECT_EQ(types[0]["can_accept"], false);
  EXPECT_EQ(types[0]["refusal"], "type_limit");
  EXPECT_TRUE(types[1]["limit"].is_null()) << "none";
  EXPECT_EQ(types[1]["can_accept"], true);
  EXPECT_TRUE(types[1]["refusal"].is_null());
}

TEST(StatusJson, GroupsAndCounters) {
  const std::string text = print_json(status_json(busy_node(), kPath));
  EXPECT_TRUE(has(text, R"("groups":[{"name":"web","limit":18,"in_use":0}])"));
  EXPECT_TRUE(has(
      text, R"("counters":{"claims":7,"refusals":5,"releases":3,"reaped":1,"stale_releases":2})"));
}

TEST(StatusJson, UnstableIsSaidOnlyWhereItIs) {
  Snapshot snapshot = busy_node();
  EXPECT_FALSE(status(snapshot).contains("unstable"));
  snapshot.stable = false;
  EXPECT_EQ(status(snapshot)["unstable"], true);
}

TEST(StatusJson, RemovedTypesAreShownUntilTheyAreEmpty) {
  Snapshot snapshot = busy_node();
  snapshot.types[0].retired = true;
  EXPECT_EQ(status(snapshot)["types"].size(), 2U);
  snapshot.types[0].in_use = 0;
  EXPECT_EQ(status(snapshot)["types"].size(), 1U);
}

TEST(StatusText, SaysTheSame) {
  const std::string text = shown(busy_node());
  EXPECT_TRUE(has(text, "broker    ready, pid 4711, version 0.1.0, sampled 0.4s ago\n")) << text;
  EXPECT_TRUE(has(text, "capacity 12, budget 9.6, charged 6, available 3.6, measured 5.1\n"))
      << text;
  EXPECT_TRUE(has(text, "memory    not limited\n")) << text;
  EXPECT_TRUE(has(text, "7 claims, 5 refusals, 3 releases, 1 reaped, 2 stale releases\n")) << text;
  EXPECT_TRUE(has(text,
                  "TYPE        LIMIT IN USE PENDING WAITING CPU CAN ACCEPT\n"
                  "participant     3      3       1       0   2 no: type_limit\n"
                  "track           -      0       0       0 0.5 yes\n"))
      << text;
  EXPECT_TRUE(has(text, "GROUP LIMIT IN USE\nweb      18      0\n")) << text;
}

TEST(StatusText, NamesCannotPlayWithTheTerminal) {
  Snapshot snapshot = busy_node();
  snapshot.types[0].name = "\x1b]0;owned\a";
  snapshot.broker.version = "\x1b[2J";
  EXPECT_FALSE(has(shown(snapshot), "\x1b"));
}

}  // namespace
}  // namespace slotd::ctl
