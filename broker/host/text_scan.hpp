// Small steps through text of /proc and of cgroup files: lines, words, counts. Pure, for the
// parsers of this folder alone. What is not there is empty or nothing; nothing throws but
// std::bad_alloc.
#pragma once

#include <charconv>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>

namespace slotd::broker {

inline std::string_view trim(std::string_view text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}

/// Cuts off and returns what stands before the next `mark`; all of it when there is none.
inline std::string_view take_until(std::string_view& rest, char mark) {
  const std::size_t at = rest.find(mark);
  const std::string_view part = rest.substr(0, at);
  rest.remove_prefix(at == std::string_view::npos ? rest.size() : at + 1);
  return part;
}

/// Cuts off and returns the next word; blanks and tabs separate words, however many. Empty at the
/// end.
inline std::string_view take_word(std::string_view& rest) {
  const std::size_t first = rest.find_first_not_of(" \t");
  if (first == std::string_view::npos) {
    rest = {};
    return {};
  }
  rest.remove_prefix(first);
  const std::size_t end = rest.find_first_of(" \t");
  const std::string_view word = rest.substr(0, end);
  rest.remove_prefix(word.size());
  return word;
}

/// Digits alone, nothing else around them. A number too large for 64 bits is the largest one.
inline std::optional<std::uint64_t> parse_count(std::string_view text) {
  std::uint64_t value = 0;
  const auto result = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || result.ec == std::errc::invalid_argument ||
      result.ptr != text.data() + text.size()) {
    return std::nullopt;
  }
  return result.ec == std::errc{} ? value : std::numeric_limits<std::uint64_t>::max();
}

constexpr std::uint64_t add_saturating(std::uint64_t a, std::uint64_t b) {
  return a > std::numeric_limits<std::uint64_t>::max() - b
             ? std::numeric_limits<std::uint64_t>::max()
             : a + b;
}

constexpr std::uint64_t multiply_saturating(std::uint64_t a, std::uint64_t b) {
  return b != 0 && a > std::numeric_limits<std::uint64_t>::max() / b
             ? std::numeric_limits<std::uint64_t>::max()
             : a * b;
}

/// a * b / c, floored, without overflow on the way; the largest number where it does not fit or
/// where c is 0.
constexpr std::uint64_t scale_saturating(std::uint64_t a, std::uint64_t b, std::uint64_t c) {
  __extension__ using Wide = unsigned __int128;
  if (c == 0) return std::numeric_limits<std::uint64_t>::max();
  const Wide value = Wide{a} * b / c;
  return value > std::numeric_limits<std::uint64_t>::max()
             ? std::numeric_limits<std::uint64_t>::max()
             : static_cast<std::uint64_t>(value);
}

}  // namespace slotd::broker
