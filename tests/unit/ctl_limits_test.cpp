// `limits`: what is shown of types that are no longer configured.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/unit/ctl_snapshot_support.hpp"
#include "tools/slotctl/commands/limits.hpp"

namespace slotd::ctl {
namespace {

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
            "track            -        -         -      0    0\n");
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
            "track            -        -         -      0    0\n");
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
