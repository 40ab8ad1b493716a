#include "tools/slotctl/text_width.hpp"

#include <wchar.h>

namespace slotd::ctl {

namespace {

struct Character {
  std::size_t bytes = 1;
  std::size_t width = 1;
};

/// A byte that is no character by itself counts as one column: nothing here is trusted to be UTF-8.
Character next_character(std::string_view text) {
  wchar_t wide = 0;
  mbstate_t state{};
  const std::size_t bytes = ::mbrtowc(&wide, text.data(), text.size(), &state);
  constexpr std::size_t kMostBytes = 8;
  if (bytes == 0 || bytes > kMostBytes) return {};
  const int width = ::wcwidth(wide);
  return {bytes, width < 0 ? 1 : static_cast<std::size_t>(width)};
}

}  // namespace

std::size_t display_width(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Character next = next_character(text);
    width += next.width;
    text.remove_prefix(next.bytes);
  }
  return width;
}

std::string cut_to_width(std::string_view text, std::size_t width) {
  std::size_t taken = 0;
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const Character next = next_character(text.substr(bytes));
    if (taken + next.width > width) break;
    taken += next.width;
    bytes += next.bytes;
  }
  return std::string(text.substr(0, bytes));
}

std::string fit_to_width(std::string_view text, std::size_t width, Align align) {
  std::string out = cut_to_width(text, width);
  const std::string fill(width - display_width(out), ' ');
  return align == Align::kRight ? fill + out : out + fill;
}

}  // namespace slotd::ctl
