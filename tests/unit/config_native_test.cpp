// The native form: what its values mean.
#include <gmock/gmock.h>

#include <string>

#include "config_support.hpp"

namespace slotd::broker {
namespace {

// The numbers of the design document, written out once more.
TEST(NativeDefaults, AreTheSeeds) {
  const Config config = parse_good("{}\n");
  EXPECT_EQ(config.cpu.capacity_mode, CapacityMode::kAuto);
  EXPECT_EQ(config.cpu.max_utilization_ppb, 800'000'000U);
  EXPECT_EQ(config.cpu.hold_ms, 15'000U);
  EXPECT_EQ(config.cpu.charge, ChargePolicy::kMax);
  EXPECT_TRUE(config.cpu.idle_rule);
  EXPECT_EQ(config.cpu.sample_interval_ms, 1'000U);
  EXPECT_EQ(config.cpu.affinity, AffinityPolicy::kConsolidate);
  EXPECT_EQ(config.memory.max_bytes, 0U);
  EXPECT_EQ(config.memory.headroom_bytes, 1'073'741'824U);
  EXPECT_EQ(config.memory.source, MemorySource::kRss);
  EXPECT_EQ(config.queue.overtake_window_ms, 1'000U);
  EXPECT_EQ(config.queue.turn_ms, 20U);
  EXPECT_EQ(config.pressure.threshold_ppb, 950'000'000U);
  EXPECT_EQ(config.pressure.ticks, 10U);
  EXPECT_EQ(config.pressure.reset_ticks, 5U);
  EXPECT_EQ(config.pressure.grace_ms, 30'000U);
  EXPECT_EQ(config.pressure.action, PressureAction::kNotify);
  EXPECT_EQ(config.pressure.psi_ppb, 0U);
  EXPECT_EQ(config.pressure.memory_grace_ms, 0U);
  EXPECT_FALSE(config.pressure.process_group);
  EXPECT_EQ(config.segment.mode, 0660U);
  EXPECT_EQ(config.segment.slots, 1'024U);
  EXPECT_EQ(config.segment.processes, 512U);
  EXPECT_EQ(config.segment.path, "");
  EXPECT_EQ(config.segment.group, "");
}

struct SeedType {
  const char* name;
  std::uint32_t max;
  std::uint32_t cpu_milli;
  bool in_web;
};

TEST(NativeDefaults, HaveTheFiveTypesAndTheWebGroup) {
  const Config config = parse_good("{}\n");
  const SeedType seed[] = {{"room_composite", 5, 4'000, true},
                           {"web", 5, 4'000, true},
                           {"participant", 3, 2'000, false},
                           {"track_composite", 5, 1'000, false},
                           {"track", 10, 500, false}};
  ASSERT_EQ(config.types.size(), std::size(seed));
  for (std::size_t i = 0; i < std::size(seed); ++i) {
    const TypeSpec& type = config.types[i];
    EXPECT_EQ(type.name, seed[i].name);
    EXPECT_EQ(type.max, seed[i].max) << type.name;
    EXPECT_EQ(type.cpu_milli, seed[i].cpu_milli) << type.name;
    EXPECT_EQ(type.memory_bytes, 0U);
    EXPECT_EQ(type.min, 0U);
    EXPECT_EQ(type.counts_as, "");
    EXPECT_TRUE(type.aliases.empty());
    EXPECT_EQ(type.groups.size(), seed[i].in_web ? 1U : 0U) << type.name;
  }
  EXPECT_EQ(config.types[0].groups[0], (GroupWeight{"web", 1}));
  ASSERT_EQ(config.groups.size(), 1U);
  EXPECT_EQ(config.groups[0].name, "web");
  EXPECT_EQ(config.groups[0].max, 18U);
  EXPECT_EQ(config.groups[0].external, "");
}

TEST(NativeDefaults, AreThoseOfAConfigThatNobodyWrote) { EXPECT_EQ(parse_good("{}\n"), Config{}); }

TEST(NativeDefaults, HoldForSectionsWhoseKeysAreAllCommentedOut) {
  EXPECT_EQ(parse_good("cpu:\n  # hold: 15s\nmemory:\nqueue: ~\npressure:\nsegment:\n"), Config{});
}

TEST(NativeCpu, ReadsEveryKey) {
  const Config config = parse_good(
      "cpu: { capacity: 12.5, max_utilization: 0.75, hold: 2.5s, charge: measured,\n"
      "  idle_rule: false, sample_interval: 250ms, affinity: spread }\n");
  EXPECT_EQ(config.cpu.capacity_mode, CapacityMode::kFixed);
  EXPECT_EQ(config.cpu.capacity_micro, 12'500'000);
  EXPECT_EQ(config.cpu.max_utilization_ppb, 750'000'000U);
  EXPECT_EQ(config.cpu.hold_ms, 2'500U);
  EXPECT_EQ(config.cpu.charge, ChargePolicy::kMeasured);
  EXPECT_FALSE(config.cpu.idle_rule);
  EXPECT_EQ(config.cpu.sample_interval_ms, 250U);
  EXPECT_EQ(config.cpu.affinity, AffinityPolicy::kSpread);
}

TEST(NativeCpu, CapacityIsAWordOrANumber) {
  EXPECT_EQ(parse_good("cpu: { capacity: auto }").cpu.capacity_mode, CapacityMode::kAuto);
  EXPECT_EQ(parse_good("cpu: { capacity: \"host\" }").cpu.capacity_mode, CapacityMode::kHost);
  EXPECT_EQ(parse_good("cpu: { capacity: 0.000001 }").cpu.capacity_micro, 1);
}

TEST(NativeCpu, UtilisationMayBeTheWhole) {
  EXPECT_EQ(parse_good("cpu: { max_utilization: 1 }").cpu.max_utilization_ppb, kRatioOne);
  EXPECT_EQ(parse_good("cpu: { max_utilization: 1.0 }").cpu.max_utilization_ppb, kRatioOne);
}

TEST(NativeCpu, ReservedIsTheThirdCharge) {
  EXPECT_EQ(parse_good("cpu: { charge: reserved }").cpu.charge, ChargePolicy::kReserved);
  EXPECT_EQ(parse_good("cpu: { charge: max }").cpu.charge, ChargePolicy::kMax);
}

TEST(NativeMemory, ReadsEveryKey) {
  const Config config = parse_good("memory: { max: 9GB, headroom: 512MiB, source: pss }");
  EXPECT_EQ(config.memory.max_bytes, 9'000'000'000U);
  EXPECT_EQ(config.memory.headroom_bytes, 536'870'912U);
  EXPECT_EQ(config.memory.source, MemorySource::kPss);
  EXPECT_EQ(parse_good("memory: { source: cgroup }").memory.source, MemorySource::kCgroup);
  EXPECT_EQ(parse_good("memory: { source: rss }").memory.source, MemorySource::kRss);
}

TEST(NativeTypes, ReadsEveryKey) {
  const Config config = parse_good(
      "types:\n"
      "  base: { max: 7, cpu: 1.6, memory: 1.5GiB, min: 2, groups: { web: 1, pulse: 4 },\n"
      "          aliases: [b1, b2] }\n"
      "  variant: { cpu: 0.1, counts_as: base, groups: [web] }\n"
      "groups: { web: { max: 18 }, pulse: { max: 60, external: /run/pulse/clients } }\n");
  ASSERT_EQ(config.types.size(), 2U);
  const TypeSpec& base = config.types[0];
  EXPECT_EQ(base.name, "base");
  EXPECT_EQ(base.max, 7U);
  EXPECT_EQ(base.cpu_milli, 1'600U);
  EXPECT_EQ(base.memory_bytes, 1'610'612'736U);
  EXPECT_EQ(base.min, 2U);
  EXPECT_THAT(base.groups, testing::ElementsAre(GroupWeight{"web", 1}, GroupWeight{"pulse", 4}));
  EXPECT_THAT(base.aliases, testing::ElementsAre("b1", "b2"));
  const TypeSpec& variant = config.types[1];
  EXPECT_EQ(variant.counts_as, "base");
  EXPECT_EQ(variant.max, std::nullopt);
  EXPECT_EQ(variant.cpu_milli, 100U);
  EXPECT_THAT(variant.groups, testing::ElementsAre(GroupWeight{"web", 1}));
  ASSERT_EQ(config.groups.size(), 2U);
  EXPECT_EQ(config.groups[1].external, "/run/pulse/clients");
}

TEST(NativeTypes, LimitsAreNumbersOrUnlimited) {
  const Config config = parse_good(
      "types: { a: { cpu: 1 }, b: { cpu: 1, max: unlimited }, c: { cpu: 1, max: 0 },\n"
      "  d: { cpu: 1, max: 4294967294 } }\n");
  EXPECT_EQ(config.types[0].max, std::nullopt);
  EXPECT_EQ(config.types[1].max, std::nullopt);
  EXPECT_EQ(config.types[2].max, 0U);
  EXPECT_EQ(config.types[3].max, 4'294'967'294U);
}

TEST(NativeTypes, AreFoundByNameAndAlias) {
  const Config config = parse_good("types: { a: { cpu: 1, aliases: [x] }, b: { cpu: 1 } }\n");
  EXPECT_EQ(config.find_type("a"), &config.types[0]);
  EXPECT_EQ(config.find_type("x"), &config.types[0]);
  EXPECT_EQ(config.find_type("b"), &config.types[1]);
  EXPECT_EQ(config.find_type("c"), nullptr);
  EXPECT_EQ(config.find_group("web"), nullptr);
}

TEST(NativeTypes, ReplaceTheSeedsAndWithThemItsGroups) {
  const Config config = parse_good("types: { job: { max: 2, cpu: 1 } }\n");
  ASSERT_EQ(config.types.size(), 1U);
  EXPECT_EQ(config.types[0].name, "job");
  EXPECT_TRUE(config.groups.empty());
}

TEST(NativeGroups, MayBeChangedWhileTheTypesStayTheSeeds) {
  const Config config = parse_good("groups: { web: { max: 4 } }\n");
  EXPECT_EQ(config.types, make_default_types());
  ASSERT_EQ(config.groups.size(), 1U);
  EXPECT_EQ(config.groups[0].max, 4U);
}

TEST(NativeGroups, MayHaveNoLimit) {
  const Config config =
      parse_good("types: { a: { cpu: 1, groups: [g] } }\ngroups: { g: { max: unlimited } }\n");
  EXPECT_EQ(config.groups[0].max, std::nullopt);
}

TEST(NativeGroups, AWeightMayBeAnythingUpTo65535) {
  const Config config =
      parse_good("types: { a: { cpu: 1, groups: { g: 65535 } } }\ngroups: { g: { max: 65535 } }\n");
  EXPECT_EQ(config.types[0].groups[0].weight, 65'535U);
}

TEST(NativeTypes, NamesMayLookLikeOtherThings) {
  const Config config = parse_good("types: { true: { cpu: 1 }, 010: { cpu: 1 }, -.x: { cpu: 1 } }");
  EXPECT_EQ(config.types[0].name, "true");
  EXPECT_EQ(config.types[1].name, "010");
  EXPECT_EQ(config.types[2].name, "-.x");
}

TEST(NativeTypes, ANameOf55BytesFits) {
  const std::string name(55, 'n');
  EXPECT_EQ(parse_good("types: { " + name + ": { cpu: 1 } }").types[0].name, name);
}

TEST(NativeTypes, TableSizesAreThoseOfTheSegment) {
  std::string types = "types:\n";
  std::string groups = "groups:\n";
  for (int i = 0; i < 32; ++i) {
    const std::string n = std::to_string(i);
    types += "  t" + n + ": { cpu: 1, aliases: [a" + n + "] }\n";
    if (i < 16) groups += "  g" + n + ": { max: 1 }\n";
  }
  const Config config = parse_good(types + groups);
  EXPECT_EQ(config.types.size(), 32U);
  EXPECT_EQ(config.groups.size(), 16U);
}

TEST(NativeQueue, ReadsEveryKey) {
  const Config config = parse_good("queue: { overtake_window: 500ms, turn: 1s }");
  EXPECT_EQ(config.queue.overtake_window_ms, 500U);
  EXPECT_EQ(config.queue.turn_ms, 1'000U);
}

TEST(NativePressure, ReadsEveryKey) {
  const Config config = parse_good(
      "pressure: { threshold: 0.9, ticks: 3, reset_ticks: 2, grace: 0s, action: kill, psi: 0.4,\n"
      "  memory_grace: 2s, process_group: true }");
  EXPECT_EQ(config.pressure.threshold_ppb, 900'000'000U);
  EXPECT_EQ(config.pressure.ticks, 3U);
  EXPECT_EQ(config.pressure.reset_ticks, 2U);
  EXPECT_EQ(config.pressure.grace_ms, 0U);
  EXPECT_EQ(config.pressure.action, PressureAction::kKill);
  EXPECT_EQ(config.pressure.psi_ppb, 400'000'000U);
  EXPECT_EQ(config.pressure.memory_grace_ms, 2'000U);
  EXPECT_TRUE(config.pressure.process_group);
  EXPECT_EQ(parse_good("pressure: { action: none }").pressure.action, PressureAction::kNone);
  EXPECT_EQ(parse_good("pressure: { action: notify }").pressure.action, PressureAction::kNotify);
  EXPECT_EQ(parse_good("pressure: { action: stop }").pressure.action, PressureAction::kStop);
  EXPECT_EQ(parse_good("pressure: { psi: 0 }").pressure.psi_ppb, 0U);
  EXPECT_EQ(parse_good("pressure: { psi: 1 }").pressure.psi_ppb, 1'000'000'000U);
}

TEST(NativeSegment, ReadsEveryKey) {
  const Config config = parse_good(
      "segment: { path: /dev/shm/x/segment, mode: \"0640\", group: media, slots: 4096,\n"
      "  processes: 1023 }\n");
  EXPECT_EQ(config.segment.path, "/dev/shm/x/segment");
  EXPECT_EQ(config.segment.mode, 0640U);
  EXPECT_EQ(config.segment.group, "media");
  EXPECT_EQ(config.segment.slots, 4'096U);
  EXPECT_EQ(config.segment.processes, 1'023U);
}

TEST(NativeSegment, ModesAreOctalText) {
  EXPECT_EQ(parse_good("segment: { mode: \"0600\" }").segment.mode, 0600U);
  EXPECT_EQ(parse_good("segment: { mode: '664' }").segment.mode, 0664U);
}

TEST(NativeMarks, TellWhereAKeyStands) {
  const Config config = parse_good("segment:\n  slots: 64\ntypes:\n  a: { cpu: 1, max: 2 }\n");
  EXPECT_EQ(config.marks.find("segment.slots").line, 2U);
  EXPECT_EQ(config.marks.find("segment.slots").col, 3U);
  EXPECT_EQ(config.marks.find("types.a.max").line, 4U);
  EXPECT_EQ(config.types[0].mark.line, 4U);
  EXPECT_EQ(config.types[0].mark.col, 3U);
  EXPECT_FALSE(config.marks.find("segment.processes").known());
}

}  // namespace
}  // namespace slotd::broker
