// `slotctl report` against a real broker, and what `slots`, `procs` and `status` show of measured
// and reported figures.
#include <gtest/gtest.h>

#include "tests/support/burn.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/slotctl.hpp"

namespace slotd::testing {
namespace {

constexpr char kConfig[] =
    "cpu: { capacity: 12, max_utilization: 0.8, sample_interval: 100ms, hold: 100ms }\n"
    "types:\n"
    "  participant: { cpu: 2.0, memory: 1GiB }\n"
    "  track: { cpu: 0.5 }\n";

class SlotctlReport : public ::testing::Test {
 protected:
  std::string claim(const std::string& type) const {
    return slotctl_({"claim", "-t", type}).line();
  }
  AnyJson first_slot() const { return slotctl_({"slots", "-J"}).json()["slots"][0]; }
  /// Looks at the first slot until it is as wanted.
  template <typename Wanted>
  bool wait_slot(Wanted wanted) const {
    return wait_until([&] { return wanted(first_slot()); });
  }
  static std::string problems(const std::string& schema, const Ran& ran) {
    return schema_problems(std::string(SLOTD_SOURCE_DIR) + "/docs/schema", schema, ran.out);
  }

  BrokerProcess broker_{kConfig};
  SegmentProbe probe_{broker_.segment()};
  Slotctl slotctl_{broker_.segment()};
};

TEST_F(SlotctlReport, AReportAboveTheCostIsCharged) {
  const std::string token = claim("track");
  const Ran ran = slotctl_({"report", token, "--cpu", "1.25", "--memory", "9GB", "-J"});
  ASSERT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(problems("report", ran), "");
  EXPECT_EQ(ran.out,
            "{\"schema\":1,\"slot\":0,\"reported\":{\"cpu\":1.25,\"memory\":9000000000}}\n");
  ASSERT_TRUE(wait_slot([](const AnyJson& slot) { return slot["charge_source"] == "reported"; }))
      << first_slot();
  EXPECT_EQ(first_slot()["charge"], 1.25);
  EXPECT_EQ(first_slot()["cpu"], 0.5);
  EXPECT_EQ(first_slot()["reported"]["cpu"], 1.25);
  // Kept in KiB, rounded up: 9e9 / 1024 is 8789062.5.
  EXPECT_EQ(first_slot()["reported"]["memory"], 8789063ULL * 1024);
  EXPECT_EQ(slotctl_({"status", "-J"}).json()["cpu"]["charged"], 1.25);
}

TEST_F(SlotctlReport, AReportBelowTheCostLowersNothing) {
  const std::string token = claim("participant");
  ASSERT_EQ(slotctl_({"report", token, "--cpu", "0.3"}).status, 0);
  ASSERT_TRUE(wait_slot([](const AnyJson& slot) { return !slot["reported"].is_null(); }));
  EXPECT_EQ(first_slot()["charge"], 2.0);
  EXPECT_EQ(first_slot()["charge_source"], "reserved");
  EXPECT_TRUE(first_slot()["reported"]["memory"].is_null());
}

TEST_F(SlotctlReport, AFigureThatIsNotGivenStaysAsItWas) {
  const std::string token = claim("track");
  ASSERT_EQ(slotctl_({"report", token, "--cpu", "1.5"}).status, 0);
  ASSERT_EQ(slotctl_({"report", token, "--memory", "2MiB"}).status, 0);
  EXPECT_EQ(first_slot()["reported"]["cpu"], 1.5);
  EXPECT_EQ(first_slot()["reported"]["memory"], 2097152);
}

TEST_F(SlotctlReport, SaysNothingWithoutJson) {
  const Ran ran = slotctl_({"report", claim("track"), "--cpu", "1"});
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.out + ran.err, "");
}

TEST_F(SlotctlReport, StaleAndForeignTokensAreNegative) {
  const std::string token = claim("track");
  ASSERT_EQ(slotctl_({"release", token}).status, 0);
  const Ran stale = slotctl_({"report", token, "--cpu", "1", "-J"});
  EXPECT_EQ(stale.status, 1);
  EXPECT_EQ(stale.json()["error"], "stale_token");
  const BrokerProcess other{kConfig};
  const Ran foreign =
      Slotctl(other.segment())({"report", claim("track"), "--memory", "1GiB", "-J"});
  EXPECT_EQ(foreign.status, 1);
  EXPECT_EQ(foreign.json()["error"], "foreign_token");
  EXPECT_EQ(slotctl_({"report", "nonsense", "--cpu", "1"}).status, 1);
}

TEST_F(SlotctlReport, WantsAFigure) {
  const Ran ran = slotctl_({"report", claim("track")});
  EXPECT_EQ(ran.status, 64);
  EXPECT_NE(ran.err.find("--cpu, --memory or both"), std::string::npos) << ran.err;
  EXPECT_TRUE(first_slot()["reported"].is_null());
}

TEST_F(SlotctlReport, MeasuredUseIsShownWithItsSource) {
  // The test process owns the slot, and burns.
  const std::string token = claim("track");
  EXPECT_TRUE(first_slot()["measured"].is_null()) << "pending: the owner's use is not put on it";
  EXPECT_TRUE(first_slot()["active_age"].is_null());
  ASSERT_EQ(slotctl_({"activate", token}).status, 0);
  const Burner burner(300);
  ASSERT_TRUE(wait_slot([](const AnyJson& slot) {
    return !slot["measured"].is_null() && slot["measured"] > 0.05;
  })) << first_slot();
  const AnyJson slot = first_slot();
  EXPECT_NE(slot["source"], nullptr);
  EXPECT_GT(slot["memory_measured"], 0);
  EXPECT_GE(slot["sample_age"], 0.0);
  EXPECT_GE(slot["active_age"], 0.0);
  EXPECT_GE(slot["charge"], 0.5) << "max: at least what was reserved";
  const Ran slots = slotctl_({"slots"});
  EXPECT_NE(slots.out.find("\nmeasured "), std::string::npos) << slots.out;
  const Ran procs = slotctl_({"procs", "-J"});
  EXPECT_EQ(problems("procs", procs), "");
  bool is_found = false;
  const AnyJson listed = procs.json();
  for (const AnyJson& process : listed["processes"]) {
    if (process["pid"] != ::getpid()) continue;
    is_found = true;
    EXPECT_FALSE(process["measured"].is_null());
    EXPECT_GT(process["memory"], 0);
  }
  EXPECT_TRUE(is_found);
  const Ran status = slotctl_({"status", "-J"});
  EXPECT_EQ(problems("status", status), "");
  EXPECT_FALSE(status.json()["cpu"]["measured"].is_null());
  EXPECT_EQ(status.json()["broker"]["sample_stale"], false);
}

TEST_F(SlotctlReport, StaleFiguresCannotBeMissed) {
  ASSERT_NE(claim("track"), "");
  broker_.kill_now();
  ASSERT_TRUE(wait_until([&] {
    return slotctl_({"status", "-J"}).json()["broker"]["sample_stale"] == true;
  }));
  for (const char* verb : {"status", "slots", "procs"}) {
    const Ran ran = slotctl_({verb});
    EXPECT_EQ(ran.status, 0);
    EXPECT_NE(ran.out.find("\nSTALE     measured "), std::string::npos) << ran.out;
    EXPECT_NE(ran.out.find(" ago, broker down: not what is used now\n"), std::string::npos)
        << ran.out;
  }
}

}  // namespace
}  // namespace slotd::testing
