// The LiveKit form: the config file of an egress service, read for what concerns admission.
//
// What: its `cpu_cost:` block with all keys and defaults, the max_concurrent_* keys in that block
// or beside it, and native sections under the one top-level key `slotd:`. Everything else in the
// file is somebody else's and not looked at.
// Thread-safety: functions of their arguments. Blocking: nothing. Crash: nothing is shared.
#pragma once

#include <string_view>

#include "broker/config/config.hpp"
#include "broker/config/fields.hpp"
#include "broker/config/yaml_draft.hpp"

namespace slotd::broker {

/// Has the file one of the keys that make it an egress file to slotd: cpu_cost, slotd, a
/// max_concurrent_*?
[[nodiscard]] bool is_livekit_form(const Draft& file);

/// Is this a top-level key by which an egress file is known, though it has none of those?
[[nodiscard]] bool is_livekit_key(std::string_view key);

/// Reads the file into `config`, whose types and groups are replaced.
void read_livekit(ReadContext& context, const Draft& file, Config& config);

}  // namespace slotd::broker
