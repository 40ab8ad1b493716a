// The error that ends a verb: a code, which decides the exit status and the machine's name for it,
// and text for people. A refused claim is not one of these: see refusal.hpp. Values only;
// thread-safe.
#pragma once

#include <exception>
#include <string>
#include <utility>

#include "slotd/error.hpp"

namespace slotd::ctl {

class Failure : public std::exception {
 public:
  /// `detail` says what to do; where it is empty the code's own description is used.
  explicit Failure(Errc code, std::string detail = {})
      : code_(code), detail_(detail.empty() ? describe(code) : std::move(detail)) {}

  Errc code() const noexcept { return code_; }
  const char* what() const noexcept override { return detail_.c_str(); }

 private:
  Errc code_;
  std::string detail_;
};

/// The name of an error in JSON: the enumerator in snake_case.
constexpr const char* error_name(Errc code) noexcept {
  switch (code) {
    case Errc::kOk:
      return "ok";
    case Errc::kNotReady:
      return "not_ready";
    case Errc::kRetired:
      return "retired";
    case Errc::kProcessTableFull:
      return "process_table_full";
    case Errc::kBusy:
      return "busy";
    case Errc::kNoSegment:
      return "no_segment";
    case Errc::kPermissionDenied:
      return "permission_denied";
    case Errc::kLayoutMismatch:
      return "layout_mismatch";
    case Errc::kCorrupt:
      return "corrupt";
    case Errc::kPresenceUnavailable:
      return "presence_unavailable";
    case Errc::kReadOnly:
      return "read_only";
    case Errc::kStaleToken:
      return "stale_token";
    case Errc::kForeignToken:
      return "foreign_token";
    case Errc::kMalformedToken:
      return "malformed_token";
    case Errc::kWrongState:
      return "wrong_state";
    case Errc::kNoSuchProcess:
      return "no_such_process";
    case Errc::kNotAttached:
      return "not_attached";
    case Errc::kInvalidArgument:
      return "invalid_argument";
    case Errc::kSystem:
      return "system";
  }
  return "unknown";
}

}  // namespace slotd::ctl
