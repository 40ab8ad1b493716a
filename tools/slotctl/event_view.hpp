// Events as slotctl shows them: a line for eyes, an object for programs, and which of them were
// asked for. Pure; thread-safe; allocates.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "slotd/events.hpp"
#include "tools/slotctl/json.hpp"
#include "tools/slotctl/text.hpp"

namespace slotd::ctl {

/// An event with what its indices and its clock mean.
struct ShownEvent {
  Event event;
  std::string type{};  ///< its name, untrusted bytes; empty: of none
  std::int64_t unix_ms = 0;
};

/// "claim", "hand_over", "broker_start", ...
const char* event_name(EventKind kind) noexcept;

/// Without "schema".
Json event_json(const ShownEvent& shown);
/// {"event":"gap","lost":3}: events that were overwritten before they were read.
Json gap_json(std::uint64_t lost);

/// "2026-11-25T16:53:10.123Z refusal      web: cpu, pid 812", without its end.
std::string event_text(const ShownEvent& shown, Charset charset);
std::string gap_text(std::uint64_t lost);

/// A duration back from now ("5m", "90s"), or a time of its own ("2026-11-25T16:53:10Z"), as
/// milliseconds since 1970. Nothing where the text is neither.
std::optional<std::int64_t> parse_since(std::string_view text, std::int64_t now_unix_ms);

}  // namespace slotd::ctl
