// The pages of the broker's HTTP endpoint: names escaped, nothing from elsewhere, and when the node
// is ready.
#include <gtest/gtest.h>

#include <string>

#include "broker/http/pages.hpp"
#include "ctl_snapshot_support.hpp"

namespace slotd::broker {
namespace {

constexpr char kPath[] = "/run/slotd/segment";

TEST(StatusPage, ShowsEveryTypeAndGroup) {
  const std::string page = write_status_page(ctl::busy_node(), kPath, 0);
  EXPECT_NE(page.find("<td>participant</td><td>3</td><td>3</td><td>1</td><td>0</td><td>2</td>"
                      "<td>no: type_limit</td>"),
            std::string::npos)
      << page;
  EXPECT_NE(page.find("<td>track</td><td>none</td>"), std::string::npos);
  EXPECT_NE(page.find("<td>web</td><td>18</td><td>0</td>"), std::string::npos);
}

TEST(StatusPage, WhatIsWrongStandsAboveAll) {
  EXPECT_EQ(write_status_page(ctl::busy_node(), kPath, 0).find("warnings"), std::string::npos);
  const std::string page = write_status_page(ctl::busy_node(), kPath, kDrainAll);
  const std::size_t at = page.find("<td>DRAINING</td><td>by the operator, all types:");
  ASSERT_NE(at, std::string::npos) << page;
  EXPECT_LT(at, page.find("<td>broker</td>"));
}

TEST(StatusPage, NamesAreNoMarkup) {
  Snapshot hostile = ctl::busy_node();
  hostile.types[0].name = "<script>alert('1')</script>";
  hostile.groups[0].name = "\"&\x01\xff";
  hostile.broker.version = "<b>";
  const std::string page = write_status_page(hostile, "/run/<i>", kDrainAll);
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find("<b>"), std::string::npos);
  EXPECT_EQ(page.find("<i>"), std::string::npos);
  EXPECT_NE(page.find("&lt;script&gt;alert(&#39;1&#39;)&lt;/script&gt;"), std::string::npos);
  EXPECT_NE(page.find("<td>&quot;&amp;?\?</td>"), std::string::npos);
}

TEST(StatusPage, NeedsNothingFromElsewhere) {
  const std::string page = write_status_page(ctl::busy_node(), kPath, 0);
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
