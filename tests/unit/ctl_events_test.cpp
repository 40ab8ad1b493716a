// Events as lines and as JSON, and since when they are wanted.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/ctl_snapshot_support.hpp"
#include "tools/slotctl/event_view.hpp"

namespace slotd::ctl {
namespace {

constexpr std::int64_t kAt = 951'782'399'007;  // 2000-02-28T23:59:59.007Z

ShownEvent shown(EventKind kind) {
  ShownEvent out;
  out.event.kind = kind;
  out.event.pid = 812;
  out.event.slot = 3;
  out.type = "web";
  out.unix_ms = kAt;
  return out;
}

TEST(EventText, ALineEach) {
  ShownEvent refusal = shown(EventKind::kRefusal);
  refusal.event.slot = kNoEventSlot;
  refusal.event.reason = Reason::kCpu;
  EXPECT_EQ(event_text(refusal, Charset::kUtf8),
            "2000-02-28T23:59:59.007Z refusal       web, cpu, pid 812");
  ShownEvent reap = shown(EventKind::kReap);
  reap.event.other_pid = 900;
  reap.event.amount = 200'000;
  EXPECT_EQ(event_text(reap, Charset::kUtf8),
            "2000-02-28T23:59:59.007Z reap          web, slot 3, pid 812, of pid 900, held 3m20s");
  ShownEvent limit = shown(EventKind::kLimitSet);
  limit.event.slot = kNoEventSlot;
  limit.event.amount = kNoLimit;
  EXPECT_EQ(event_text(limit, Charset::kUtf8),
            "2000-02-28T23:59:59.007Z limit_set     web, pid 812, unlimited");
  EXPECT_EQ(gap_text(3), "GAP: 3 events were overwritten before they were read");
}

TEST(EventText, NamesCannotPlayWithTheTerminal) {
  ShownEvent event = shown(EventKind::kClaim);
  event.type = "\x1b[2J";
  EXPECT_EQ(event_text(event, Charset::kUtf8).find('\x1b'), std::string::npos);
}

TEST(EventJson, EveryKindFollowsTheSchema) {
  Json document = make_document();
  document["events"] = Json::array();
  for (std::uint8_t kind = 0; kind < static_cast<std::uint8_t>(EventKind::kCount); ++kind) {
    ShownEvent event = shown(static_cast<EventKind>(kind));
    event.event.amount = Event::kMostAmount;
    document["events"].push_back(event_json(event));
  }
  document["events"].push_back(gap_json(3));
  EXPECT_EQ(problems("events", print_json(document)), "");
}

TEST(EventJson, FieldsOfAClaim) {
  ShownEvent claim = shown(EventKind::kClaim);
  claim.event.cost_milli = 4000;
  claim.event.amount = 1500;
  EXPECT_EQ(print_json(event_json(claim)),
            R"({"time":951782399.007,"event":"claim","type":"web","slot":3,"pid":812,)"
            R"("other_pid":null,"cpu":4.0,"waited":1.5})");
}

TEST(ParseSince, DurationsAndTimes) {
  EXPECT_EQ(parse_since("90s", kAt), kAt - 90'000);
  EXPECT_EQ(parse_since("5m", kAt), kAt - 300'000);
  EXPECT_EQ(parse_since("2000-02-28T23:59:59Z", 0), 951'782'399'000);
  EXPECT_EQ(parse_since("2000-02-29T00:00:00Z", 0), 951'782'400'000);
  for (const char* wrong : {"", "yesterday", "2000-02-30T00:00:00Z", "2000-02-28T24:00:00Z",
                            "2000-02-28 23:59:59Z", "2000-02-28T23:59:59", "-5m"}) {
    EXPECT_FALSE(parse_since(wrong, kAt)) << wrong;
  }
}

}  // namespace
}  // namespace slotd::ctl
