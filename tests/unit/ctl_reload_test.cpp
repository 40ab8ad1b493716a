// `reload`: which answers are believed, and what they are told as.
#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "broker/reload.hpp"
#include "tests/unit/ctl_snapshot_support.hpp"
#include "tools/slotctl/commands/reload.hpp"

namespace slotd::ctl {
namespace {

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

TEST(ReloadAnswer, NumbersAreTheBrokersOwn) {
  const auto read = [](ReloadResult result) {
    return read_reload_answer(static_cast<std::uint64_t>(result));
  };
  EXPECT_EQ(read(ReloadResult::kReloaded), ReloadEnd::kReloaded);
  EXPECT_EQ(read(ReloadResult::kInvalidFile), ReloadEnd::kInvalidFile);
  EXPECT_EQ(read(ReloadResult::kNeedsNewSegment), ReloadEnd::kNeedsNewSegment);
  EXPECT_EQ(read(ReloadResult::kRebuilding), ReloadEnd::kRebuilding);
  EXPECT_EQ(read_reload_answer(4), std::nullopt) << "not the broker's word, but slotctl's";
  EXPECT_EQ(read_reload_answer(kMost), std::nullopt);
}

TEST(ReloadAnswer, AnswersItsRequestAndAllBefore) {
  EXPECT_TRUE(is_answered(7, 7, 7));
  EXPECT_TRUE(is_answered(7, 9, 9)) << "of somebody who asked later";
  EXPECT_TRUE(is_answered(7, 8, 9));
  EXPECT_FALSE(is_answered(7, 6, 7));
  EXPECT_FALSE(is_answered(7, 0, 7));
}

TEST(ReloadAnswer, NumbersWrap) {
  EXPECT_TRUE(is_answered(kMost, 0, 0));
  EXPECT_TRUE(is_answered(0, 0, 1));
  EXPECT_FALSE(is_answered(0, kMost, 0));
}

TEST(ReloadAnswer, ANumberThatNobodyAskedForAnswersNothing) {
  EXPECT_FALSE(is_answered(7, 100, 7));
  EXPECT_FALSE(is_answered(7, kMost, 7));
}

TEST(ReloadEnd, StatusesAreTheContracts) {
  const auto status = [](ReloadEnd end) { return to_status(exit_code_of(end)); };
  EXPECT_EQ(status(ReloadEnd::kReloaded), 0);
  EXPECT_EQ(status(ReloadEnd::kRequested), 0);
  EXPECT_EQ(status(ReloadEnd::kInvalidFile), 78);
  EXPECT_EQ(status(ReloadEnd::kNeedsNewSegment), 78);
  EXPECT_EQ(status(ReloadEnd::kBrokerDown), 69);
  EXPECT_EQ(status(ReloadEnd::kTimedOut), 75);
}

TEST(ReloadJson, FollowsItsSchema) {
  for (int end = 0; end <= static_cast<int>(ReloadEnd::kTimedOut); ++end) {
    const auto json = reload_json(static_cast<ReloadEnd>(end), kMost, end == 0 ? 4711 : 0);
    EXPECT_EQ(problems("reload", print_json(json)), "") << end;
  }
  EXPECT_EQ(print_json(reload_json(ReloadEnd::kReloaded, 7, 4711)),
            R"({"schema":1,"request":7,"result":"reloaded","broker_pid":4711})");
  EXPECT_EQ(print_json(reload_json(ReloadEnd::kBrokerDown, 0, 0)),
            R"({"schema":1,"request":0,"result":"broker_down","broker_pid":null})");
}

TEST(ReloadText, SaysWhereTheReasonsAre) {
  for (const ReloadEnd end : {ReloadEnd::kInvalidFile, ReloadEnd::kNeedsNewSegment}) {
    const std::string text = reload_text(end, 4711);
    EXPECT_NE(text.find("journalctl -u slotd"), std::string::npos) << text;
    EXPECT_NE(text.find("pid 4711"), std::string::npos) << text;
  }
  EXPECT_EQ(reload_text(ReloadEnd::kReloaded, 4711), "reloaded");
}

}  // namespace
}  // namespace slotd::ctl
