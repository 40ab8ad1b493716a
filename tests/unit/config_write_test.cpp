// A config printed and read back, the packaged files, and stored inputs.
#include <gmock/gmock.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <random>
#include <set>
#include <sstream>
#include <string>

#include "broker/config/read_config.hpp"
#include "broker/config/write_config.hpp"
#include "broker/config/yaml_draft.hpp"
#include "config_support.hpp"

namespace slotd::broker {
namespace {

const std::string kSource = SLOTD_SOURCE_DIR;

std::string read_text(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  EXPECT_TRUE(file.good()) << path;
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void expect_round_trip(const Config& config) {
  const std::string text = write_config(config);
  const ConfigResult result = parse_config(text, "written.yaml");
  ASSERT_TRUE(result.config.has_value()) << text << format_diagnostics(result.diagnostics);
  EXPECT_EQ(*result.config, config) << text;
  EXPECT_EQ(write_config(*result.config), text);
}

TEST(WriteConfig, PrintsEveryKey) {
  Config config;
  config.segment.path = "/run/slotd/segment";
  config.segment.group = "slotd";
  EXPECT_EQ(write_config(config),
            "cpu:\n"
            "  capacity: auto\n"
            "  max_utilization: 0.8\n"
            "  hold: 15s\n"
            "  charge: max\n"
            "  idle_rule: true\n"
            "  sample_interval: 1s\n"
            "  affinity: consolidate\n"
            "memory:\n"
            "  max: 0\n"
            "  headroom: 1GiB\n"
            "  source: rss\n"
            "types:\n"
            "  room_composite: { max: 5, cpu: 4, memory: 0, min: 0, groups: { web: 1 } }\n"
            "  web: { max: 5, cpu: 4, memory: 0, min: 0, groups: { web: 1 } }\n"
            "  participant: { max: 3, cpu: 2, memory: 0, min: 0 }\n"
            "  track_composite: { max: 5, cpu: 1, memory: 0, min: 0 }\n"
            "  track: { max: 10, cpu: 0.5, memory: 0, min: 0 }\n"
            "groups:\n"
            "  web: { max: 18 }\n"
            "queue:\n"
            "  overtake_window: 1s\n"
            "  turn: 20ms\n"
            "pressure:\n"
            "  threshold: 0.95\n"
            "  ticks: 10\n"
            "  reset_ticks: 5\n"
            "  grace: 30s\n"
            "  action: notify\n"
            "  psi: 0\n"
            "  memory_grace: 0s\n"
            "  process_group: false\n"
            "segment:\n"
            "  path: \"/run/slotd/segment\"\n"
            "  mode: \"0660\"\n"
            "  group: slotd\n"
            "  slots: 1024\n"
            "  processes: 512\n"
            "http:\n"
            "  listen: " +
                std::string(kHasHttp ? "unix" : "off") + "\n");
}

TEST(WriteConfig, DefaultsAreReadBack) { expect_round_trip(Config{}); }

TEST(WriteConfig, ALivekitFileIsReadBackAsANativeOne) {
  expect_round_trip(
      parse_good("cpu_cost: { max_memory: 3.3, memory_cost: 0.1 }\n"
                 "max_concurrent_web: unlimited\n"));
}

TEST(WriteConfig, NamesThatYamlWouldTakeForOthersAreQuoted) {
  Config config;
  config.types.clear();
  for (const char* name : {"null", "Null", "true", "No", "y", "010", "1.5", "-", ".", "-x", ".inf",
                           "_a", "a.b-c", "0x1f"}) {
    TypeSpec type;
    type.name = name;
    type.groups = {{name, 3}};
    type.aliases = {std::string("alias.") + name};
    config.types.push_back(type);
    GroupSpec group;
    group.name = name;
    group.external = "/run/a \"quoted\" \\ #: path";
    config.groups.push_back(group);
  }
  expect_round_trip(config);
}

TEST(WriteConfig, AConfigWithoutGroupsIsReadBack) {
  Config config;
  config.groups.clear();
  for (TypeSpec& type : config.types) type.groups.clear();
  expect_round_trip(config);
}

class RandomConfig {
 public:
  explicit RandomConfig(std::uint32_t seed) : random_(seed) {}

  Config make() {
    Config config;
    config.cpu.capacity_mode = static_cast<CapacityMode>(below(3));
    if (config.cpu.capacity_mode == CapacityMode::kFixed) {
      config.cpu.capacity_micro = 1 + static_cast<std::int64_t>(below(1'000'000'000'000));
    }
    config.cpu.max_utilization_ppb = 1 + static_cast<std::uint32_t>(below(kRatioOne));
    config.cpu.hold_ms = below(kMaxDurationMs + 1);
    config.cpu.charge = static_cast<ChargePolicy>(below(3));
    config.cpu.idle_rule = below(2) == 0;
    config.cpu.sample_interval_ms = 10 + below(59'991);
    config.cpu.affinity = static_cast<AffinityPolicy>(below(2));
    config.memory = {below(kMaxBytes + 1), below(kMaxBytes + 1),
                     static_cast<MemorySource>(below(3))};
    config.queue = {1 + below(kMaxDurationMs), 1 + below(kMaxDurationMs)};
    config.pressure = {1 + static_cast<std::uint32_t>(below(kRatioOne)),
                       1 + small(1'000'000),
                       1 + small(1'000'000),
                       below(kMaxDurationMs + 1),
                       static_cast<PressureAction>(below(4)),
                       small(kRatioOne + 1),
                       below(kMaxDurationMs + 1),
                       below(2) == 0};
    config.segment.mode = 0600U | (small(8) & 6U) << 3U | (small(2) << 2U);
    config.segment.slots = 1 + small(4'096);
    config.segment.processes = 1 + small(1'023);
    if (below(2) == 0) config.segment.path = "/run/" + name(0);
    if (below(2) == 0) config.segment.group = name(0);
    make_groups(config);
    make_types(config);
    return config;
  }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }
  std::uint32_t small(std::uint32_t bound) { return static_cast<std::uint32_t>(below(bound)); }

  // Distinct for distinct numbers, of every allowed character and length.
  std::string name(std::size_t number) {
    constexpr std::string_view kLetters =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";
    std::string out;
    for (std::size_t n = below(50); n > 0; --n) out += kLetters[below(kLetters.size())];
    return out + "." + std::to_string(number);
  }

  std::optional<std::uint32_t> limit() {
    if (below(3) == 0) return std::nullopt;
    return small(kMaxCount) >> below(32);
  }

  void make_groups(Config& config) {
    config.groups.clear();
    for (std::size_t n = below(17); n > 0; --n) {
      GroupSpec group;
      group.name = name(n);
      group.max = limit();
      if (below(4) == 0) group.external = "/run/" + name(n);
      config.groups.push_back(group);
    }
  }

  void make_types(Config& config) {
    config.types.clear();
    std::uint32_t free_slots = config.segment.slots;
    for (std::size_t n = 1 + below(32); n > 0; --n) {
      TypeSpec type;
      type.name = name(n);
      type.cpu_milli = small(kMaxCoresMilli + 1);
      type.memory_bytes = below(kMaxBytes + 1);
      const bool variant = !config.types.empty() && below(4) == 0;
      if (variant && config.types[0].counts_as.empty()) {
        type.counts_as = config.types[0].name;
      } else {
        type.max = limit();
      }
      if (below(3) == 0) type.aliases.push_back("x" + name(100 + n));
      for (const GroupSpec& group : config.groups) {
        if (below(4) == 0) type.groups.push_back({group.name, 1 + small(65'535)});
      }
      // A minimum that no limit contradicts.
      const bool is_limited =
          std::any_of(type.groups.begin(), type.groups.end(), [&](const GroupWeight& member) {
            return config.find_group(member.group)->max.has_value();
          });
      if (type.counts_as.empty() && !type.max && !is_limited) {
        type.min = small(free_slots + 1);
        free_slots -= type.min;
      }
      config.types.push_back(type);
    }
  }

  std::mt19937_64 random_;
};

TEST(WriteConfig, RandomConfigsAreReadBack) {
  for (std::uint32_t seed = 0; seed < 300 && !testing::Test::HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    expect_round_trip(RandomConfig(seed).make());
  }
}

TEST(PackagedFile, IsTheDefaultsAndTheTwoThatThePackageSettles) {
  const ConfigResult result = read_config(kSource + "/systemd/slotd.yaml");
  ASSERT_TRUE(result.config.has_value()) << format_diagnostics(result.diagnostics);
  EXPECT_THAT(result.diagnostics, testing::IsEmpty());
  Config expected;
  expected.segment.path = "/run/slotd/segment";  // the service's runtime directory
  expected.segment.group = "slotd";              // the group that it creates
  EXPECT_EQ(*result.config, expected);
}

TEST(PackagedFile, NamesEveryKey) {
  const ConfigResult result = read_config(kSource + "/systemd/slotd.yaml");
  ASSERT_TRUE(result.config.has_value());
  for (const char* path : {"cpu.capacity",
                           "cpu.max_utilization",
                           "cpu.hold",
                           "cpu.charge",
                           "cpu.idle_rule",
                           "cpu.sample_interval",
                           "cpu.affinity",
                           "memory.max",
                           "memory.headroom",
                           "memory.source",
                           "types.track.max",
                           "types.track.cpu",
                           "types.track.memory",
                           "types.track.min",
                           "types.track.groups",
                           "types.track.aliases",
                           "groups.web.max",
                           "queue.overtake_window",
                           "queue.turn",
                           "pressure.threshold",
                           "pressure.ticks",
                           "pressure.reset_ticks",
                           "pressure.grace",
                           "pressure.action",
                           "pressure.psi",
                           "pressure.memory_grace",
                           "pressure.process_group",
                           "segment.path",
                           "segment.mode",
                           "segment.group",
                           "segment.slots",
                           "segment.processes"}) {
    EXPECT_TRUE(result.config->marks.find(path).known()) << path;
  }
  const std::string text = read_text(kSource + "/systemd/slotd.yaml");
  EXPECT_THAT(text, testing::HasSubstr("counts_as"));
  EXPECT_THAT(text, testing::HasSubstr("external"));
}

/// "section.key" of each section of plain keys.
std::set<std::string> keys_of_sections(const std::string& text) {
  const SourceText source("keys.yaml", text);
  Diagnostics diagnostics(source);
  const auto draft = parse_draft(diagnostics);
  std::set<std::string> keys;
  if (!draft) return keys;
  for (std::size_t i = 0; i < draft->keys.size(); ++i) {
    const std::string& section = draft->keys[i].text;
    if (section == "types" || section == "groups") continue;  // names of the operator's own
    for (const Draft& key : draft->items[i].keys) keys.insert(section + "." + key.text);
  }
  return keys;
}

// What is printed is complete: a random config survives the way through it (above).
TEST(PackagedFile, HasThePrintedKeysAndNoOthers) {
  const std::string text = read_text(kSource + "/systemd/slotd.yaml");
  const ConfigResult result = parse_config(text, "slotd.yaml");
  ASSERT_TRUE(result.config.has_value());
  EXPECT_GT(keys_of_sections(text).size(), 20U);
  EXPECT_EQ(keys_of_sections(text), keys_of_sections(write_config(*result.config)));
}

TEST(PackagedFile, TheLivekitExampleShowsTheDefaults) {
  const ConfigResult result = read_config(kSource + "/systemd/slotd-livekit-example.yaml");
  ASSERT_TRUE(result.config.has_value()) << format_diagnostics(result.diagnostics);
  EXPECT_THAT(result.diagnostics, testing::IsEmpty());
  Config expected = parse_good("cpu_cost: {}\n");
  expected.cpu.charge = ChargePolicy::kMeasured;
  expected.segment.path = "/run/slotd/segment";
  expected.segment.group = "slotd";
  EXPECT_EQ(*result.config, expected);
}

TEST(Corpus, EveryStoredInputGivesAnAnswer) {
  std::size_t count = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(kSource + "/tests/fuzz/corpus/config")) {
    const ConfigResult result = parse_config(read_text(entry.path()), "corpus.yaml");
    const bool errors = std::any_of(
        result.diagnostics.begin(), result.diagnostics.end(),
        [](const Diagnostic& diagnostic) { return diagnostic.severity == Severity::kError; });
    EXPECT_NE(errors, result.config.has_value()) << entry.path();
    EXPECT_EQ(entry.path().filename().string().starts_with("good"), result.config.has_value())
        << entry.path() << "\n"
        << format_diagnostics(result.diagnostics);
    if (result.config) expect_round_trip(*result.config);
    ++count;
  }
  EXPECT_GE(count, 10U);
}

TEST(Corpus, MutatedInputsGiveAnAnswer) {
  std::vector<std::string> seeds;
  for (const auto& entry :
       std::filesystem::directory_iterator(kSource + "/tests/fuzz/corpus/config")) {
    seeds.push_back(read_text(entry.path()));
  }
  std::mt19937 random(42);
  for (int i = 0; i < 1'500; ++i) {
    std::string text = seeds[random() % seeds.size()].substr(0, 4'096);
    for (int n = 0; n < 4 && !text.empty(); ++n) {
      constexpr std::string_view kBytes = "{}[]:,-#\n\"'&*!|>? 0x.~\t%@a";
      const std::size_t at = random() % text.size();
      switch (random() % 3) {
        case 0:
          text[at] = kBytes[random() % kBytes.size()];
          break;
        case 1:
          text.erase(at, random() % 8);
          break;
        default:
          text.insert(at, 1, kBytes[random() % kBytes.size()]);
      }
    }
    const ConfigResult result = parse_config(text, "mutated.yaml");
    ASSERT_EQ(result.config.has_value(),
              format_diagnostics(result.diagnostics).find(": error: ") == std::string::npos)
        << text;
    if (result.config) expect_round_trip(*result.config);
  }
}

}  // namespace
}  // namespace slotd::broker
