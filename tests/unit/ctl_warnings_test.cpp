// What `status` says before everything else, the bars, and lists with chosen columns.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "slotd/status_document.hpp"
#include "tests/unit/ctl_snapshot_support.hpp"
#include "tools/slotctl/bars.hpp"
#include "tools/slotctl/commands/limits.hpp"
#include "tools/slotctl/commands/slots.hpp"
#include "tools/slotctl/commands/status.hpp"
#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/figures.hpp"
#include "tools/slotctl/json.hpp"
#include "tools/slotctl/list_options.hpp"
#include "tools/slotctl/warnings.hpp"

namespace slotd::ctl {
namespace {

std::string warned(const Snapshot& snapshot, std::uint64_t drain = 0) {
  return warnings_text(find_warnings(snapshot, drain), {});
}

bool has(const std::string& text, const std::string& part) {
  return text.find(part) != std::string::npos;
}

TEST(Warnings, NoneOnAHealthyNode) {
  EXPECT_EQ(warned(busy_node()), "");
  EXPECT_TRUE(has(write_status_document(busy_node(), "/run/s", 0), R"("warnings":[],)"));
}

TEST(Warnings, DrainSaysWhoseItIs) {
  EXPECT_EQ(warned(busy_node(), kDrainAll),
            "DRAINING  by the operator, all types: nothing is admitted; `slotctl undrain` ends "
            "that\n");
  EXPECT_EQ(warned(busy_node(), kDrainRebuild),
            "REBUILT   the segment was made anew: nothing is admitted until its holders have come "
            "back\n");
  EXPECT_EQ(warned(busy_node(), 1U << 4),  // the track's index
            "DRAINING  by the operator, track: none is admitted; `slotctl undrain` ends that\n");
}

TEST(Warnings, Debt) {
  Snapshot snapshot = busy_node();
  snapshot.types[0].limit = 1;
  snapshot.groups[0].in_use = 19;
  EXPECT_EQ(warned(snapshot),
            "DEBT      participant: 3 in use, the limit is 1: none is admitted until 3 have ended\n"
            "DEBT      group web: 19 in use, the limit is 18: none is admitted until 2 have "
            "ended\n");
}

TEST(Warnings, DeadOwnersAndTheirSlots) {
  Snapshot snapshot = busy_node();
  for (std::uint32_t slot = 0; slot < 10; ++slot) {
    snapshot.slots.push_back(held_slot());
    snapshot.slots.back().slot = slot;
    snapshot.slots.back().owner_dead = slot != 3;
  }
  EXPECT_EQ(
      warned(snapshot),
      "DEAD      9 slots are held by dead owners (0, 1, 2, 4, 5, 6, 7, 8, ...): the next claim "
      "that needs the room frees them\n");
  const Json out = Json::parse(write_status_document(snapshot, "/run/s", 0));
  EXPECT_EQ(out["warnings"][0]["slots"], Json::parse("[0,1,2,4,5,6,7,8,9]"));
}

TEST(Warnings, FullTablesOutsideCountsPressureAndUnrest) {
  Snapshot snapshot = busy_node();
  snapshot.capacities = {1, 1};
  snapshot.slots = {held_slot()};
  snapshot.slots[0].notice = Notice::kCpu;
  snapshot.processes.resize(1);
  snapshot.groups[0].external_unreadable = true;
  snapshot.stable = false;
  EXPECT_EQ(
      warned(snapshot),
      "FULL      all 1 slots are held\n"
      "FULL      all 1 process entries are in use: no other process can attach\n"
      "OUTSIDE   group web: the count from outside cannot be read, so it counts as full\n"
      "PRESSURE  cpu: slot 5, participant, pid 4712 uses more than its share\n"
      "UNSTABLE  slots kept changing while they were read: figures may not belong together\n");
}

TEST(Warnings, StandInTheDocument) {
  Snapshot snapshot = busy_node();
  snapshot.broker = {BrokerState::kDown, 0, "0.1.0", 12.3, true};
  snapshot.types[0].limit = 1;
  snapshot.slots = {held_slot()};
  snapshot.slots[0].owner_dead = true;
  const std::string text = write_status_document(snapshot, "/run/s", kDrainAll | kDrainRebuild);
  EXPECT_EQ(problems("status", text), "");
  std::vector<std::string> names;
  const Json document = Json::parse(text);
  for (const Json& warning : document["warnings"]) names.push_back(warning["warning"]);
  EXPECT_EQ(names, (std::vector<std::string>{"broker_down", "sample_stale", "draining", "draining",
                                             "debt", "dead_owners"}));
  EXPECT_EQ(document["warnings"][2]["by"], "rebuild");
  EXPECT_EQ(document["warnings"][3]["by"], "operator");
  EXPECT_EQ(document["warnings"][4]["type"], "participant");
}

TEST(Warnings, NamesCannotPlayWithTheTerminal) {
  Snapshot snapshot = busy_node();
  snapshot.types[0].name = "\x1b[2J\xc2\x9b";
  snapshot.types[0].limit = 1;
  EXPECT_EQ(warned(snapshot),
            "DEBT      \\x1b[2J\\xc2\\x9b: 3 in use, the limit is 1: none is admitted until 3 have "
            "ended\n");
}

TEST(Warnings, AreRedWhereThereAreColours) {
  Snapshot snapshot = busy_node();
  snapshot.broker.state = BrokerState::kDown;
  const TableStyle style{true, 80};
  EXPECT_EQ(status_text(snapshot, "/run/s", style, Charset::kUtf8).find("\033[31mDOWN"), 0U);
}

TEST(Bars, PartsAreFloorsAndNothingThatIsThereVanishes) {
  const auto parts = [](Fill fill) {
    const BarParts out = split_bar(fill, 10);
    return std::vector<std::size_t>{out.used, out.taken, out.free};
  };
  EXPECT_EQ(parts({0, 0, 100}), (std::vector<std::size_t>{0, 0, 10}));
  EXPECT_EQ(parts({25, 69, 100}), (std::vector<std::size_t>{2, 4, 4}));
  EXPECT_EQ(parts({1, 1, 100}), (std::vector<std::size_t>{1, 0, 9}));
  EXPECT_EQ(parts({0, 200, 100}), (std::vector<std::size_t>{0, 10, 0}));
  EXPECT_EQ(parts({90, 50, 100}), (std::vector<std::size_t>{9, 0, 1})) << "more used than taken";
  EXPECT_EQ(parts({5, 5, 0}), (std::vector<std::size_t>{0, 0, 10})) << "no limit";
  const std::uint64_t most = ~std::uint64_t{0};
  EXPECT_EQ(parts({most, most, 1}), (std::vector<std::size_t>{10, 0, 0}));
}

TEST(Bars, TextAndTone) {
  EXPECT_EQ(bar_text({25, 69, 100}, 10, "charged"), "[##====....] 25 % used, 69 % charged");
  EXPECT_EQ(fill_tone({25, 80, 100}), Tone::kGood);
  EXPECT_EQ(fill_tone({25, 81, 100}), Tone::kWarning);
  EXPECT_EQ(fill_tone({25, 100, 100}), Tone::kBad);
}

TEST(StatusText, BarsOnATerminalOnly) {
  // 9.6 cores: 5.1 used is 53 %, 6 charged is 62 %; of 40 characters 21 and 25.
  const std::string bar = "          [" + std::string(21, '#') + "====" + std::string(15, '.') +
                          "] 53 % used, 62 % charged\n";
  EXPECT_TRUE(has(status_text(busy_node(), "/s", {false, 80}, Charset::kUtf8), bar));
  EXPECT_FALSE(has(status_text(busy_node(), "/s", {}, Charset::kUtf8), "[#"));
}

TEST(StatusText, WhyATypeIsRefused) {
  Snapshot snapshot = busy_node();
  snapshot.types[0].verdict = {};
  snapshot.types[0].verdict.reason = Reason::kCpu;
  snapshot.types[0].verdict.required_micro = 4'000'000;
  snapshot.types[0].verdict.available_micro = 3'242'000;
  snapshot.types[1].verdict.reason = Reason::kGroupLimit;
  snapshot.types[1].verdict.limit = 18;
  snapshot.types[1].verdict.in_use = 18;
  snapshot.types[1].verdict.weight = 1;
  const std::string text = status_text(snapshot, "/s", {}, Charset::kUtf8);
  EXPECT_TRUE(has(text, " no: cpu         needs 4, 3.242 free\n")) << text;
  EXPECT_TRUE(has(text, " no: group_limit group web has 18 of 18\n")) << text;
}

TEST(SplitNames, AtCommas) {
  EXPECT_EQ(split_names(""), std::vector<std::string>{});
  EXPECT_EQ(split_names("a"), std::vector<std::string>{"a"});
  EXPECT_EQ(split_names("a, in use ,c"), (std::vector<std::string>{"a", "in use", "c"}));
  EXPECT_EQ(split_names("a,"), (std::vector<std::string>{"a", ""}));
}

TEST(Columns, ChosenOnesInTheChosenOrder) {
  TableStyle style;
  style.columns = {"in-use", "Type", "In Use"};
  EXPECT_EQ(limits_text(busy_node(), style, Charset::kUtf8),
            "IN USE TYPE        IN USE\n"
            "     3 participant      3\n"
            "     0 track            0\n");
  style.headings = false;
  style.columns = {"type"};
  EXPECT_EQ(limits_text(busy_node(), style, Charset::kUtf8), "participant\ntrack\n");
  EXPECT_EQ(limits_text({}, style, Charset::kUtf8), "") << "an empty list without its headings";
  style.headings = true;
  EXPECT_EQ(limits_text({}, style, Charset::kUtf8), "TYPE\n");
}

TEST(Columns, OfASlotAlsoThoseThatAreNotShownUnasked) {
  TableStyle style;
  style.columns = {"memory_used", "token", "active"};
  EXPECT_EQ(slots_text(sampled_node({held_slot()}), style, Charset::kUtf8),
            "MEMORY USED TOKEN       ACTIVE\n"
            "     850MiB v1-a-5-b-4d  10.2s\n");
}

TEST(Columns, OfStatusLeaveTheTablesAlone) {
  TableStyle style;
  style.columns = {"group", "in_use"};
  const std::string text = status_text(busy_node(), "/s", style, Charset::kUtf8);
  EXPECT_TRUE(has(text, "\nIN USE\n     3\n     0\n\nGROUP IN USE\nweb        0\n")) << text;
}

TEST(Columns, UnknownOnesNameTheNearest) {
  const auto told = [](const std::string& name) {
    try {
      require_columns({name}, {limits_table({}, Charset::kUtf8)});
    } catch (const Failure& failure) {
      EXPECT_EQ(failure.code(), Errc::kInvalidArgument);
      return std::string(failure.what());
    }
    return std::string();
  };
  EXPECT_EQ(told("EFFECTIVE"), "");
  EXPECT_EQ(told("efective"), "there is no column 'efective'; did you mean 'effective'?");
  EXPECT_EQ(
      told("x"),
      "there is no column 'x'; there are type, config, override, effective, in_use, debt, note");
  EXPECT_EQ(told("").substr(0, 38), "there is no column ''; there are type,");
  EXPECT_FALSE(has(told("\x1b[2J"), "\x1b"));
}

TEST(ListJson, ARowALine) {
  Snapshot snapshot = busy_node();
  snapshot.stable = false;
  const Json document = limits_json(snapshot);
  EXPECT_EQ(list_json_text(document, "limits", false), print_json(document) + "\n");
  const std::string rows = list_json_text(document, "limits", true);
  EXPECT_EQ(rows.find(R"({"schema":1,"type":"participant","config":3,)"), 0U) << rows;
  EXPECT_TRUE(has(rows, R"("counts_as":null,"unstable":true})"
                        "\n"
                        R"({"schema":1,"type":"track",)"))
      << rows;
  EXPECT_EQ(list_json_text(limits_json({}), "limits", true), "");
}

TEST(UtcText, APointInTime) {
  EXPECT_EQ(utc_text(0), "1970-01-01T00:00:00Z");
  EXPECT_EQ(utc_text(951'782'399), "2000-02-28T23:59:59Z");
  EXPECT_EQ(utc_text(951'782'400), "2000-02-29T00:00:00Z");
}

}  // namespace
}  // namespace slotd::ctl
