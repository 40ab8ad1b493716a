// The pages of the broker's HTTP endpoint: the same JSON as slotctl's, names escaped, and when the
// node is ready.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>

#include "broker/http/pages.hpp"
#include "ctl_snapshot_support.hpp"
#include "tools/slotctl/commands/status.hpp"

namespace slotd::broker {
namespace {

constexpr char kPath[] = "/run/slotd/segment";

/// But for the warnings, which slotctl makes of the other fields for eyes.
void expect_as_slotctl(const Snapshot& snapshot, const std::string& path = kPath) {
  const std::string line = write_status_json(snapshot, path);
  ctl::Json expected = ctl::status_json(snapshot, path);
  expected.erase("warnings");
  EXPECT_EQ(line, ctl::print_json(expected) + "\n");
  EXPECT_EQ(ctl::problems("status", line), "");
}

TEST(StatusJson, IsSlotctlsToTheByte) { expect_as_slotctl(ctl::busy_node()); }

TEST(StatusJson, IsSlotctlsForWhateverASnapshotHolds) {
  Snapshot odd = ctl::busy_node();
  odd.stable = false;
  odd.broker = {BrokerState::kDown, 0, "0.1.0", -1, true};
  odd.host_busy_micro = 12'345'678;
  odd.psi_cpu_ppb = 12'345'678;
  odd.charged_micro = 10'000'001;  // available is below 0
  odd.memory_max_bytes = 1ULL << 40;
  odd.types[0].counts_as = "track";
  odd.types[1].retired = true;  // and holds nothing: not shown
  odd.groups[0].external_unreadable = true;
  expect_as_slotctl(odd);
  odd.broker = {BrokerState::kDraining, 1, "0.1.0", 12.0};
  odd.types.clear();
  odd.groups.clear();
  expect_as_slotctl(odd, "/run/sl\"o\\t\xc3\xa4/segment");
}

TEST(StatusJson, BytesThatAreNoTextMakeNoInvalidDocument) {
  Snapshot scribbled = ctl::busy_node();
  scribbled.types[0].name = "a\x01\"\\\xff";
  const auto document = nlohmann::json::parse(write_status_json(scribbled, kPath));
  EXPECT_EQ(document["types"][0]["name"], "a\x01\"\\\xc3\xbf");
}

TEST(StatusPage, ShowsEveryTypeAndGroup) {
  const std::string page = write_status_page(ctl::busy_node(), kPath);
  EXPECT_NE(page.find("<td>participant</td><td>3</td><td>3</td><td>1</td><td>0</td><td>2</td>"
                      "<td>no: type_limit</td>"),
            std::string::npos)
      << page;
  EXPECT_NE(page.find("<td>track</td><td>none</td>"), std::string::npos);
  EXPECT_NE(page.find("<td>web</td><td>18</td><td>0</td>"), std::string::npos);
}

TEST(StatusPage, NamesAreNoMarkup) {
  Snapshot hostile = ctl::busy_node();
  hostile.types[0].name = "<script>alert('1')</script>";
  hostile.groups[0].name = "\"&\x01\xff";
  hostile.broker.version = "<b>";
  const std::string page = write_status_page(hostile, "/run/<i>");
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  EXPECT_EQ(page.find("<i>"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"), std::string::npos);
  EXPECT_NE(page.find("<td>&quot;&amp;?\?</td>"), std::string::npos);
}

TEST(StatusPage, NeedsNothingFromElsewhere) {
  const std::string page = write_status_page(ctl::busy_node(), kPath);
  for (const char* const sign : {"http:", "https:", "//", "<script", "<link", "<img", "@import"})
    EXPECT_EQ(page.find(sign), std::string::npos) << sign;
}

TEST(Readiness, IsLackingWhileTheNodeDrainsOrIsRebuiltOrStarts) {
  Snapshot snapshot = ctl::busy_node();
  EXPECT_EQ(unready_reason(snapshot, 0), "");
  EXPECT_EQ(unready_reason(snapshot, 1), "") << "one type alone";
  EXPECT_EQ(unready_reason(snapshot, kDrainAll), "draining");
  EXPECT_EQ(unready_reason(snapshot, kDrainRebuild).substr(0, 10), "rebuilding");
  snapshot.broker.state = BrokerState::kDown;
  EXPECT_EQ(unready_reason(snapshot, 0), "starting");
}

}  // namespace
}  // namespace slotd::broker
