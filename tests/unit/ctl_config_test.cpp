// `config show` reads the configuration in force out of a segment; `config check` repeats what
// slotd says.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "slotd/segment.hpp"
#include "tests/support/heap_segment.hpp"
#include "tests/unit/ctl_snapshot_support.hpp"
#include "tools/slotctl/commands/config_check.hpp"
#include "tools/slotctl/commands/config_show.hpp"

namespace slotd::ctl {
namespace {

broker::LedgerSpec full_spec() {
  broker::LedgerSpec spec = testing::make_spec(12'000'000);
  spec.types[testing::kParticipant].limit = 3;
  spec.types[testing::kParticipant].memory_bytes = 1ULL << 30;
  spec.types[testing::kTrack].base = testing::kParticipant;
  spec.types[testing::kTrackComposite].minimum = 2;
  spec.aliases.push_back({"media", testing::kParticipant});
  broker::LedgerGroup pulse;
  pulse.name = "pulse";
  pulse.limit = 60;
  pulse.weights[testing::kWeb] = 4;
  pulse.weights[testing::kRoomComposite] = 1;
  spec.groups.push_back(pulse);
  spec.charge_mode = ChargeMode::kMeasured;
  spec.affinity = AffinityMode::kSpread;
  spec.idle_rule = false;
  spec.memory_max_bytes = 9'000'000'000;
  spec.memory_headroom_bytes = 1ULL << 30;
  return spec;
}

TEST(ReadConfigView, ReadsWhatTheBrokerPublished) {
  const testing::HeapSegment segment(full_spec());
  const ConfigView config = read_config_view(segment.view(false));
  EXPECT_TRUE(config.stable);
  EXPECT_EQ(config.capacity_micro, 12'000'000U);
  EXPECT_EQ(config.budget_micro, 9'600'000U);
  EXPECT_FALSE(config.idle_rule);
  ASSERT_EQ(config.types.size(), 5U);
  const TypeView& participant = config.types[testing::kParticipant];
  EXPECT_EQ(participant.name, "participant");
  EXPECT_EQ(participant.limit, 3U);
  EXPECT_EQ(participant.cost_milli, 2000U);
  EXPECT_EQ(participant.memory_bytes, 1ULL << 30);
  EXPECT_EQ(participant.aliases, std::vector<std::string>{"media"});
  EXPECT_EQ(config.types[testing::kTrack].counts_as, "participant");
  EXPECT_EQ(config.types[testing::kTrackComposite].minimum, 2U);
  ASSERT_EQ(config.groups.size(), 1U);
  EXPECT_EQ(config.groups[0].limit, 60U);
  ASSERT_EQ(config.groups[0].members.size(), 2U);
  EXPECT_EQ(config.groups[0].members[1].type, "web");
  EXPECT_EQ(config.groups[0].members[1].weight, 4U);
}

TEST(ReadConfigView, ScribbledCountsDoNotLeadOutOfTheSegment) {
  const testing::HeapSegment segment(full_spec());
  ConfigBlock& block = segment.view().config(segment.view().header().config_epoch.load());
  block.type_count.set(0xffffffff);
  block.group_count.set(0xffffffff);
  block.alias_count.set(0xffffffff);
  block.types[1].base.set(0xffffffff);
  block.charge_mode.set(99);
  block.affinity.set(99);
  const ConfigView config = read_config_view(segment.view(false));
  EXPECT_EQ(config.types.size(), kMaxTypes);
  EXPECT_EQ(config.groups.size(), kMaxGroups);
  EXPECT_EQ(problems("config-show", print_json(config_show_json(config))), "");
}

TEST(ConfigShow, Json) {
  const testing::HeapSegment segment(full_spec());
  const std::string text = print_json(config_show_json(read_config_view(segment.view(false))));
  EXPECT_EQ(problems("config-show", text), "");
  const Json out = Json::parse(text);
  EXPECT_EQ(print_json(out["cpu"]),
            R"({"capacity":12.0,"budget":9.6,"idle_rule":false,"charge":"measured","hold":15.0,)"
            R"("sample_interval":1.0,"affinity":"spread"})");
  EXPECT_EQ(out["memory"]["max"], 9'000'000'000);
  EXPECT_EQ(out["types"][testing::kParticipant]["limit"], 3);
  EXPECT_TRUE(out["types"][testing::kWeb]["limit"].is_null());
  EXPECT_EQ(out["groups"][0]["weights"]["web"], 4);
}

TEST(ConfigShow, Text) {
  const testing::HeapSegment segment(full_spec());
  const std::string text =
      config_show_text(read_config_view(segment.view(false)), {}, Charset::kUtf8);
  EXPECT_NE(
      text.find(
          "capacity 12, budget 9.6, charge measured, hold 15s, idle rule off, affinity spread"),
      std::string::npos)
      << text;
  EXPECT_NE(text.find("memory    max 9GB, headroom 1GiB\n"), std::string::npos) << text;
  EXPECT_NE(text.find("participant       3   2   1GiB   - -           media\n"), std::string::npos)
      << text;
  EXPECT_NE(text.find("pulse  60 room_composite 1, web 4\n"), std::string::npos) << text;
}

TEST(ConfigCheck, RepeatsWhatSlotdSays) {
  const std::string text = print_json(
      config_check_json("a.yaml", false, "a.yaml:1:2: error: x\n\na.yaml:3:4: error: y\n"));
  EXPECT_EQ(text, R"({"schema":1,"file":"a.yaml","valid":false,)"
                  R"("messages":["a.yaml:1:2: error: x","a.yaml:3:4: error: y"]})");
  EXPECT_EQ(problems("config-check", text), "");
  EXPECT_EQ(print_json(config_check_json("a.yaml", true, "")),
            R"({"schema":1,"file":"a.yaml","valid":true,"messages":[]})");
}

}  // namespace
}  // namespace slotd::ctl
