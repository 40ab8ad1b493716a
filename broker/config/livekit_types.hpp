// What a LiveKit egress service's figures mean in slotd's terms.
//
// Thread-safety: functions of values. Blocking: nothing. Crash: nothing is shared.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "broker/config/config.hpp"
#include "slotd/units.hpp"

namespace slotd::broker {

/// The figures of a `cpu_cost:` block with the service's own defaults. Limits: nothing stands for
/// `unlimited`. Costs: nothing stands for the value of the key that it falls back to.
struct LivekitCosts {
  std::uint32_t utilization_ppb = 800'000'000;
  std::uint32_t room_composite_milli = 4'000;
  std::uint32_t audio_room_composite_milli = 1'000;
  std::optional<std::uint32_t> sdk_audio_room_composite_milli;  ///< audio_room_composite_milli
  std::uint32_t web_milli = 4'000;
  std::uint32_t audio_web_milli = 1'000;
  std::uint32_t participant_milli = 2'000;
  std::uint32_t track_composite_milli = 1'000;
  std::uint32_t track_milli = 500;

  std::optional<std::uint64_t> max_memory;             ///< bytes; 0: memory is not looked at
  std::optional<std::uint64_t> memory_cost;            ///< bytes; 0
  std::optional<std::uint64_t> sdk_audio_memory_cost;  ///< bytes; memory_cost
  MemorySource memory_source = MemorySource::kRss;
  std::uint64_t cpu_kill_grace_ms = 30'000;
  std::uint64_t memory_kill_grace_ms = 0;

  std::uint32_t max_pulse_clients = 60;
  std::optional<std::uint32_t> max_room_composite = 5;
  std::optional<std::uint32_t> max_web = 5;
  std::optional<std::uint32_t> max_participant = 3;
  std::optional<std::uint32_t> max_track_composite = 5;
  std::optional<std::uint32_t> max_track = 10;
  std::optional<std::uint32_t> max_web_group = 18;  ///< room composite and web together
};

enum class Rounding : std::uint8_t { kDown, kUp };

/// A decimal number of what this form calls GB, which is 2^30 bytes. Limits are rounded down and
/// costs up, so that whole bytes never admit what the decimals would refuse.
[[nodiscard]] Parsed<std::uint64_t> parse_gibibytes(std::string_view text, Rounding rounding);

/// Writes types, groups, costs and limits into `config`; `marks` say where the figures came from.
void apply_livekit(const LivekitCosts& costs, const KeyMarks& marks, Config& config);

}  // namespace slotd::broker
