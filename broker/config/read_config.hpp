// The config file from disk. The only file of this room that does I/O.
//
// Blocking: reads a regular file or a pipe to its end, so a pipe without a writer blocks; a reload
// should name a regular file.
// Thread-safety: no state. Crash: nothing is shared.
#pragma once

#include <string>

#include "broker/config/parse_config.hpp"

namespace slotd::broker {

/// Reads at most kMaxConfigBytes of `path` and parses them. A file that cannot be read is a
/// diagnostic without a place.
[[nodiscard]] ConfigResult read_config(const std::string& path);

}  // namespace slotd::broker
