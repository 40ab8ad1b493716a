#include "broker/config/livekit.hpp"

#include <algorithm>
#include <array>
#include <optional>
#include <string>
#include <utility>

#include "broker/config/livekit_types.hpp"
#include "broker/config/native.hpp"

namespace slotd::broker {
namespace {

// A number as this form has it: a value that is not positive stands for the default.
struct LivekitNumber {
  std::string_view text;    // without the sign
  bool is_default = false;  // negative, so only its form matters
};

// No value at all is also the default; nothing is returned then or after a message.
std::optional<LivekitNumber> take_livekit_number(ReadContext& context, const Place& place) {
  if (is_absent(context, place)) return std::nullopt;
  const std::string* text = take_number(context, place);
  if (text == nullptr) return std::nullopt;
  if (text->size() > 1 && text->starts_with('-') && units_detail::is_digit((*text)[1])) {
    return LivekitNumber{std::string_view(*text).substr(1), true};
  }
  return LivekitNumber{*text, false};
}

// `parse` turns text into a figure; a figure above zero is stored.
template <class Parse, class Out>
void read_positive(ReadContext& context, const Place& place, Parse parse, Out& out) {
  const std::optional<LivekitNumber> number = take_livekit_number(context, place);
  if (!number) return;
  const auto parsed = parse(number->text);
  if (number->is_default && parsed.error == UnitError::kTooLarge) return;
  auto value = parsed.value;
  if (store(context, place, parsed, value) && !number->is_default && value > 0) out = value;
}

void read_utilization(ReadContext& context, const Place& place, std::uint32_t& ppb) {
  const std::optional<LivekitNumber> number = take_livekit_number(context, place);
  if (!number) return;
  const Parsed<std::uint32_t> parsed = parse_ratio_ppb(number->text);
  std::uint32_t value = 0;
  if (parsed.error == UnitError::kTooLarge || !store(context, place, parsed, value)) return;
  if (!number->is_default && value > 0 && value <= kRatioOne) ppb = value;
}

void read_gigabytes(ReadContext& context, const Place& place, Rounding rounding,
                    std::optional<std::uint64_t>& bytes) {
  read_positive(
      context, place, [rounding](std::string_view text) { return parse_gibibytes(text, rounding); },
      bytes);
}

// `unlimited`, or a count where one that is not positive is the default.
void read_concurrent(ReadContext& context, const Place& place, std::optional<std::uint32_t>& out) {
  if (is_word(context, place, "unlimited")) return out.reset();
  const std::optional<LivekitNumber> number = take_livekit_number(context, place);
  if (!number) return;
  const Parsed<std::uint32_t> parsed = parse_count(number->text);
  std::uint32_t value = 0;
  if (number->is_default && parsed.error == UnitError::kTooLarge) return;
  if (!store(context, place, parsed, value, ", or unlimited")) return;
  if (!number->is_default && value > 0) out = value;
}

void read_source(ReadContext& context, const Place& place, MemorySource& source) {
  if (is_absent(context, place)) return;
  const auto word = read_word(context, place, {"proc_rss", "cgroup"});
  if (word) source = *word == 0 ? MemorySource::kRss : MemorySource::kCgroup;
}

constexpr std::array<std::string_view, 6> kConcurrentKeys{
    "max_concurrent_room_composite",  "max_concurrent_web_egress", "max_concurrent_participant",
    "max_concurrent_track_composite", "max_concurrent_track",      "max_concurrent_web"};

// The keys may stand in the block or beside it; in both, nobody could say which one holds.
std::vector<Field> make_concurrent_fields(ReadContext& context, LivekitCosts& costs) {
  const std::array<std::optional<std::uint32_t>*, 6> targets{
      &costs.max_room_composite,  &costs.max_web,   &costs.max_participant,
      &costs.max_track_composite, &costs.max_track, &costs.max_web_group};
  std::vector<Field> fields;
  for (std::size_t i = 0; i < targets.size(); ++i) {
    const std::string_view key = kConcurrentKeys[i];
    fields.push_back(
        {key, [&context, key, target = targets[i]](const Place& at) {
           const SourceMark inside = context.marks.find("cpu_cost." + std::string(key));
           const SourceMark outside = context.marks.find(key);
           if (inside.known() && outside.known()) {
             const bool second_inside = at.path != key;
             const SourceMark first = second_inside ? outside : inside;
             context.diagnostics.error(second_inside ? inside : outside,
                                       std::string(key) + " stands both in cpu_cost and beside it",
                                       "the other one is in line " + std::to_string(first.line));
             return;
           }
           read_concurrent(context, at, *target);
         }});
  }
  return fields;
}

void read_cpu_cost(ReadContext& context, const Place& place, LivekitCosts& costs) {
  if (is_absent(context, place)) return;
  std::vector<Field> fields = make_concurrent_fields(context, costs);
  const auto add_cost = [&](std::string_view key, auto& milli) {
    fields.push_back({key, [&context, &milli](const Place& at) {
                        read_positive(context, at, parse_cores_milli, milli);
                      }});
  };
  const auto add = [&](std::string_view key, auto read) { fields.push_back({key, read}); };
  add("max_cpu_utilization",
      [&](const Place& at) { read_utilization(context, at, costs.utilization_ppb); });
  add("max_memory",
      [&](const Place& at) { read_gigabytes(context, at, Rounding::kDown, costs.max_memory); });
  add("memory_cost",
      [&](const Place& at) { read_gigabytes(context, at, Rounding::kUp, costs.memory_cost); });
  add("sdk_audio_room_composite_memory_cost", [&](const Place& at) {
    read_gigabytes(context, at, Rounding::kUp, costs.sdk_audio_memory_cost);
  });
  add("max_pulse_clients", [&](const Place& at) {
    read_positive(
        context, at, [](std::string_view text) { return parse_count(text); },
        costs.max_pulse_clients);
  });
  add("memory_source", [&](const Place& at) { read_source(context, at, costs.memory_source); });
  add("memory_kill_grace_sec", [&](const Place& at) {
    read_positive(context, at, parse_seconds_ms, costs.memory_kill_grace_ms);
  });
  add("cpu_kill_grace_sec", [&](const Place& at) {
    read_positive(context, at, parse_seconds_ms, costs.cpu_kill_grace_ms);
  });
  add_cost("room_composite_cpu_cost", costs.room_composite_milli);
  add_cost("audio_room_composite_cpu_cost", costs.audio_room_composite_milli);
  add_cost("sdk_audio_room_composite_cpu_cost", costs.sdk_audio_room_composite_milli);
  add_cost("web_cpu_cost", costs.web_milli);
  add_cost("audio_web_cpu_cost", costs.audio_web_milli);
  add_cost("participant_cpu_cost", costs.participant_milli);
  add_cost("track_composite_cpu_cost", costs.track_composite_milli);
  add_cost("track_cpu_cost", costs.track_milli);
  read_map(context, place, fields, {"in cpu_cost", {}, {}});
}

// Keys of the file that are not slotd's. Two kinds of slips would go unseen among them.
void judge_foreign_key(ReadContext& context, const Draft& key) {
  const auto& sections = native_sections();
  if (std::find(sections.begin(), sections.end(), key.text) != sections.end()) {
    context.diagnostics.error(key.mark, quote_untrusted(key.text) + " cannot stand beside cpu_cost",
                              "move it under 'slotd:'");
    return;
  }
  if (key.text == "<<") {
    context.diagnostics.warning(key.mark, "what a merge key brings in is not seen",
                                "write out what concerns slotd");
    return;
  }
  std::vector<std::string_view> known{"cpu_cost", "slotd"};
  known.insert(known.end(), kConcurrentKeys.begin(), kConcurrentKeys.end());
  const std::string hint = make_nearest_hint(key.text, known);
  if (!hint.empty() && key.text.size() > 3) {
    context.diagnostics.warning(key.mark, "the key " + quote_untrusted(key.text) + " is ignored",
                                hint);
  }
}

}  // namespace

bool is_livekit_form(const Draft& file) {
  return std::any_of(file.keys.begin(), file.keys.end(), [](const Draft& key) {
    if (key.kind != DraftKind::kScalar) return false;
    return key.text == "cpu_cost" || key.text == "slotd" ||
           std::find(kConcurrentKeys.begin(), kConcurrentKeys.end(), key.text) !=
               kConcurrentKeys.end();
  });
}

bool is_livekit_key(std::string_view key) {
  constexpr std::array<std::string_view, 12> kKeys{
      "api_key",       "api_secret",    "ws_url",          "redis",      "health_port", "storage",
      "template_port", "template_base", "prometheus_port", "cluster_id", "log_level",   "logging"};
  return std::find(kKeys.begin(), kKeys.end(), key) != kKeys.end();
}

void read_livekit(ReadContext& context, const Draft& file, Config& config) {
  LivekitCosts costs;
  const Draft* own_sections = nullptr;
  std::vector<Field> fields = make_concurrent_fields(context, costs);
  fields.push_back({"cpu_cost", [&](const Place& at) { read_cpu_cost(context, at, costs); }});
  fields.push_back({"slotd", [&](const Place& at) {
                      if (is_absent(context, at) || !check_readable(context, at)) return;
                      if (at.node.is_map()) {
                        own_sections = &at.node;
                      } else {
                        context.diagnostics.error(at.node.mark, "slotd: expected native sections");
                      }
                    }});
  const std::string no_path;
  read_map(context, {file, no_path}, fields,
           {"at the top level", {}, [&](const Draft& key, const Draft&) {
              judge_foreign_key(context, key);
            }});
  apply_livekit(costs, context.marks, config);
  if (own_sections == nullptr) return;
  read_native(context, *own_sections, {"in slotd", {}, {}}, NativeMode::kExtend, config);
}

}  // namespace slotd::broker
