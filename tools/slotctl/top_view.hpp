// The screen of `top`: a snapshot, what the keys have set, and lines of events become a picture.
// Pure; thread-safe; allocates.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "slotd/snapshot_values.hpp"
#include "tools/slotctl/picture.hpp"
#include "tools/slotctl/text.hpp"
#include "tools/slotctl/top_state.hpp"

namespace slotd::ctl {

/// What is shown. Refers to values that outlive it.
struct TopModel {
  const Snapshot& snapshot;
  std::uint64_t drain = 0;  ///< the header's word
  std::string path{};       ///< of the segment; fit for a terminal
  std::string gone{};  ///< why there is no segment now, fit for a terminal; empty: there is one
  std::vector<std::string> events{};  ///< the latest last, fit for a terminal
  Charset charset = Charset::kAscii;
};

/// The slots that the filter lets through, in their order. A filter is looked for in type, key,
/// state, owner's name and pid; capitals make no difference.
std::vector<SlotSnapshot> pick_slots(const std::vector<SlotSnapshot>& slots, const TopState& state);

struct TopPicture {
  Picture picture;  ///< exactly as many lines as the screen has rows, none wider
  TopRows rows;     ///< of the slots
};
TopPicture lay_out_top(const TopModel& model, const TopState& state, ScreenSize size);

}  // namespace slotd::ctl
