// Lines of the log taken apart for the journal, their ids and the catalog that explains them, and
// the status line.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <regex>
#include <set>
#include <sstream>
#include <string>

#include "broker/event_ids.hpp"
#include "broker/event_text.hpp"
#include "broker/status.hpp"

namespace slotd::broker {
namespace {

std::string read_file(const std::string& path) {
  std::ifstream in(std::string(SLOTD_SOURCE_DIR) + "/" + path);
  EXPECT_TRUE(in.good()) << path;
  std::ostringstream out;
  out << in.rdbuf();
  return out.str();
}

std::set<std::string> find_all(const std::string& text, const std::string& pattern) {
  const std::regex expression(pattern);
  std::set<std::string> found;
  for (std::sregex_iterator it(text.begin(), text.end(), expression), end; it != end; ++it)
    found.insert((*it)[1]);
  return found;
}

TEST(EventText, NameFieldsAndRemark) {
  const EventText event =
      parse_event("event=reaped slot=3 type=track owner_pid=71: by the mark alone");
  EXPECT_EQ(event.name, "reaped");
  EXPECT_EQ(event.fields,
            (std::vector<EventField>{{"slot", "3"}, {"type", "track"}, {"owner_pid", "71"}}));
  EXPECT_EQ(event.remark, "by the mark alone");
}

TEST(EventText, EventWithoutFields) {
  EXPECT_EQ(parse_event("event=stopped"), (EventText{"stopped", {}, ""}));
  EXPECT_EQ(parse_event("event=reload_refused: the configuration in force stays"),
            (EventText{"reload_refused", {}, "the configuration in force stays"}));
}

TEST(EventText, ColonInsideAValueEndsNothing) {
  const EventText event = parse_event("event=x at=slotd.yaml:3:7 path=/run/a:b c=1");
  EXPECT_EQ(event.fields,
            (std::vector<EventField>{{"at", "slotd.yaml:3:7"}, {"path", "/run/a:b"}, {"c", "1"}}));
  EXPECT_EQ(event.remark, "");
}

TEST(EventText, QuotedValueKeepsSpacesAndCannotBeginAnotherField) {
  const EventText event = parse_event(R"(event=x key="a b slot=9: c" slot=3)");
  EXPECT_EQ(event.fields, (std::vector<EventField>{{"key", "a b slot=9: c"}, {"slot", "3"}}));
}

TEST(EventText, OtherLinesAreAllRemark) {
  for (const char* line : {"", "plain words", "a=b c=d", "event", "slot=3 event=x", "=", "event"}) {
    EXPECT_EQ(parse_event(line), (EventText{"", {}, line})) << line;
  }
}

TEST(EventText, WhatDoesNotReadAsAFieldIsTheRemark) {
  const EventText event = parse_event("event=x a=1 and so on b=2");
  EXPECT_EQ(event.fields, (std::vector<EventField>{{"a", "1"}}));
  EXPECT_EQ(event.remark, "and so on b=2");
  EXPECT_EQ(parse_event("event=x a=\"open").remark, "a=\"open");
  EXPECT_EQ(parse_event("event=x A=1").remark, "A=1");
}

TEST(EventText, JournalFieldNames) {
  EXPECT_EQ(journal_field("owner_pid"), "SLOTD_OWNER_PID");
  EXPECT_EQ(journal_field("slot"), "SLOTD_SLOT");
}

TEST(EventIds, AreDistinctAndWellFormed) {
  std::set<std::string_view> names;
  std::set<std::string_view> ids;
  for (const EventId& event : kEventIds) {
    EXPECT_TRUE(names.insert(event.name).second) << event.name;
    EXPECT_TRUE(ids.insert(event.message_id).second) << event.name;
    EXPECT_EQ(event.message_id.size(), 32U) << event.name;
    EXPECT_EQ(event.message_id.find_first_not_of("0123456789abcdef"), std::string_view::npos);
  }
  EXPECT_EQ(find_message_id("no_such_event"), "");
}

// An id in the field, once given, is what rules and searches elsewhere hold on to.
TEST(EventIds, NeverChange) {
  EXPECT_EQ(find_message_id("created"), "8687b18d8ce14c8b6edd3a249018775a");
  EXPECT_EQ(find_message_id("adopted"), "3fe6e7be9ba057171ed40c227dab7ad2");
  EXPECT_EQ(find_message_id("reaped"), "a93f99f2e8a4987e06082c084826f652");
  EXPECT_EQ(find_message_id("reload_refused"), "7f5364eb98d00ba6b51d8b61ea81606d");
  EXPECT_EQ(find_message_id("pressure"), "374cc47ee0d33d024285a3e8267133ee");
  EXPECT_EQ(find_message_id("segment_lost"), "9c3572d8d8a33341189c32bf71c61315");
}

TEST(EventIds, TheCatalogExplainsEachAndNoOther) {
  std::set<std::string> ids;
  for (const EventId& event : kEventIds) ids.emplace(event.message_id);
  EXPECT_EQ(find_all(read_file("systemd/slotd.catalog"), "(?:^|\n)-- ([0-9a-f]+)\n"), ids);
}

TEST(EventIds, EveryEventOfTheBrokerHasOne) {
  std::set<std::string> names;
  for (const EventId& event : kEventIds) names.emplace(event.name);
  for (const char* file : {"broker/daemon.cpp", "broker/daemon_rules.cpp", "broker/reload.cpp",
                           "broker/status.cpp", "broker/pressure/pressure_policy.cpp"}) {
    for (const std::string& name : find_all(read_file(file), "\"event=([a-z_]+)"))
      EXPECT_TRUE(names.count(name) == 1) << file << " sends " << name;
  }
}

TEST(StatusLine, Figures) {
  StatusFigures figures;
  figures.held = 3;
  figures.slots = 1024;
  figures.charged_micro = 6'000'000;
  figures.budget_micro = 9'600'000;
  figures.waiting = 2;
  EXPECT_EQ(format_status(figures), "3 of 1024 slots held, 6 of 9.6 cores charged, 2 waiting");
  figures.charged_micro = 6'005'000;  // rounded to the hundredth
  EXPECT_THAT(format_status(figures), testing::HasSubstr("6.01 of 9.6 cores"));
  figures.charged_micro = 6'004'999;
  EXPECT_EQ(format_status(figures), "3 of 1024 slots held, 6 of 9.6 cores charged, 2 waiting");
}

TEST(StatusLine, WhatIsOutOfTheOrdinary) {
  StatusFigures figures;
  figures.debts = {{"track", 2, 5}, {"web", 18, 19, true}};
  figures.is_draining = true;
  const std::string line = format_status(figures);
  EXPECT_THAT(line, testing::HasSubstr("; track above its limit: 5 of 2"));
  EXPECT_THAT(line, testing::HasSubstr("; group web above its limit: 19 of 18"));
  EXPECT_THAT(line, testing::HasSubstr("; draining: nothing is admitted"));
}

TEST(DebtNewsTest, SaidOnceAndWhenItHasDrained) {
  DebtNews news;
  EXPECT_THAT(news.take({}), testing::IsEmpty());
  EXPECT_THAT(news.take({{"track", 2, 5}}),
              testing::ElementsAre(testing::StartsWith("event=debt type=track limit=2 in_use=5")));
  EXPECT_THAT(news.take({{"track", 2, 4}}), testing::IsEmpty());
  EXPECT_THAT(news.take({{"track", 1, 4}}),
              testing::ElementsAre(testing::StartsWith("event=debt type=track limit=1 in_use=4")));
  EXPECT_THAT(news.take({}), testing::ElementsAre("event=debt_drained type=track"));
  EXPECT_THAT(news.take({}), testing::IsEmpty());
}

TEST(DebtNewsTest, AGroupIsNotTheTypeOfItsName) {
  DebtNews news;
  EXPECT_THAT(news.take({{"web", 5, 6}}),
              testing::ElementsAre(testing::StartsWith("event=debt type=web limit=5 in_use=6")));
  EXPECT_THAT(news.take({{"web", 5, 6}, {"web", 18, 19, true}}),
              testing::ElementsAre(testing::StartsWith("event=debt group=web limit=18 in_use=19")));
  EXPECT_THAT(news.take({{"web", 5, 6}}), testing::ElementsAre("event=debt_drained group=web"));
}

}  // namespace
}  // namespace slotd::broker
