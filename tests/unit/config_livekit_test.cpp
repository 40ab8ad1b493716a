// The LiveKit form. Keys, defaults and rules are those that the egress service documents for its
// cpu_cost block.
#include <gmock/gmock.h>

#include <functional>
#include <string>
#include <vector>

#include "broker/config/livekit_types.hpp"
#include "config_support.hpp"

namespace slotd::broker {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

const TypeSpec& type_of(const Config& config, std::string_view name) {
  const TypeSpec* type = config.find_type(name);
  EXPECT_NE(type, nullptr) << name;
  static const TypeSpec kNone;
  return type == nullptr ? kNone : *type;
}

std::string limit_text(const std::optional<std::uint32_t>& max) {
  return max ? std::to_string(*max) : "unlimited";
}

std::string cost_of(const Config& config, std::string_view type) {
  return format_cores_milli(type_of(config, type).cpu_milli);
}

std::string memory_of(const Config& config, std::string_view type) {
  return format_bytes(type_of(config, type).memory_bytes);
}

std::string max_of(const Config& config, std::string_view type) {
  return limit_text(type_of(config, type).max);
}

std::string group_max_of(const Config& config, std::string_view group) {
  const GroupSpec* found = config.find_group(group);
  return found == nullptr ? "none" : limit_text(found->max);
}

std::string source_of(const Config& config) {
  switch (config.memory.source) {
    case MemorySource::kRss:
      return "rss";
    case MemorySource::kPss:
      return "pss";
    case MemorySource::kCgroup:
      break;
  }
  return "cgroup";
}

// One row a key: how its effect is looked at, its default, and a value other than that.
struct KeyCase {
  std::string key;
  std::function<std::string(const Config&)> look;
  std::string by_default;
  std::string given;
  std::string effect;
};

std::vector<KeyCase> all_keys() {
  const auto cost = [](const char* type) {
    return [type](const Config& config) { return cost_of(config, type); };
  };
  const auto max = [](const char* type) {
    return [type](const Config& config) { return max_of(config, type); };
  };
  const auto group = [](const char* name) {
    return [name](const Config& config) { return group_max_of(config, name); };
  };
  return {
      {"max_cpu_utilization",
       [](const Config& c) { return format_ratio_ppb(c.cpu.max_utilization_ppb); }, "0.8", "0.9",
       "0.9"},
      {"max_memory", [](const Config& c) { return format_bytes(c.memory.max_bytes); }, "0", "16",
       "16GiB"},
      {"memory_cost", [](const Config& c) { return memory_of(c, "participant"); }, "0", "1.5",
       "1536MiB"},
      {"sdk_audio_room_composite_memory_cost",
       [](const Config& c) { return memory_of(c, "sdk_audio_room_composite"); }, "0", "0.25",
       "256MiB"},
      {"max_pulse_clients", group("pulse"), "60", "40", "40"},
      {"memory_source", source_of, "rss", "cgroup", "cgroup"},
      {"memory_kill_grace_sec",
       [](const Config& c) { return format_duration_ms(c.pressure.memory_grace_ms); }, "0s", "2.5",
       "2500ms"},
      {"cpu_kill_grace_sec",
       [](const Config& c) { return format_duration_ms(c.pressure.grace_ms); }, "30s", "45", "45s"},
      {"room_composite_cpu_cost", cost("room_composite"), "4", "3.5", "3.5"},
      {"audio_room_composite_cpu_cost", cost("audio_room_composite"), "1", "1.25", "1.25"},
      {"sdk_audio_room_composite_cpu_cost", cost("sdk_audio_room_composite"), "1", "0.3", "0.3"},
      {"web_cpu_cost", cost("web"), "4", "5", "5"},
      {"audio_web_cpu_cost", cost("audio_web"), "1", "0.9", "0.9"},
      {"participant_cpu_cost", cost("participant"), "2", "1.6", "1.6"},
      {"track_composite_cpu_cost", cost("track_composite"), "1", "2", "2"},
      {"track_cpu_cost", cost("track"), "0.5", "0.1", "0.1"},
      {"max_concurrent_room_composite", max("room_composite"), "5", "2", "2"},
      {"max_concurrent_web_egress", max("web"), "5", "6", "6"},
      {"max_concurrent_participant", max("participant"), "3", "8", "8"},
      {"max_concurrent_track_composite", max("track_composite"), "5", "9", "9"},
      {"max_concurrent_track", max("track"), "10", "11", "11"},
      {"max_concurrent_web", group("web"), "18", "12", "12"},
  };
}

bool is_concurrent(const KeyCase& c) { return c.key.starts_with("max_concurrent_"); }

TEST(Livekit, EveryKeyHasItsDefault) {
  const Config config = parse_good("cpu_cost: {}\n");
  for (const KeyCase& c : all_keys()) EXPECT_EQ(c.look(config), c.by_default) << c.key;
}

TEST(Livekit, EveryKeyHasItsEffect) {
  for (const KeyCase& c : all_keys()) {
    const Config config = parse_good("cpu_cost:\n  " + c.key + ": " + c.given + "\n");
    EXPECT_EQ(c.look(config), c.effect) << c.key;
  }
}

TEST(Livekit, AValueThatIsNotPositiveIsTheDefault) {
  for (const KeyCase& c : all_keys()) {
    if (c.key == "memory_source") continue;
    for (const char* value : {"0", "-1", "-4294967296", "", "~"}) {
      const Config config = parse_good("cpu_cost:\n  " + c.key + ": " + value + "\n");
      EXPECT_EQ(c.look(config), c.by_default) << c.key << ": " << value;
    }
  }
}

TEST(Livekit, TheConcurrentKeysMayStandBesideTheBlock) {
  for (const KeyCase& c : all_keys()) {
    if (!is_concurrent(c)) continue;
    const std::string line = c.key + ": " + c.given + "\n";
    EXPECT_EQ(c.look(parse_good(line)), c.effect) << c.key;
    EXPECT_EQ(c.look(parse_good("cpu_cost: {}\n" + line)), c.effect) << c.key;
  }
}

TEST(Livekit, UnlimitedSwitchesAConcurrentKeyOff) {
  for (const KeyCase& c : all_keys()) {
    if (!is_concurrent(c)) continue;
    EXPECT_EQ(c.look(parse_good(c.key + ": unlimited\n")), "unlimited") << c.key;
    EXPECT_EQ(c.look(parse_good("cpu_cost: { " + c.key + ": 'unlimited' }\n")), "unlimited")
        << c.key;
  }
}

TEST(Livekit, InBothPlacesAConcurrentKeyIsAnError) {
  EXPECT_EQ(messages_of("max_concurrent_track: 4\ncpu_cost:\n  max_concurrent_track: 5\n"),
            "t.yaml:3:3: error: max_concurrent_track stands both in cpu_cost and beside it\n"
            "      max_concurrent_track: 5\n"
            "      ^\n"
            "    the other one is in line 1\n");
  EXPECT_THAT(brief_messages_of("cpu_cost:\n  max_concurrent_web: 5\nmax_concurrent_web: 4\n"),
              ElementsAre("3:1: error: max_concurrent_web stands both in cpu_cost and beside it "
                          "(the other one is in line 2)"));
}

TEST(Livekit, UtilisationOutsideItsRangeIsTheDefault) {
  for (const char* value : {"1.01", "2", "80", "4294967296", "0", "-0.5"}) {
    const Config config =
        parse_good("cpu_cost: { max_cpu_utilization: " + std::string(value) + " }\n");
    EXPECT_EQ(config.cpu.max_utilization_ppb, 800'000'000U) << value;
  }
  EXPECT_EQ(parse_good("cpu_cost: { max_cpu_utilization: 1 }").cpu.max_utilization_ppb, kRatioOne);
}

TEST(Livekit, SdkAudioFallsBackToItsNeighbours) {
  const Config config =
      parse_good("cpu_cost: { audio_room_composite_cpu_cost: 1.5, memory_cost: 2 }\n");
  EXPECT_EQ(cost_of(config, "sdk_audio_room_composite"), "1.5");
  EXPECT_EQ(memory_of(config, "sdk_audio_room_composite"), "2GiB");
  const Config own = parse_good(
      "cpu_cost: { audio_room_composite_cpu_cost: 1.5, sdk_audio_room_composite_cpu_cost: -1,\n"
      "  memory_cost: 2, sdk_audio_room_composite_memory_cost: 0.5 }\n");
  EXPECT_EQ(cost_of(own, "sdk_audio_room_composite"), "1.5");
  EXPECT_EQ(memory_of(own, "sdk_audio_room_composite"), "512MiB");
  EXPECT_EQ(memory_of(own, "audio_room_composite"), "2GiB");
}

TEST(Livekit, MemoryCostIsThatOfEveryType) {
  const Config config = parse_good("cpu_cost: { memory_cost: 0.5, max_memory: 8 }\n");
  for (const TypeSpec& type : config.types) EXPECT_EQ(type.memory_bytes, 536'870'912U) << type.name;
  EXPECT_EQ(config.memory.max_bytes, 8'589'934'592U);
  EXPECT_EQ(config.memory.headroom_bytes, 1'073'741'824U);  // the service's own 1.0 GB
}

TEST(Livekit, GigabytesAreBinaryAndRoundedToTheSafeSide) {
  // 0.1 x 2^30 = 107374182.4
  EXPECT_EQ(parse_gibibytes("0.1", Rounding::kDown).value, 107'374'182U);
  EXPECT_EQ(parse_gibibytes("0.1", Rounding::kUp).value, 107'374'183U);
  EXPECT_EQ(parse_gibibytes("1.5", Rounding::kUp).value, 1'610'612'736U);
  EXPECT_EQ(parse_gibibytes("0", Rounding::kUp).value, 0U);
  EXPECT_EQ(parse_gibibytes("1048576", Rounding::kDown).value, kMaxBytes);
  EXPECT_EQ(parse_gibibytes("1048577", Rounding::kDown).error, UnitError::kTooLarge);
  EXPECT_EQ(parse_gibibytes("4GiB", Rounding::kDown).error, UnitError::kUnitNotWanted);
  const Config config = parse_good("cpu_cost: { memory_cost: 0.1, max_memory: 3.3 }\n");
  EXPECT_EQ(type_of(config, "track").memory_bytes, 107'374'183U);
  EXPECT_EQ(config.memory.max_bytes, 3'543'348'019U);  // 3.3 x 2^30 = 3543348019.2
}

TEST(Livekit, TypesAreThoseOfTheRequests) {
  const Config config = parse_good("cpu_cost: {}\n");
  std::vector<std::string> names;
  for (const TypeSpec& type : config.types) names.push_back(type.name);
  EXPECT_THAT(names, ElementsAre("room_composite", "web", "participant", "track_composite", "track",
                                 "audio_room_composite", "sdk_audio_room_composite", "audio_web"));
  EXPECT_EQ(config.find_type("template"), config.find_type("room_composite"));
  EXPECT_EQ(config.find_type("media"), config.find_type("participant"));
}

TEST(Livekit, AudioVariantsTakeOneOfTheBaseTypesLimit) {
  const Config config = parse_good("cpu_cost: {}\n");
  EXPECT_EQ(type_of(config, "audio_room_composite").counts_as, "room_composite");
  EXPECT_EQ(type_of(config, "sdk_audio_room_composite").counts_as, "room_composite");
  EXPECT_EQ(type_of(config, "audio_web").counts_as, "web");
  for (const char* name : {"room_composite", "web", "participant", "track_composite", "track"}) {
    EXPECT_EQ(type_of(config, name).counts_as, "") << name;
  }
}

TEST(Livekit, OnlyChromeTypesAreWebJobsAndPulseClients) {
  const Config config = parse_good("cpu_cost: {}\n");
  for (const char* name : {"room_composite", "web", "audio_room_composite", "audio_web"}) {
    EXPECT_THAT(type_of(config, name).groups,
                ElementsAre(GroupWeight{"web", 1}, GroupWeight{"pulse", 4}))
        << name;
  }
  for (const char* name : {"participant", "track_composite", "track", "sdk_audio_room_composite"}) {
    EXPECT_THAT(type_of(config, name).groups, IsEmpty()) << name;
  }
}

TEST(Livekit, TheRestIsAsInTheNativeForm) {
  const Config config = parse_good("cpu_cost: {}\n");
  const Config native;
  EXPECT_EQ(config.cpu, native.cpu);
  EXPECT_EQ(config.memory, native.memory);
  EXPECT_EQ(config.queue, native.queue);
  EXPECT_EQ(config.pressure, native.pressure);
  EXPECT_EQ(config.segment, native.segment);
}

TEST(Livekit, AnEmptyBlockIsABlock) {
  EXPECT_EQ(parse_good("cpu_cost:\n"), parse_good("cpu_cost: {}\n"));
  EXPECT_EQ(parse_good("slotd: {}\n"), parse_good("cpu_cost: {}\n"));
}

TEST(Livekit, OtherKeysOfTheFileAreNotLookedAt) {
  const Config config = parse_good(
      "api_key: &key abc\n"
      "api_secret: *key\n"
      "redis: { address: 'a:1', address: 'b:2', db: 010 }\n"
      "logging: !custom { json: yes }\n"
      "storage: [[[{ s3: { bucket: x } }]]]\n"
      "? [odd, key]\n"
      ": 1\n"
      "cpu_cost: { track_cpu_cost: 0.25 }\n"
      "log_level: debug\n"
      "log_level: info\n");
  EXPECT_EQ(type_of(config, "track").cpu_milli, 250U);
}

TEST(Livekit, TheBlockItselfIsStrict) {
  EXPECT_THAT(
      brief_messages_of("cpu_cost:\n"
                        "  particpant_cpu_cost: 2\n"
                        "  web_cpu_cost: 4\n"
                        "  web_cpu_cost: 4\n"
                        "  track_cpu_cost: 0x1\n"
                        "  track_composite_cpu_cost: 1.2345\n"
                        "  room_composite_cpu_cost: \"4\"\n"
                        "  max_pulse_clients: 60.5\n"
                        "  max_concurrent_track: unlimted\n"
                        "  max_memory: 4GB\n"
                        "  memory_source: rss\n"
                        "  cpu_kill_grace_sec: 30s\n"
                        "  audio_web_cpu_cost: -1x\n"),
      ElementsAre(
          "2:3: error: unknown key 'particpant_cpu_cost' in cpu_cost (did you mean "
          "'participant_cpu_cost'?)",
          "4:3: error: duplicate key 'web_cpu_cost' in cpu_cost (the first one is in line 3)",
          "5:19: error: cpu_cost.track_cpu_cost: '0x1' is not in base 10 (expected cores, at most "
          "3 "
          "decimals, up to 1048.575: 4, 0.5 or 1.25)",
          "6:29: error: cpu_cost.track_composite_cpu_cost: '1.2345' has too many decimals "
          "(expected cores, at most 3 decimals, up to 1048.575: 4, 0.5 or 1.25)",
          "7:28: error: cpu_cost.room_composite_cpu_cost: '4' is text, not a number (leave the "
          "quotes out)",
          "8:22: error: cpu_cost.max_pulse_clients: '60.5' has too many decimals (expected a whole "
          "number up to 4294967294)",
          "9:25: error: cpu_cost.max_concurrent_track: 'unlimted' is not a number (expected a "
          "whole number up to 4294967294, or unlimited)",
          "10:15: error: cpu_cost.max_memory: '4GB' has a unit where none belongs (expected a "
          "number without a unit, up to 1048576: 4 or 1.5)",
          "11:18: error: cpu_cost.memory_source: 'rss' is not one of proc_rss, cgroup",
          "12:23: error: cpu_cost.cpu_kill_grace_sec: '30s' has a unit where none belongs "
          "(expected seconds without a unit, at most 3 decimals: 5 or 0.25)",
          "13:23: error: cpu_cost.audio_web_cpu_cost: '-1x' has a unit where none belongs "
          "(expected cores, at most 3 decimals, up to 1048.575: 4, 0.5 or 1.25)"));
}

TEST(Livekit, PulseClientsCannotBeUnlimited) {
  EXPECT_THAT(brief_messages_of("cpu_cost: { max_pulse_clients: unlimited }"),
              ElementsAre(testing::HasSubstr("cpu_cost.max_pulse_clients: 'unlimited' is not a "
                                             "number")));
}

TEST(Livekit, NativeSectionsBesideTheBlockAreSentUnderSlotd) {
  EXPECT_EQ(messages_of("cpu_cost: {}\nsegment: { slots: 64 }\ntypes: {}\n"),
            "t.yaml:2:1: error: 'segment' cannot stand beside cpu_cost\n"
            "    segment: { slots: 64 }\n"
            "    ^\n"
            "    move it under 'slotd:'\n"
            "t.yaml:3:1: error: 'types' cannot stand beside cpu_cost\n"
            "    types: {}\n"
            "    ^\n"
            "    move it under 'slotd:'\n");
}

TEST(Livekit, SlotdChangesWhatTheBlockSays) {
  const Config config = parse_good(
      "cpu_cost: { participant_cpu_cost: 1.5 }\n"
      "slotd:\n"
      "  cpu: { charge: measured }\n"
      "  types:\n"
      "    participant: { max: 7 }\n"
      "    gpu: { max: 1, cpu: 0.5, groups: [card, web] }\n"
      "  groups:\n"
      "    web: { max: 20, external: /run/web }\n"
      "    card: { max: 2 }\n"
      "  segment: { path: /run/x/segment, slots: 64 }\n");
  const TypeSpec& participant = type_of(config, "participant");
  EXPECT_EQ(participant.max, 7U);
  EXPECT_EQ(participant.cpu_milli, 1'500U);
  EXPECT_THAT(participant.aliases, ElementsAre("media"));
  EXPECT_EQ(config.types.size(), 9U);
  EXPECT_EQ(type_of(config, "gpu").groups.size(), 2U);
  EXPECT_EQ(group_max_of(config, "web"), "20");
  EXPECT_EQ(config.find_group("web")->external, "/run/web");
  EXPECT_EQ(group_max_of(config, "pulse"), "60");
  EXPECT_EQ(group_max_of(config, "card"), "2");
  EXPECT_EQ(config.cpu.charge, ChargePolicy::kMeasured);
  EXPECT_EQ(config.segment.slots, 64U);
  EXPECT_EQ(config.marks.find("segment.slots").line, 10U);
}

TEST(Livekit, SlotdIsReadLastWhereverItStands) {
  const Config config = parse_good(
      "slotd: { types: { track: { max: 1 } } }\ncpu_cost: { max_concurrent_track: 4 }\n");
  EXPECT_EQ(type_of(config, "track").max, 1U);
}

TEST(Livekit, SlotdIsStrict) {
  EXPECT_THAT(
      brief_messages_of("cpu_cost: {}\n"
                        "slotd:\n"
                        "  cpu: { max_utilization: 1.5 }\n"
                        "  typs: {}\n"
                        "  types: { media: { max: 1, cpu: 1 } }\n"),
      ElementsAre("3:27: error: cpu.max_utilization: '1.5' is out of range (expected a fraction "
                  "above 0, at most 1)",
                  "4:3: error: unknown key 'typs' in slotd (did you mean 'types'?)",
                  "5:12: error: types.participant.aliases: 'media' is already a type"));
  EXPECT_THAT(brief_messages_of("slotd: [cpu]\n"),
              ElementsAre("1:8: error: slotd: expected native sections"));
}

TEST(Livekit, SlipsInKeysThatWouldBeIgnoredAreNoted) {
  const ConfigResult result = parse_config(
      "cpu_cost: {}\nslot: {}\nmax_concurrent_tracks: 3\n<<: {}\nredis: {}\nws_url: x\n",
      kTestFile);
  EXPECT_TRUE(result.config.has_value());
  EXPECT_EQ(format_diagnostics(result.diagnostics),
            "t.yaml:2:1: warning: the key 'slot' is ignored\n"
            "    slot: {}\n"
            "    ^\n"
            "    did you mean 'slotd'?\n"
            "t.yaml:3:1: warning: the key 'max_concurrent_tracks' is ignored\n"
            "    max_concurrent_tracks: 3\n"
            "    ^\n"
            "    did you mean 'max_concurrent_track'?\n"
            "t.yaml:4:1: warning: what a merge key brings in is not seen\n"
            "    <<: {}\n"
            "    ^\n"
            "    write out what concerns slotd\n");
}

TEST(Livekit, TheGracesAreThoseOfPressureAndTheActionIsNot) {
  const Config config =
      parse_good("cpu_cost: { memory_kill_grace_sec: 10, cpu_kill_grace_sec: 20 }\n");
  EXPECT_EQ(config.pressure.memory_grace_ms, 10'000U);
  EXPECT_EQ(config.pressure.grace_ms, 20'000U);
  EXPECT_EQ(config.pressure.action, PressureAction::kNotify);
  const Config own = parse_good(
      "cpu_cost: { memory_kill_grace_sec: 10 }\n"
      "slotd: { pressure: { memory_grace: 3s, action: stop } }\n");
  EXPECT_EQ(own.pressure.memory_grace_ms, 3'000U);
  EXPECT_EQ(own.pressure.action, PressureAction::kStop);
}

TEST(Livekit, APoolTooSmallForOneChromeIsNotedAtItsKey) {
  const auto messages = brief_messages_of("cpu_cost:\n  max_pulse_clients: 3\n");
  ASSERT_EQ(messages.size(), 4U);
  EXPECT_EQ(messages[0],
            "2:3: warning: types.room_composite.groups: a weight of 4 never fits into 'pulse' "
            "with its max of 3");
}

}  // namespace
}  // namespace slotd::broker
