// JSON of the -J outputs: the tree is nlohmann's, the printing is slotctl's own, because its
// numbers have to be exact: cores are printed with the shortest digits that mean the same number
// and always as decimals (2.0, 9.6), never as 9.600000000001. Bytes that are no UTF-8 are replaced,
// so the output is always valid. Pure; thread-safe; allocates. Who builds documents includes
// <nlohmann/json.hpp> as well; to hand one on this header is enough.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "slotd/json_text.hpp"

namespace slotd::ctl {

/// Keeps the order in which fields were added: the documented one.
using Json = nlohmann::ordered_json;

/// {"schema": 1}, to be filled.
Json make_document();

/// Microcores as cores: 9600000 is 9.6.
Json cores_json(std::int64_t micro);
/// Millicores as cores: 500 is 0.5.
Json milli_cores_json(std::uint32_t milli);
/// Seconds, to the millisecond.
Json seconds_json(double seconds);
/// A limit; null for none.
Json limit_json(std::uint32_t limit);
/// A figure that is an integer where it is a whole one: 1, 0.5.
Json plain_number_json(double value);

/// One line without its end.
std::string print_json(const Json& value);

}  // namespace slotd::ctl
