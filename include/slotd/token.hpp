// A slot token: the right to a slot, as text for an environment variable. Pure.
//
//   v1-<segment id>-<slot>-<claim nonce>-<generation>      hexadecimal, lower case, no leading
//   zeros
//
// A token names one claim at one owner: bind and adopt make the old one stale. Holding the current
// token is the right: any process with write access may bind, adopt, activate, report, end or
// release with it.
#pragma once

#include <charconv>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>

#include "slotd/layout.hpp"

namespace slotd::inline v0_1 {

/// Name of the environment variable in which a token travels to a handler process.
inline constexpr const char* kTokenVariable = "SLOTD_TOKEN";

struct Token {
  std::uint64_t segment_id = 0;
  std::uint32_t slot = 0;
  std::uint64_t nonce = 0;
  std::uint32_t generation = 0;

  friend constexpr bool operator==(const Token&, const Token&) noexcept = default;
};

inline std::string format_token(const Token& token) {
  std::string text = "v1";
  const auto append = [&text](std::uint64_t value) {
    char digits[17];
    const auto end = std::to_chars(digits, digits + sizeof(digits), value, 16).ptr;
    text.append("-").append(digits, end);
  };
  append(token.segment_id);
  append(token.slot);
  append(token.nonce);
  append(token.generation);
  return text;
}

/// Nothing when the text is not exactly a token of version 1 with every field in range.
inline std::optional<Token> parse_token(std::string_view text) noexcept {
  if (text.substr(0, 3) != "v1-") return std::nullopt;
  text.remove_prefix(3);
  std::uint64_t fields[4] = {};
  for (int i = 0; i < 4; ++i) {
    const std::size_t length = i < 3 ? text.find('-') : text.size();
    if (length == std::string_view::npos || length == 0 || length > 16) return std::nullopt;
    for (const char c : text.substr(0, length)) {
      if (!((c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'))) return std::nullopt;
    }
    if (length > 1 && text[0] == '0') return std::nullopt;
    const auto parsed = std::from_chars(text.data(), text.data() + length, fields[i], 16);
    if (parsed.ec != std::errc{}) return std::nullopt;
    text.remove_prefix(i < 3 ? length + 1 : length);
  }
  if (fields[0] == 0 || fields[1] >= kMaxSlots || fields[2] == 0 || fields[3] > kGenerationMask)
    return std::nullopt;
  return Token{fields[0], static_cast<std::uint32_t>(fields[1]), fields[2],
               static_cast<std::uint32_t>(fields[3])};
}

}  // namespace slotd::inline v0_1
