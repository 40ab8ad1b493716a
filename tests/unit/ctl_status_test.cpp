// `status`: the contract's fields with the figures of a literal snapshot, and the table.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "slotd/status_document.hpp"
#include "tests/unit/ctl_snapshot_support.hpp"
#include "tools/slotctl/commands/status.hpp"
#include "tools/slotctl/json.hpp"

namespace slotd::ctl {
namespace {

constexpr char kPath[] = "/run/slotd/segment";

Json status(const Snapshot& snapshot) {
  return Json::parse(write_status_document(snapshot, kPath, 0));
}
std::string shown(const Snapshot& snapshot) {
  return status_text(snapshot, kPath, {}, Charset::kUtf8);
}
bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(StatusJson, FollowsItsSchema) {
  EXPECT_EQ(problems("status", write_status_document(busy_node(), kPath, 0)), "");
  EXPECT_EQ(problems("status", write_status_document(Snapshot{}, kPath, 0)), "");
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
  EXPECT_EQ(problems("status", write_status_document(snapshot, kPath, 0)), "");
}

TEST(StatusJson, CpuAndMemory) {
  const std::string text = write_status_document(busy_node(), kPath, 0);
  EXPECT_TRUE(has(
      text, R"("cpu":{"capacity":12.0,"budget":9.6,"charged":6.0,"available":3.6,"measured":5.1,)"
            R"("host_busy":null,"psi":null})"));
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
  EXPECT_TRUE(has(write_status_document(snapshot, kPath, 0), R"("available":-0.8)"));
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
  const std::string text = write_status_document(busy_node(), kPath, 0);
  EXPECT_TRUE(has(text, R"("groups":[{"name":"web","limit":18,"in_use":0,"external":0,)"
                        R"("external_unreadable":false}])"));
  EXPECT_TRUE(has(
      text, R"("counters":{"claims":7,"refusals":5,"releases":3,"reaped":1,"stale_releases":2})"));
}

TEST(StatusJson, HostLoad) {
  Snapshot snapshot = busy_node();
  snapshot.host_busy_micro = 7'250'000;
  snapshot.psi_cpu_ppb = 125'000'000;
  const std::string text = write_status_document(snapshot, kPath, 0);
  EXPECT_TRUE(has(text, R"("measured":5.1,"host_busy":7.25,"psi":0.125})")) << text;
  EXPECT_EQ(problems("status", text), "");
}

TEST(StatusJson, StaleSamplesSaySo) {
  Snapshot snapshot = busy_node();
  EXPECT_EQ(status(snapshot)["broker"]["sample_stale"], false);
  snapshot.broker = {BrokerState::kDown, 0, "0.1.0", 12.3, true};
  EXPECT_EQ(status(snapshot)["broker"]["sample_stale"], true);
  EXPECT_EQ(status(snapshot)["broker"]["sample_age"], 12.3);
}

TEST(StatusJson, GroupsFromOutside) {
  Snapshot snapshot = busy_node();
  snapshot.groups[0].external = 7;
  snapshot.groups[0].in_use = 9;
  std::string text = write_status_document(snapshot, kPath, 0);
  EXPECT_TRUE(has(text, R"("in_use":9,"external":7,"external_unreadable":false)")) << text;
  snapshot.groups[0].external = 18;  // the limit stands in for what is not known
  snapshot.groups[0].external_unreadable = true;
  snapshot.groups[0].in_use = 2;
  text = write_status_document(snapshot, kPath, 0);
  EXPECT_TRUE(has(text, R"("in_use":2,"external":null,"external_unreadable":true)")) << text;
  EXPECT_EQ(problems("status", text), "");
}

TEST(StatusJson, FiguresThatNoDoubleHasAreExact) {
  Snapshot snapshot = busy_node();
  snapshot.charged_micro = 10'000'001;  // available is 9600000 less that
  snapshot.host_busy_micro = 12'345'678;
  snapshot.psi_cpu_ppb = 12'345'678;
  const std::string text = write_status_document(snapshot, kPath, 0);
  EXPECT_TRUE(has(text, R"("charged":10.000001,"available":-0.400001)")) << text;
  EXPECT_TRUE(has(text, R"("host_busy":12.345678,"psi":0.012345678})")) << text;
}

TEST(StatusJson, NamesAreEscapedAndBytesThatAreNoTextReplaced) {
  Snapshot snapshot = busy_node();
  snapshot.types[0].name = "a\x01\"\\\xff\xc3\xa4\xed\xa0\x80";  // the last three: a surrogate
  const std::string bad = "\xef\xbf\xbd";
  EXPECT_EQ(status(snapshot)["types"][0]["name"], "a\x01\"\\" + bad + "\xc3\xa4" + bad + bad + bad);
  EXPECT_TRUE(
      has(write_status_document(snapshot, "/run/sl\"o\\t", 0), R"("path":"/run/sl\"o\\t")"));
}

TEST(StatusJson, TheTimeOfALookThatIsOneOfSeveral) {
  EXPECT_FALSE(status(busy_node()).contains("time"));
  EXPECT_EQ(Json::parse(write_status_document(busy_node(), kPath, 0, 951'782'400))["time"],
            951'782'400);
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
  EXPECT_TRUE(has(text, "cpu       capacity 12, budget 9.6, charged 6, available 3.6\n")) << text;
  EXPECT_TRUE(has(text, "load      owners use 5.1\n")) << text;
  EXPECT_TRUE(has(text, "memory    used 0B, not limited\n")) << text;
  EXPECT_TRUE(has(text, "7 claims, 5 refusals, 3 releases, 1 reaped, 2 stale releases\n")) << text;
  EXPECT_TRUE(has(text,
                  "TYPE        LIMIT IN USE PENDING WAITING CPU CAN ACCEPT\n"
                  "participant     3      3       1       0   2 no: type_limit\n"
                  "track           -      0       0       0 0.5 yes\n"))
      << text;
  EXPECT_TRUE(has(text, "GROUP LIMIT IN USE\nweb      18      0\n")) << text;
}

TEST(StatusText, LoadAndMemory) {
  Snapshot snapshot = busy_node();
  snapshot.measured_micro = 5'123'456;
  snapshot.host_busy_micro = 7'250'000;
  snapshot.psi_cpu_ppb = 125'999'999;
  snapshot.charged_micro = 10'123'456;  // 9.6 less that is -0.523456
  snapshot.memory_max_bytes = 16ULL << 30;
  snapshot.memory_used_bytes = 3ULL << 29;
  snapshot.memory_pending_bytes = 512ULL << 20;
  const std::string text = shown(snapshot);
  EXPECT_TRUE(has(text, "cpu       capacity 12, budget 9.6, charged 10.123, available -0.523\n"))
      << text;
  EXPECT_TRUE(has(text, "load      owners use 5.123, whole host 7.25, CPU pressure 12.5 %\n"))
      << text;
  EXPECT_TRUE(has(text, "memory    max 16GiB, used 1.5GiB, pending 512MiB, headroom 1GiB\n"))
      << text;
}

TEST(StatusText, BeforeASample) {
  Snapshot snapshot = busy_node();
  snapshot.broker.sample_age_s = -1;
  snapshot.measured_micro = kNotMeasured;
  const std::string text = shown(snapshot);
  EXPECT_TRUE(has(text, "version 0.1.0, nothing sampled yet\n")) << text;
  EXPECT_TRUE(has(text, "load      not measured yet\n")) << text;
  EXPECT_TRUE(has(text, "memory    not limited\n")) << text;
  EXPECT_FALSE(has(text, "STALE")) << text;
}

TEST(StatusText, StaleSamplesStandOut) {
  Snapshot snapshot = busy_node();
  snapshot.broker = {BrokerState::kDown, 0, "0.1.0", 12.3, true};
  EXPECT_EQ(
      shown(snapshot).substr(0, shown(snapshot).find("\nsegment")),
      "DOWN      the broker does not run: figures are old and reloads wait; claims and releases "
      "go on\n"
      "STALE     measured 12.3s ago, broker down: not what is used now\n"
      "\n"
      "broker    down, version 0.1.0, sampled 12.3s ago");
}

TEST(StatusText, GroupsFromOutside) {
  Snapshot snapshot = busy_node();
  snapshot.groups[0].external = 7;
  snapshot.groups[0].in_use = 9;
  EXPECT_TRUE(has(shown(snapshot),
                  "GROUP LIMIT IN USE FROM OUTSIDE\n"
                  "web      18      9 7\n"))
      << shown(snapshot);
  snapshot.groups[0].external_unreadable = true;
  snapshot.groups[0].in_use = 2;
  EXPECT_TRUE(has(shown(snapshot), "web      18      2 unreadable: counts as full\n"))
      << shown(snapshot);
}

TEST(StatusText, NamesCannotPlayWithTheTerminal) {
  Snapshot snapshot = busy_node();
  snapshot.types[0].name = "\x1b]0;owned\a";
  snapshot.broker.version = "\x1b[2J";
  EXPECT_FALSE(has(shown(snapshot), "\x1b"));
}

}  // namespace
}  // namespace slotd::ctl
