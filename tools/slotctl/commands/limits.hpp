// `limits`, `limits set TYPE=N`, `limits reset [TYPE...]`: what limits each type and group, and the
// operator's own word on a type's. An override is one atomic word in the segment; effective at once
// and without the broker, and stronger than the configuration until it is reset: it survives
// reloads, restarts of the broker, and the type's absence from the configuration. A limit below
// what is held revokes nothing: the difference is debt, and nothing is admitted until it has
// drained. Formatting and parsing are pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "slotd/snapshot.hpp"
#include "tools/slotctl/console.hpp"
#include "tools/slotctl/json.hpp"

namespace slotd::ctl {

class CommandSet;

void add_limits(CommandSet& set);

/// "TYPE=N" or "TYPE=unlimited".
struct LimitSetting {
  std::string type;
  std::uint32_t limit = 0;  ///< kNoLimit for unlimited
};
/// Nothing when the text is neither; `problem` says why.
std::optional<LimitSetting> parse_limit_setting(std::string_view text, std::string& problem);

/// How much more is held than may be.
constexpr std::uint64_t limit_debt(std::uint64_t in_use, std::uint32_t limit) noexcept {
  return limit == kNoLimit || in_use <= limit ? 0 : in_use - limit;
}

Json limits_json(const Snapshot& snapshot);
Table limits_table(const Snapshot& snapshot, Charset charset);
/// The groups of `status` with their debt.
Table group_limits_table(const Snapshot& snapshot, Charset charset);
/// The types, and below them the groups. With chosen columns the types alone, or where `group` is
/// one of these the groups, and the types too where `type` is.
std::string limits_text(const Snapshot& snapshot, const TableStyle& style, Charset charset);

}  // namespace slotd::ctl
