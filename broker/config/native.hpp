// The native sections: cpu, memory, types, groups, queue, pressure, segment.
//
// Thread-safety: functions of their arguments. Blocking: nothing. Crash: nothing is shared.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "broker/config/config.hpp"
#include "broker/config/fields.hpp"

namespace slotd::broker {

/// What the types and groups of a file do to those that are already in the Config. kReplace: they
/// take their place; a file with types and no groups has no groups. kExtend: one that is there is
/// changed in the keys that the file gives, others are added.
enum class NativeMode : std::uint8_t { kReplace, kExtend };

/// The names of the sections, in the order of the documentation.
[[nodiscard]] const std::vector<std::string_view>& native_sections();

/// Reads a map whose keys are sections into `config`. Sections that are absent, or present without
/// a value, leave what is there. `rules` say where the map stands and what else its keys may be.
void read_native(ReadContext& context, const Draft& map, const MapRules& rules, NativeMode mode,
                 Config& config);

/// The two sections with names of the file's choice; see NativeMode. False when nothing could be
/// read.
bool read_types(ReadContext& context, const Place& place, NativeMode mode, Config& config);
bool read_groups(ReadContext& context, const Place& place, NativeMode mode, Config& config);

}  // namespace slotd::broker
