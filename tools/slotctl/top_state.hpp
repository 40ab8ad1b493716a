// What a key does to `top`: how it sorts, filters and scrolls. Pure; thread-safe; allocates.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace slotd::ctl {

struct Key {
  enum class Kind : std::uint8_t {
    kNone,
    kText,  ///< a character
    kUp,
    kDown,
    kPageUp,
    kPageDown,
    kHome,
    kEnd,
    kEnter,
    kEscape,
    kBackspace,
    kResize,
  };
  Kind kind = Kind::kNone;
  std::string text{};  ///< of kText: one character, in the encoding of the terminal
};

enum class SortBy : std::uint8_t { kSlot, kType, kAge, kCpu, kUsed, kCharge, kPid, kKey };
inline constexpr std::size_t kSorts = 8;

/// "charge"
const char* sort_name(SortBy sort) noexcept;
/// Large figures come first, names and numbers from the start.
bool is_largest_first(SortBy sort) noexcept;

struct TopState {
  SortBy sort = SortBy::kCharge;
  bool is_reversed = false;
  std::string filter{};    ///< empty: all slots
  bool is_typing = false;  ///< the filter is being typed
  std::string draft{};
  std::size_t first = 0;  ///< of the slots that are shown
  bool has_waiters = true;
  bool has_events = true;
  bool has_help = false;
  bool is_paused = false;
  bool is_over = false;
};

/// What the last picture had: for scrolling.
struct TopRows {
  std::size_t shown = 0;
  std::size_t all = 0;
};

TopState press_key(TopState state, const Key& key, TopRows rows);

}  // namespace slotd::ctl
