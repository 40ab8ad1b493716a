// YAML text as a plain tree with a place on every node: the draft that the rest of this room
// checks.
//
// What: the only file pair that names yaml-cpp. Nothing is interpreted: a scalar keeps the
// characters that were written, maps keep their pairs in order, duplicates included, and anchors,
// aliases and tags are noted, never resolved.
// What not: no key is known here.
// Thread-safety: functions of their arguments. Blocking: nothing. Crash: nothing is shared. The
// text is untrusted: size, depth and number of nodes are bounded, and nothing is thrown.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/config/diagnostic.hpp"
#include "broker/config/source_mark.hpp"

namespace slotd::broker {

inline constexpr std::size_t kMaxDraftDepth = 32;
inline constexpr std::size_t kMaxDraftNodes = 65'536;

enum class DraftKind : std::uint8_t { kNull, kScalar, kList, kMap, kAlias };

struct Draft {
  DraftKind kind = DraftKind::kNull;
  SourceMark mark;           ///< of a null value: where it was expected, that is at its key
  std::string text;          ///< of a scalar, as written (quotes and escapes resolved)
  bool quoted = false;       ///< a scalar in quotes or a block scalar
  bool anchored = false;     ///< has an anchor (&name)
  bool tagged = false;       ///< has a tag (!name)
  std::vector<Draft> keys;   ///< of a map: keys[i] names items[i]
  std::vector<Draft> items;  ///< of a list or a map

  [[nodiscard]] bool is_map() const { return kind == DraftKind::kMap; }
  [[nodiscard]] bool is_null() const { return kind == DraftKind::kNull; }
};

/// The single document of the text, or nothing and at least one error in `diagnostics`. An empty
/// file is an error: it is nearly always one that was not written to its end.
[[nodiscard]] std::optional<Draft> parse_draft(Diagnostics& diagnostics);

}  // namespace slotd::broker
