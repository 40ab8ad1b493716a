// What was measured, as several verbs show it: whose figure it is, how old, and whether it may
// still be believed. Pure; thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "slotd/layout.hpp"
#include "slotd/snapshot.hpp"
#include "slotd/warnings.hpp"
#include "tools/slotctl/json.hpp"
#include "tools/slotctl/table.hpp"

namespace slotd::ctl {

/// "tree", "cgroup", "clock"; nullptr where nothing was measured.
const char* usage_source_name(UsageOrigin origin) noexcept;
/// "reserved", "measured", "reported".
const char* charge_source_name(ChargeOrigin origin) noexcept;

/// null where there is none.
Json source_json(UsageOrigin origin);
Json optional_cores_json(const std::optional<std::uint64_t>& micro);
Json optional_bytes_json(const std::optional<std::uint64_t>& bytes);
/// Seconds since the sample; null where there was none, or where this figure is of none.
Json sample_age_json(const BrokerSnapshot& broker, bool is_measured);

/// "-" where there is none.
std::string source_text(UsageOrigin origin);
std::string optional_cores_text(const std::optional<std::uint64_t>& micro);
std::string optional_bytes_text(const std::optional<std::uint64_t>& bytes);

/// A line that cannot be missed when the last sample says nothing about now; empty while it does.
std::string stale_line(const BrokerSnapshot& broker, const TableStyle& style);
/// How old the figures of a table are, as its last line, and the source that all of them have, if
/// it is one; where they are stale the same as stale_line().
std::string sample_line(const BrokerSnapshot& broker, UsageOrigin common, const TableStyle& style);

}  // namespace slotd::ctl
