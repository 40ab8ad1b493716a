// `reload [--wait] [-w SEC]`: asks the broker to read its configuration anew, by a number in the
// segment that the broker answers there; there is no control socket. Needs permission to write.
// With --wait it polls for the answer; a segment that is replaced meanwhile is followed, and asked
// again. What the words hold is not believed further than it makes sense. Formatting and judging
// are pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "slotd/layout.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/json.hpp"

namespace slotd::ctl {

class CommandSet;

void add_reload(CommandSet& set);

/// What became of a request. The first four are the broker's words, as Header::reload_result has
/// them.
enum class ReloadEnd : std::uint8_t {
  kReloaded = static_cast<std::uint8_t>(ReloadResult::kReloaded),
  kInvalidFile = static_cast<std::uint8_t>(ReloadResult::kInvalidFile),
  kNeedsNewSegment = static_cast<std::uint8_t>(ReloadResult::kNeedsNewSegment),
  kRebuilding = static_cast<std::uint8_t>(ReloadResult::kRebuilding),
  kRequested,   ///< asked, and not waited for
  kBrokerDown,  ///< nobody to ask
  kTimedOut,
};

/// The broker's answer; nothing for a number that is none.
constexpr std::optional<ReloadEnd> read_reload_answer(std::uint64_t result) noexcept {
  if (result > static_cast<std::uint64_t>(ReloadEnd::kRebuilding)) return std::nullopt;
  return static_cast<ReloadEnd>(result);
}

/// Does `acked` answer the request `number`, given that `requested` is the last one there is now?
/// Numbers wrap. One that nobody has asked for yet answers nothing.
constexpr bool is_answered(std::uint64_t number, std::uint64_t acked,
                           std::uint64_t requested) noexcept {
  return static_cast<std::int64_t>(acked - number) >= 0 &&
         static_cast<std::int64_t>(requested - acked) >= 0;
}

constexpr ExitCode exit_code_of(ReloadEnd end) noexcept {
  switch (end) {
    case ReloadEnd::kReloaded:
    case ReloadEnd::kRequested:
      return ExitCode::kDone;
    case ReloadEnd::kInvalidFile:
    case ReloadEnd::kNeedsNewSegment:
      return ExitCode::kConfigInvalid;
    case ReloadEnd::kBrokerDown:
      return ExitCode::kUnavailable;
    case ReloadEnd::kRebuilding:
    case ReloadEnd::kTimedOut:
      break;
  }
  return ExitCode::kRefused;
}

/// `broker_pid` 0: unknown.
Json reload_json(ReloadEnd end, std::uint64_t number, int broker_pid);
/// For people: what it means, and where the reasons are told.
std::string reload_text(ReloadEnd end, int broker_pid);

}  // namespace slotd::ctl
