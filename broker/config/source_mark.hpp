// A place in a config file.
//
// Thread-safety: a value. Blocking: nothing. Crash: nothing is shared.
#pragma once

#include <cstdint>

namespace slotd::broker {

/// Line and byte column, both 1-based; line 0 means that nobody wrote the value in a file. A place
/// is no part of what a config means, so all places compare equal and a Config can be compared as a
/// whole.
struct SourceMark {
  std::uint32_t line = 0;
  std::uint32_t col = 0;

  [[nodiscard]] bool known() const { return line != 0; }
  friend bool operator==(const SourceMark&, const SourceMark&) { return true; }
};

}  // namespace slotd::broker
