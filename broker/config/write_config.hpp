// A Config as text, in the native form.
//
// What: every key is printed, defaults too, so that what is in force can be read in one place.
// parse_config reads the result back to an equal Config.
// Thread-safety: a function of its argument. Blocking: nothing. Crash: nothing is shared.
#pragma once

#include <string>

#include "broker/config/config.hpp"

namespace slotd::broker {

/// Precondition: a Config that parse_config could have made. Keys that mean "not given" when absent
/// (segment.path and segment.group while empty) are left out.
[[nodiscard]] std::string write_config(const Config& config);

}  // namespace slotd::broker
