// Why a broker has no segment. Values alone.
#pragma once

#include <string>

namespace slotd::broker {

// Of the contract.
inline constexpr int kExitCorrupt = 65;
inline constexpr int kExitNoSegment = 69;
inline constexpr int kExitInternal = 70;
inline constexpr int kExitLayout = 76;
inline constexpr int kExitPermission = 77;

/// Exit code of the contract (69 another broker, 70, 76, 77, ...) and text with the remedy.
struct OwnerFailure {
  int exit_code = kExitInternal;
  std::string message;
  bool lock_is_taken = false;  ///< another broker owns the path
  bool is_draining = false;    ///< a segment of another layout ends as asked for: to be tried again
};

}  // namespace slotd::broker
