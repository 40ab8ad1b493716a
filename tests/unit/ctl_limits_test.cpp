// `limits`: what is shown of types that are no longer configured.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/ctl_snapshot_support.hpp"
#include "tools/slotctl/commands/limits.hpp"

namespace slotd::ctl {
namespace {

/// What stands below the types of busy_node().
constexpr const char* kIdleGroups =
    "\n"
    "GROUP LIMIT IN USE DEBT\n"
    "web      18      0    0\n";

/// busy_node() whose web jobs weigh 17 and whose group has another one of 9, of which outside takes
/// 12: both above what a reload has made of their limits.
Snapshot node_with_groups_in_debt() {
  Snapshot out = busy_node();
  out.groups[0].in_use = 17;
  out.groups[0].limit = 15;
  GroupSnapshot pulse;
  pulse.index = 1;
  pulse.name = "pulse";
  pulse.limit = 9;
  pulse.in_use = 12;
  pulse.external = 12;
  out.groups.push_back(pulse);
  return out;
}

/// busy_node() without participants in its configuration; they run on.
Snapshot node_with_a_retired_type() {
  Snapshot out = busy_node();
  out.types[0].retired = true;
  return out;
}

TEST(RetiredLimits, AreShownWhileJobsRun) {
  const Snapshot snapshot = node_with_a_retired_type();
  const std::string text = print_json(limits_json(snapshot));
  EXPECT_EQ(problems("limits", text), "");
  EXPECT_NE(text.find(R"("debt":0,"draining":false,"retired":true,)"), std::string::npos) << text;
  EXPECT_EQ(limits_text(snapshot, {}, Charset::kUtf8),
            "TYPE        CONFIG OVERRIDE EFFECTIVE IN USE DEBT NOTE\n"
            "participant      3        -         3      3    0 retired\n"
            "track            -        -         -      0    0\n" +
                std::string(kIdleGroups));
}

TEST(RetiredLimits, AreShownWhileAnOverrideWaitsForThem) {
  Snapshot snapshot = node_with_a_retired_type();
  snapshot.types[0].in_use = 0;
  EXPECT_EQ(limits_json(snapshot)["limits"].size(), 1U) << "nothing of it is left";
  snapshot.types[0].overridden = true;
  snapshot.types[0].limit = 1;
  snapshot.types[0].draining = true;
  EXPECT_EQ(limits_text(snapshot, {}, Charset::kUtf8),
            "TYPE        CONFIG OVERRIDE EFFECTIVE IN USE DEBT NOTE\n"
            "participant      3        1         1      0    0 retired, draining\n"
            "track            -        -         -      0    0\n" +
                std::string(kIdleGroups));
}

TEST(GroupLimits, AreInTheDocumentWithTheirDebt) {
  Snapshot snapshot = node_with_groups_in_debt();
  GroupSnapshot free;
  free.name = "free";
  free.in_use = 5'000'000'000;  // more than 32 bits hold
  free.external_unreadable = true;
  snapshot.groups.push_back(free);
  const Json document = limits_json(snapshot);
  EXPECT_EQ(problems("limits", print_json(document)), "");
  EXPECT_EQ(print_json(document["groups"]),
            R"([{"name":"web","limit":15,"in_use":17,"debt":2,"external":0,)"
            R"("external_unreadable":false},)"
            R"({"name":"pulse","limit":9,"in_use":12,"debt":3,"external":12,)"
            R"("external_unreadable":false},)"
            R"({"name":"free","limit":null,"in_use":5000000000,"debt":0,"external":null,)"
            R"("external_unreadable":true}])");
  EXPECT_EQ(document["limits"].size(), 2U) << "rows of types alone";
  EXPECT_EQ(limits_json({})["groups"].size(), 0U);
}

TEST(GroupLimits, StandBelowTheTypes) {
  const std::string text = limits_text(node_with_groups_in_debt(), {}, Charset::kUtf8);
  EXPECT_EQ(text.substr(text.find("\n\n") + 1),
            "\n"
            "GROUP LIMIT IN USE DEBT FROM OUTSIDE\n"
            "web      15     17    2 -\n"
            "pulse     9     12    3 12\n");
  Snapshot without = busy_node();
  without.groups.clear();
  EXPECT_EQ(limits_text(without, {}, Charset::kUtf8).find("GROUP"), std::string::npos);
}

TEST(GroupLimits, StandThereWithChosenColumnsWhereTheGroupIsOne) {
  TableStyle style;
  style.columns = {"type", "debt"};
  EXPECT_EQ(limits_text(node_with_groups_in_debt(), style, Charset::kUtf8),
            "TYPE        DEBT\n"
            "participant    0\n"
            "track          0\n");
  style.columns = {"Group", "limit", "debt"};
  const std::string groups =
      "GROUP LIMIT DEBT\n"
      "web      15    2\n"
      "pulse     9    3\n";
  EXPECT_EQ(limits_text(node_with_groups_in_debt(), style, Charset::kUtf8), groups);
  style.columns = {"type", "group", "limit", "debt"};
  EXPECT_EQ(limits_text(node_with_groups_in_debt(), style, Charset::kUtf8),
            "TYPE        DEBT\n"
            "participant    0\n"
            "track          0\n"
            "\n" +
                groups);
}

TEST(LimitDebt, IsWhatIsHeldBeyondTheLimit) {
  EXPECT_EQ(limit_debt(3, 1), 2U);
  EXPECT_EQ(limit_debt(3, 3), 0U);
  EXPECT_EQ(limit_debt(2, 3), 0U);
  EXPECT_EQ(limit_debt(3, 0), 3U);
  EXPECT_EQ(limit_debt(4096, kNoLimit), 0U);
}

}  // namespace
}  // namespace slotd::ctl
