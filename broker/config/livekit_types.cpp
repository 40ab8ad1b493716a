#include "broker/config/livekit_types.hpp"

#include <string>
#include <utility>

namespace slotd::broker {
namespace {

// Each Chrome job opens this many clients of the pulse server.
constexpr std::uint32_t kPulseClientsPerJob = 4;

// The types that run a Chrome: room composite and web, with or without video. They alone are web
// jobs and pulse clients. SDK audio room composite does without a browser, and so do participant
// and the track types.
std::vector<GroupWeight> make_chrome_groups() {
  return {{"web", 1}, {"pulse", kPulseClientsPerJob}};
}

SourceMark mark_of(const KeyMarks& marks, std::string_view key) {
  const SourceMark exact = marks.find("cpu_cost." + std::string(key));
  if (exact.known()) return exact;
  const SourceMark beside = marks.find(key);
  return beside.known() ? beside : marks.find("cpu_cost");
}

TypeSpec make_type(const KeyMarks& marks, std::string_view name, std::optional<std::uint32_t> max,
                   std::uint32_t cpu_milli, std::uint64_t memory_bytes) {
  TypeSpec type;
  type.name = name;
  type.max = max;
  type.cpu_milli = cpu_milli;
  type.memory_bytes = memory_bytes;
  type.mark = mark_of(marks, std::string(name) + "_cpu_cost");
  return type;
}

// One that has costs of its own and takes 1 of another type's limit.
TypeSpec make_variant(const KeyMarks& marks, std::string_view name, std::string_view base,
                      std::uint32_t cpu_milli, std::uint64_t memory_bytes) {
  TypeSpec type = make_type(marks, name, std::nullopt, cpu_milli, memory_bytes);
  type.counts_as = base;
  return type;
}

std::vector<TypeSpec> make_types(const LivekitCosts& costs, const KeyMarks& marks) {
  const std::uint64_t memory = costs.memory_cost.value_or(0);
  std::vector<TypeSpec> types;
  types.push_back(make_type(marks, "room_composite", costs.max_room_composite,
                            costs.room_composite_milli, memory));
  types.back().aliases = {"template"};
  types.back().groups = make_chrome_groups();
  types.push_back(make_type(marks, "web", costs.max_web, costs.web_milli, memory));
  types.back().groups = make_chrome_groups();
  types.push_back(
      make_type(marks, "participant", costs.max_participant, costs.participant_milli, memory));
  types.back().aliases = {"media"};
  types.push_back(make_type(marks, "track_composite", costs.max_track_composite,
                            costs.track_composite_milli, memory));
  types.push_back(make_type(marks, "track", costs.max_track, costs.track_milli, memory));
  types.push_back(make_variant(marks, "audio_room_composite", "room_composite",
                               costs.audio_room_composite_milli, memory));
  types.back().groups = make_chrome_groups();
  types.push_back(
      make_variant(marks, "sdk_audio_room_composite", "room_composite",
                   costs.sdk_audio_room_composite_milli.value_or(costs.audio_room_composite_milli),
                   costs.sdk_audio_memory_cost.value_or(memory)));
  types.push_back(make_variant(marks, "audio_web", "web", costs.audio_web_milli, memory));
  types.back().groups = make_chrome_groups();
  return types;
}

GroupSpec make_group(std::string_view name, std::optional<std::uint32_t> max, SourceMark mark) {
  GroupSpec group;
  group.name = name;
  group.max = max;
  group.mark = mark;
  return group;
}

}  // namespace

Parsed<std::uint64_t> parse_gibibytes(std::string_view text, Rounding rounding) {
  Parsed<std::uint64_t> out;
  out.quantity = Quantity::kGibibytes;
  const units_detail::Decimal decimal = units_detail::take_apart(text);
  out.error = decimal.error;
  if (out.ok() && !decimal.unit.empty()) out.error = UnitError::kUnitNotWanted;
  if (!out.ok()) return out;
  constexpr std::uint64_t kScale = std::uint64_t{1} << 30U;
  const units_detail::Wide divisor = units_detail::power_of_ten(decimal.decimals);
  const units_detail::Wide fraction = units_detail::Wide{decimal.fraction} * kScale;
  const units_detail::Wide extra = rounding == Rounding::kUp ? divisor - 1 : 0;
  const units_detail::Wide bytes =
      units_detail::Wide{decimal.whole} * kScale + (fraction + extra) / divisor;
  if (bytes > kMaxBytes) {
    out.error = UnitError::kTooLarge;
  } else {
    out.value = static_cast<std::uint64_t>(bytes);
  }
  return out;
}

void apply_livekit(const LivekitCosts& costs, const KeyMarks& marks, Config& config) {
  config.cpu.max_utilization_ppb = costs.utilization_ppb;
  config.memory.max_bytes = costs.max_memory.value_or(0);
  config.memory.source = costs.memory_source;
  config.pressure.grace_ms = costs.cpu_kill_grace_ms;
  config.pressure.memory_grace_ms = costs.memory_kill_grace_ms;
  config.types = make_types(costs, marks);
  config.groups = {
      make_group("web", costs.max_web_group, mark_of(marks, "max_concurrent_web")),
      make_group("pulse", costs.max_pulse_clients, mark_of(marks, "max_pulse_clients"))};
}

}  // namespace slotd::broker
