// The version of this slotd, for `--version`, the ledger's status and logs.
//
// Not for compatibility decisions: whether two builds may share a segment is decided by the layout
// number and fingerprint of layout.hpp alone. Constants only: thread-safe, never blocks.
#pragma once

namespace slotd::inline v0_1 {

// Same as VERSION of project() in CMakeLists.txt; configuring fails when the two differ.
inline constexpr char kVersion[] = "0.1.0";

}  // namespace slotd::inline v0_1
