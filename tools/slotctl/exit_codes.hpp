// What slotctl's exit statuses mean, and the one place that turns an error into one. A contract:
// scripts branch on these numbers. Pure; no I/O; thread-safe.
#pragma once

#include "slotd/error.hpp"

namespace slotd::ctl {

enum class ExitCode : int {
  kDone = 0,      ///< yes, or done
  kNegative = 1,  ///< checked, and the answer is no: stale or foreign token, no such process
  kUsage = 64,    ///< the command line makes no sense
  kCorrupt = 65,  ///< the segment contradicts itself
  kUnavailable =
      69,  ///< no segment, or one that is being made or replaced; or a broker is needed and down
  kInternal = 70,        ///< anything else that went wrong here
  kRefused = 75,         ///< not admitted now, or the time to wait is over
  kMismatch = 76,        ///< the segment has another layout
  kNoPermission = 77,    ///< the segment exists and may not be opened
  kConfigInvalid = 78,   ///< the configuration file has errors
  kWrapperFailed = 125,  ///< `run` alone, before the command started: any failure but 69, 75, 77
  kNotExecutable = 126,  ///< `run` alone: the command exists and cannot be executed
  kNotFound = 127,       ///< `run` alone: there is no such command
};

constexpr int to_status(ExitCode code) noexcept { return static_cast<int>(code); }

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
constexpr int status_of_signal(int signal_number) noexcept { return 128 + signal_number; }

}  // namespace slotd::ctl
