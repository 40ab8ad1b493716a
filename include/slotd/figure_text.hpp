// Names and ages as everybody shows them. Pure; thread-safe; allocates.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace slotd::inline v0_1 {

/// Untrusted bytes as printable ASCII: every other byte is written \xNN.
inline std::string printable_text(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f) {
      text += c;
    } else {
      text.append("\\x").append({kDigits[byte >> 4], kDigits[byte & 15U]});
    }
  }
  return text;
}

/// How long something has lasted, for eyes: "12.5s" below a minute, then "3m20s", "2h05m", "4d03h".
inline std::string age_text(double seconds) {
  const auto tenths = static_cast<std::uint64_t>(seconds < 0 ? 0 : seconds * 10);
  const std::uint64_t whole = tenths / 10;
  const auto pair = [](std::uint64_t large, char large_unit, std::uint64_t small, char small_unit) {
    std::string text = std::to_string(large) + large_unit;
    if (small < 10) text += '0';
    return text + std::to_string(small) + small_unit;
  };
  constexpr std::uint64_t kMinute = 60;
  constexpr std::uint64_t kHour = 60 * kMinute;
  constexpr std::uint64_t kDay = 24 * kHour;
  if (whole < kMinute) return std::to_string(whole) + '.' + std::to_string(tenths % 10) + 's';
  if (whole < kHour) return pair(whole / kMinute, 'm', whole % kMinute, 's');
  if (whole < kDay) return pair(whole / kHour, 'h', whole % kHour / kMinute, 'm');
  return pair(whole / kDay, 'd', whole % kDay / kHour, 'h');
}

}  // namespace slotd::inline v0_1
