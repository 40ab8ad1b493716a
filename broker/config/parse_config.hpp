// From the text of a config file to a Config, or to everything that is wrong with it.
//
// What: the one way in, used alike by --check-config, by start and by reload. Both forms are
// understood: the native sections, and a LiveKit egress file with a `cpu_cost:` block.
// What not: no file is opened (read_config.hpp does that) and nothing is compared with the machine.
// Thread-safety: a function of its arguments. Blocking: nothing. Crash: nothing is shared. The text
// is untrusted: its size and depth are bounded, and no input makes it throw.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/config.hpp"
#include "broker/config/diagnostic.hpp"

namespace slotd::broker {

inline constexpr std::size_t kMaxConfigBytes = std::size_t{1} << 20;

struct ConfigResult {
  std::optional<Config> config;         ///< there when no diagnostic is an error
  std::vector<Diagnostic> diagnostics;  ///< all of them, in the order of the file
};

/// `file_name` is only used in messages.
[[nodiscard]] ConfigResult parse_config(std::string_view text, std::string_view file_name);

}  // namespace slotd::broker
