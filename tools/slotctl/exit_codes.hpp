// What slotctl's exit statuses mean, and the one place that turns an error into one. A contract:
// scripts branch on these numbers. The table is the only list of them: help prints it, and tests
// hold the man page and docs/slotctl.md against it. Pure; no I/O; thread-safe.
#pragma once

#include <array>
#include <string>
#include <string_view>

#include "slotd/error.hpp"

namespace slotd::ctl {

enum class ExitCode : int {
  kDone = 0,
  kNegative = 1,
  kUsage = 64,
  kCorrupt = 65,
  kUnavailable = 69,
  kInternal = 70,
  kRefused = 75,
  kMismatch = 76,
  kNoPermission = 77,
  kConfigInvalid = 78,
  kWrapperFailed = 125,
  kNotExecutable = 126,
  kNotFound = 127,
  kBySignal = 128,  ///< to which the number of the signal is added
};

struct ExitCodeRow {
  ExitCode code;
  std::string_view name;     ///< the enumerator in snake_case
  std::string_view meaning;  ///< a phrase for people, plain ASCII without markup
  bool is_of_run_alone;
};

/// By number. `run` gives its command's own status once that has started, whatever its number.
inline constexpr std::array<ExitCodeRow, 14> kExitCodeTable{{
    {ExitCode::kDone, "done", "yes, or done", false},
    {ExitCode::kNegative, "negative",
     "checked, and the answer is no: a stale, foreign or malformed token, a step that the slot's "
     "state does not allow, no such process, a check of doctor that failed",
     false},
    {ExitCode::kUsage, "usage", "the command line makes no sense", false},
    {ExitCode::kCorrupt, "corrupt", "the segment is corrupt", false},
    {ExitCode::kUnavailable, "unavailable",
     "there is no segment, or it is being made or replaced; or the broker is needed and down",
     false},
    {ExitCode::kInternal, "internal", "anything else that went wrong here", false},
    {ExitCode::kRefused, "refused",
     "refused, the time to wait is over, or the process table is full", false},
    {ExitCode::kMismatch, "mismatch", "the segment has another layout than this slotctl", false},
    {ExitCode::kNoPermission, "no_permission", "no permission; the text names the group to join",
     false},
    {ExitCode::kConfigInvalid, "config_invalid", "the configuration is invalid", false},
    {ExitCode::kWrapperFailed, "wrapper_failed",
     "the command was not started, for a reason that has no status of its own", true},
    {ExitCode::kNotExecutable, "not_executable", "the command cannot be executed", true},
    {ExitCode::kNotFound, "not_found", "there is no such command", true},
    {ExitCode::kBySignal, "by_signal", "the command was ended by signal N", true},
}};

constexpr int to_status(ExitCode code) noexcept { return static_cast<int>(code); }

/// The number as people read it: "75", "128+N".
inline std::string exit_code_label(ExitCode code) {
  return std::to_string(to_status(code)) + (code == ExitCode::kBySignal ? "+N" : "");
}

constexpr ExitCode exit_code_of(Errc code) noexcept {
  switch (code) {
    case Errc::kOk:
      return ExitCode::kDone;
    case Errc::kNoSegment:
    case Errc::kNotReady:
    case Errc::kRetired:
      return ExitCode::kUnavailable;
    case Errc::kPermissionDenied:
      return ExitCode::kNoPermission;
    case Errc::kLayoutMismatch:
      return ExitCode::kMismatch;
    case Errc::kCorrupt:
      return ExitCode::kCorrupt;
    case Errc::kStaleToken:
    case Errc::kForeignToken:
    case Errc::kMalformedToken:
    case Errc::kWrongState:
    case Errc::kNoSuchProcess:
      return ExitCode::kNegative;
    case Errc::kProcessTableFull:
      return ExitCode::kRefused;
    case Errc::kInvalidArgument:
      return ExitCode::kUsage;
    case Errc::kBusy:
    case Errc::kPresenceUnavailable:
    case Errc::kReadOnly:
    case Errc::kNotAttached:
    case Errc::kSystem:
      break;
  }
  return ExitCode::kInternal;
}

/// The status of `run` when the command was not started. Usage errors keep theirs: nothing was
/// tried yet.
constexpr ExitCode exit_code_before_start(ExitCode code) noexcept {
  switch (code) {
    case ExitCode::kUsage:
    case ExitCode::kUnavailable:
    case ExitCode::kRefused:
    case ExitCode::kNoPermission:
    case ExitCode::kNotExecutable:
    case ExitCode::kNotFound:
      return code;
    default:
      return ExitCode::kWrapperFailed;
  }
}

/// The status that stands for "ended by this signal", as shells write it.
constexpr int status_of_signal(int signal_number) noexcept {
  return to_status(ExitCode::kBySignal) + signal_number;
}

}  // namespace slotd::ctl
