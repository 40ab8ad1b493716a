#include "tools/slotctl/top_state.hpp"

#include <algorithm>

namespace slotd::ctl {

namespace {

constexpr std::size_t kLongestFilter = 64;

std::size_t last_first(TopRows rows) { return rows.all > rows.shown ? rows.all - rows.shown : 0; }

/// Everything but what ends a character: the lead byte goes last.
void drop_character(std::string& text) {
  while (!text.empty() && (static_cast<unsigned char>(text.back()) & 0xc0U) == 0x80U)
    text.pop_back();
  if (!text.empty()) text.pop_back();
}

void type_key(TopState& state, const Key& key) {
  switch (key.kind) {
    case Key::Kind::kText:
      if (state.draft.size() < kLongestFilter) state.draft += key.text;
      break;
    case Key::Kind::kBackspace:
      drop_character(state.draft);
      break;
    case Key::Kind::kEnter:
      state.filter = state.draft;
      state.is_typing = false;
      state.first = 0;
      break;
    case Key::Kind::kEscape:
      state.is_typing = false;
      break;
    default:
      break;
  }
}

void scroll(TopState& state, Key::Kind kind, TopRows rows) {
  const std::size_t last = last_first(rows);
  const std::size_t page = std::max<std::size_t>(1, rows.shown);
  switch (kind) {
    case Key::Kind::kUp:
      state.first -= state.first > 0 ? 1 : 0;
      break;
    case Key::Kind::kDown:
      state.first += 1;
      break;
    case Key::Kind::kPageUp:
      state.first -= std::min(state.first, page);
      break;
    case Key::Kind::kPageDown:
      state.first += page;
      break;
    case Key::Kind::kHome:
      state.first = 0;
      break;
    case Key::Kind::kEnd:
      state.first = last;
      break;
    case Key::Kind::kEscape:
      state.filter.clear();
      state.has_help = false;
      break;
    default:
      break;
  }
  state.first = std::min(state.first, last);
}

void sort_by(TopState& state, SortBy sort) {
  state.is_reversed = state.sort == sort && !state.is_reversed;
  state.sort = sort;
  state.first = 0;
}

void next_sort(TopState& state, std::size_t step) {
  const std::size_t next = (static_cast<std::size_t>(state.sort) + step) % kSorts;
  state.sort = static_cast<SortBy>(next);
  state.is_reversed = false;
  state.first = 0;
}

void press_sort(TopState& state, char c) {
  switch (c) {
    case 's':
      return sort_by(state, SortBy::kSlot);
    case 't':
      return sort_by(state, SortBy::kType);
    case 'a':
      return sort_by(state, SortBy::kAge);
    case 'c':
      return sort_by(state, SortBy::kCpu);
    case 'u':
      return sort_by(state, SortBy::kUsed);
    case 'g':
      return sort_by(state, SortBy::kCharge);
    case 'p':
      return sort_by(state, SortBy::kPid);
    case 'k':
      return sort_by(state, SortBy::kKey);
    case '>':
      return next_sort(state, 1);
    case '<':
      return next_sort(state, kSorts - 1);
    case 'r':
      state.is_reversed = !state.is_reversed;
      state.first = 0;
      return;
    default:
      return;
  }
}

void press_text(TopState& state, char c) {
  switch (c) {
    case 'q':
      state.is_over = true;
      break;
    case '/':
      state.is_typing = true;
      state.draft = state.filter;
      break;
    case 'w':
      state.has_waiters = !state.has_waiters;
      break;
    case 'e':
      state.has_events = !state.has_events;
      break;
    case 'h':
    case '?':
      state.has_help = !state.has_help;
      break;
    case ' ':
      state.is_paused = !state.is_paused;
      break;
    default:
      press_sort(state, c);
  }
}

}  // namespace

const char* sort_name(SortBy sort) noexcept {
  switch (sort) {
    case SortBy::kSlot:
      return "slot";
    case SortBy::kType:
      return "type";
    case SortBy::kAge:
      return "age";
    case SortBy::kCpu:
      return "cpu";
    case SortBy::kUsed:
      return "used";
    case SortBy::kCharge:
      return "charge";
    case SortBy::kPid:
      return "pid";
    case SortBy::kKey:
      return "key";
  }
  return "slot";
}

bool is_largest_first(SortBy sort) noexcept {
  return sort == SortBy::kAge || sort == SortBy::kCpu || sort == SortBy::kUsed ||
         sort == SortBy::kCharge;
}

TopState press_key(TopState state, const Key& key, TopRows rows) {
  if (state.is_typing) {
    type_key(state, key);
  } else if (key.kind == Key::Kind::kText) {
    if (key.text.size() == 1) press_text(state, key.text[0]);
  } else {
    scroll(state, key.kind, rows);
  }
  return state;
}

}  // namespace slotd::ctl
