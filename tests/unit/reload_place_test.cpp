// The place that a message about a native key names: in a file of the native form and in the
// `slotd:` section of an egress file.
#include <gtest/gtest.h>

#include <string>

#include "broker/config/parse_config.hpp"
#include "broker/reload.hpp"

namespace slotd::broker {
namespace {

constexpr const char* kFile = "egress.yaml";

/// What place_of() says of `key` in a file with this text.
std::string place_in(const std::string& text, const std::string& key) {
  const ConfigResult result = parse_config(text, kFile);
  if (!result.config) return format_diagnostics(result.diagnostics);
  Options options;
  options.config_path = kFile;
  return place_of(options, *result.config, key);
}

constexpr const char* kEgress =
    "api_key: x\n"
    "cpu_cost:\n"
    "  room_composite_cpu_cost: 3\n"
    "  max_concurrent_web: 4\n"
    "slotd:\n"
    "  segment: { slots: 9,\n"
    "    group: media }\n"
    "  types:\n"
    "    track:\n"
    "      max: 2\n"
    "  groups: { gpu: {\n"
    "    max: 1 } }\n";

TEST(ReloadPlace, NativeKeysOfAnEgressFileNameTheirLine) {
  EXPECT_EQ(place_in(kEgress, "segment.slots"), "egress.yaml:6");
  EXPECT_EQ(place_in(kEgress, "segment.group"), "egress.yaml:7");
  EXPECT_EQ(place_in(kEgress, "types.track"), "egress.yaml:9");
  EXPECT_EQ(place_in(kEgress, "types.track.max"), "egress.yaml:10");
  EXPECT_EQ(place_in(kEgress, "groups.gpu"), "egress.yaml:11");
  EXPECT_EQ(place_in(kEgress, "groups.gpu.max"), "egress.yaml:12");
}

/// The types and groups of the block itself have a key of LiveKit's, or the block.
TEST(ReloadPlace, TypesOfAnEgressFileNameTheLineThatBroughtThemIn) {
  EXPECT_EQ(place_in(kEgress, "types.room_composite"), "egress.yaml:3");
  EXPECT_EQ(place_in(kEgress, "types.participant"), "egress.yaml:2");
  EXPECT_EQ(place_in(kEgress, "groups.web"), "egress.yaml:4");
}

/// A reload may refuse what a key that was taken out has become.
TEST(ReloadPlace, AKeyThatIsNotThereNamesItsSection) {
  EXPECT_EQ(place_in(kEgress, "segment.processes"), "egress.yaml:6");
  EXPECT_EQ(place_in(kEgress, "types.track.cpu"), "egress.yaml:9");
  EXPECT_EQ(place_in(kEgress, "cpu.capacity"), "egress.yaml:5") << "no section: slotd itself";
  EXPECT_EQ(place_in("cpu_cost: {}\n", "segment.slots"), "egress.yaml");
  const std::string native = "cpu: { capacity: 8 }\nsegment: { slots: 9 }\n";
  EXPECT_EQ(place_in(native, "segment.slots"), "egress.yaml:2");
  EXPECT_EQ(place_in(native, "segment.processes"), "egress.yaml:2");
  EXPECT_EQ(place_in(native, "types.track"), "egress.yaml");
}

}  // namespace
}  // namespace slotd::broker
