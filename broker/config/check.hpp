// What can only be said of a config as a whole: names that refer to each other, table sizes, limits
// that can never hold.
//
// Thread-safety: a function of its arguments. Blocking: nothing. Crash: nothing is shared.
#pragma once

#include "broker/config/config.hpp"
#include "broker/config/fields.hpp"

namespace slotd::broker {

/// Reports what is wrong with `config`, at the places in `context.marks`.
void check_config(ReadContext& context, const Config& config);

}  // namespace slotd::broker
