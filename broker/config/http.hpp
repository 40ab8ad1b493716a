// The section `http:` of the native form. Strict like the others; see fields.hpp.
#pragma once

#include "broker/config/config.hpp"
#include "broker/config/fields.hpp"

namespace slotd::broker {

void read_http(ReadContext& context, const Place& place, HttpConfig& http);

}  // namespace slotd::broker
