// Error codes of the slotd library, grouped by what a caller does next. A refusal is not an error:
// see admission.hpp. No I/O; thread-safe.
#pragma once

#include <cstdint>
#include <string>
#include <system_error>

namespace slotd::inline v0_1 {

enum class Errc {
  kOk = 0,
  // Try again soon.
  kNotReady,  ///< the segment is being made, or is of an earlier boot and waits for the broker
  kRetired,   ///< the segment was replaced: attach again
  kProcessTableFull,  ///< no free process entry
  kBusy,  ///< the entry aimed at is being freed or taken; the next try finds another state
  // Somebody has to do something.
  kNoSegment,            ///< no broker has made one here
  kPermissionDenied,     ///< the segment exists and the caller may not open it
  kLayoutMismatch,       ///< made by another layout: same release on both sides needed
  kCorrupt,              ///< the header contradicts itself or the file
  kPresenceUnavailable,  ///< no keeper thread or robust list: no proof of life can be held
  kReadOnly,             ///< the segment is mapped for reading only
  // The claim is over, or was never here.
  kStaleToken,      ///< the claim that the token names is over, or has another owner by now
  kForeignToken,    ///< the token is of another segment
  kMalformedToken,  ///< not a token
  kWrongState,      ///< the slot is not in a state in which this step makes sense
  kNoSuchProcess,   ///< no process has this pid, or it is dead
  // The caller's own state.
  kNotAttached,      ///< forked child's handle, or detached
  kInvalidArgument,  ///< key too long or with control characters, cost out of range, ...
  kSystem,           ///< an unexpected errno; the detail names it
};

inline const char* describe(Errc code) noexcept {
  switch (code) {
    case Errc::kOk:
      return "success";
    case Errc::kNotReady:
      return "segment not ready, try again";
    case Errc::kRetired:
      return "segment was replaced, attach again";
    case Errc::kProcessTableFull:
      return "process table full";
    case Errc::kBusy:
      return "process entry is changing, try again";
    case Errc::kNoSegment:
      return "no segment: is slotd running on this host?";
    case Errc::kPermissionDenied:
      return "no permission to open the segment";
    case Errc::kLayoutMismatch:
      return "segment has another layout than this program";
    case Errc::kCorrupt:
      return "segment is corrupt";
    case Errc::kPresenceUnavailable:
      return "cannot hold a proof of life (keeper thread or robust list refused)";
    case Errc::kReadOnly:
      return "segment is mapped read-only";
    case Errc::kStaleToken:
      return "stale token: that claim is over or has another owner";
    case Errc::kForeignToken:
      return "foreign token: it belongs to another segment";
    case Errc::kMalformedToken:
      return "not a slotd token";
    case Errc::kWrongState:
      return "the slot is not in a state that allows this step";
    case Errc::kNoSuchProcess:
      return "no such process";
    case Errc::kNotAttached:
      return "not attached (forked child or detached client)";
    case Errc::kInvalidArgument:
      return "invalid argument";
    case Errc::kSystem:
      return "system error";
  }
  return "unknown slotd error";
}

class ErrorCategory final : public std::error_category {
 public:
  const char* name() const noexcept override { return "slotd"; }
  std::string message(int value) const override { return describe(static_cast<Errc>(value)); }
};

inline const std::error_category& error_category() noexcept {
  static const ErrorCategory category;
  return category;
}

inline std::error_code make_error_code(Errc code) noexcept {
  return {static_cast<int>(code), error_category()};
}

/// Thrown by the throwing forms; what() carries the detail (both layouts, the group to join, the
/// errno).
class Error : public std::system_error {
 public:
  Error(std::error_code code, const std::string& detail) : std::system_error(code, detail) {}
};

}  // namespace slotd::inline v0_1

template <>
struct std::is_error_code_enum<slotd::Errc> : std::true_type {};
