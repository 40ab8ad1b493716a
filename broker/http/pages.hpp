// What the broker's HTTP endpoint shows of a snapshot: a status page for eyes, and whether claims
// can be served. Its JSON is slotd/status_document.hpp. Pure; thread-safe; allocates. Names are
// untrusted bytes and are escaped for where they stand.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "slotd/snapshot_values.hpp"

namespace slotd::broker {

/// A page without scripts and without anything from elsewhere. `drain` is Header::drain.
std::string write_status_page(const Snapshot& snapshot, const std::string& path,
                              std::uint64_t drain);

/// Why no claim would be served now; empty when it would. `drain` likewise.
std::string unready_reason(const Snapshot& snapshot, std::uint64_t drain);

/// Text inside an element or an attribute in quotes.
std::string escape_html(std::string_view text);

}  // namespace slotd::broker
