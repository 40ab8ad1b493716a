// Figures as people write them: cores, sizes, durations, ratios and counts, parsed and printed
// exactly.
//
// What: pure functions between text and integers, used by the broker's config, by slotctl's options
// and in every table, so that a figure reads the same wherever it stands. No floating point: 0.1 is
// 100 millicores, not 99 or 101.
// What not: no rule about which values make sense for a key; that is the caller's business.
// Thread-safety: everything is a function of its arguments. Blocking: nothing blocks. Crash:
// nothing is shared. Parsing never allocates and is constexpr; printing returns std::string, and
// the usual figures stay within its small buffer.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "slotd/unit_error.hpp"

namespace slotd::inline v0_1 {

/// A slot word keeps its cost in 20 bits of millicores; this is the largest cost that a job can
/// have.
inline constexpr std::uint32_t kMaxCoresMilli = (std::uint32_t{1} << 20) - 1;
/// A million cores: far above any host, and 4096 charges of it still fit 64 bits.
inline constexpr std::int64_t kMaxCoresMicro = 1'000'000'000'000;
/// 1 PiB. The sum over 4096 slots (2^62) fits a signed 64-bit figure, so no later addition can
/// overflow.
inline constexpr std::uint64_t kMaxBytes = std::uint64_t{1} << 50;
/// A year. As nanoseconds it fits 64 bits with room for additions to a clock.
inline constexpr std::uint64_t kMaxDurationMs = std::uint64_t{365} * 24 * 3600 * 1000;
inline constexpr std::uint32_t kRatioOne = 1'000'000'000;  ///< 1.0 in parts per billion
/// Limits are counts up to this; the value above it is free for "no limit".
inline constexpr std::uint32_t kMaxCount = std::numeric_limits<std::uint32_t>::max() - 1;

namespace units_detail {

__extension__ using Wide = unsigned __int128;

/// A decimal taken apart: `whole` and `fraction` / 10^`decimals`, and what follows the digits.
struct Decimal {
  std::uint64_t whole = 0;
  std::uint64_t fraction = 0;
  unsigned decimals = 0;
  std::string_view unit;
  UnitError error = UnitError::kNone;
};

/// More decimals than this do not fit 64 bits; the figures here need at most 12.
inline constexpr unsigned kMostDecimals = 18;

constexpr bool is_digit(char c) { return c >= '0' && c <= '9'; }
constexpr bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
constexpr char to_lower(char c) {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

constexpr bool equals_ignoring_case(std::string_view a, std::string_view b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (to_lower(a[i]) != to_lower(b[i])) return false;
  }
  return true;
}

constexpr bool is_not_finite(std::string_view text) {
  while (!text.empty() && (text[0] == '-' || text[0] == '+' || text[0] == '.'))
    text.remove_prefix(1);
  return equals_ignoring_case(text, "inf") || equals_ignoring_case(text, "nan") ||
         equals_ignoring_case(text, "infinity");
}

/// Why a text that does not start with a digit is no number.
constexpr UnitError judge_start(std::string_view text) {
  if (text.empty()) return UnitError::kEmpty;
  if (is_not_finite(text)) return UnitError::kNotFinite;
  const bool digit_follows = text.size() > 1 && (is_digit(text[1]) || text[1] == '.');
  if (text[0] == ' ' || text[0] == '\t') return UnitError::kSpace;
  if (text[0] == '-') return digit_follows ? UnitError::kNegative : UnitError::kNotANumber;
  if (text[0] == '+') return digit_follows ? UnitError::kLeadingPlus : UnitError::kNotANumber;
  if (text[0] == '.')
    return digit_follows && is_digit(text[1]) ? UnitError::kNoDigitBefore : UnitError::kNotANumber;
  return is_digit(text[0]) ? UnitError::kNone : UnitError::kNotANumber;
}

/// Why what follows the digits is neither nothing nor letters (a unit).
constexpr UnitError judge_rest(std::string_view rest) {
  if (rest.empty()) return UnitError::kNone;
  if (rest[0] == ' ' || rest[0] == '\t') return UnitError::kSpace;
  if ((rest[0] == '_' || rest[0] == ',') && rest.size() > 1 && is_digit(rest[1]))
    return UnitError::kSeparator;
  if (rest[0] == 'e' || rest[0] == 'E') {
    std::string_view power = rest.substr(1);
    if (!power.empty() && (power[0] == '-' || power[0] == '+')) power.remove_prefix(1);
    if (!power.empty() && is_digit(power[0])) return UnitError::kExponent;
  }
  for (const char c : rest) {
    if (!is_letter(c)) return is_letter(rest[0]) ? UnitError::kUnitUnknown : UnitError::kNotANumber;
  }
  return UnitError::kNone;
}

/// Reads `fraction` digits; zeros at the end are kept in the count, since 1.0000 has four decimals.
constexpr std::size_t read_fraction(std::string_view text, Decimal& out) {
  std::size_t at = 0;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    if (out.decimals == kMostDecimals) {
      out.error = UnitError::kTooManyDecimals;
    } else {
      out.fraction = out.fraction * 10 + static_cast<std::uint64_t>(text[at] - '0');
      ++out.decimals;
    }
  }
  return at;
}

constexpr bool has_other_base(std::string_view text) {
  if (text.size() < 2 || text[0] != '0') return false;
  if (text[1] == 'b') return text.size() > 2 && is_digit(text[2]);
  return text[1] == 'x' || text[1] == 'X' || text[1] == 'o' || text[1] == 'O';
}

constexpr Decimal take_apart(std::string_view text) {
  Decimal out;
  out.error = judge_start(text);
  if (out.error != UnitError::kNone) return out;
  if (has_other_base(text)) {
    out.error = UnitError::kOtherBase;
    return out;
  }
  std::size_t at = 0;
  bool overflow = false;
  for (; at < text.size() && is_digit(text[at]); ++at) {
    const auto digit = static_cast<std::uint64_t>(text[at] - '0');
    overflow = overflow || out.whole > (std::numeric_limits<std::uint64_t>::max() - digit) / 10;
    if (!overflow) out.whole = out.whole * 10 + digit;
  }
  const bool octal_looking = at > 1 && text[0] == '0';
  if (at < text.size() && text[at] == '.') {
    ++at;
    const std::size_t digits = read_fraction(text.substr(at), out);
    if (digits == 0) out.error = UnitError::kNoDigitAfter;
    at += digits;
  }
  out.unit = text.substr(at);
  const UnitError rest = judge_rest(out.unit);
  if (rest != UnitError::kNone) out.error = rest;
  if (out.error != UnitError::kNone) return out;
  if (octal_looking) out.error = UnitError::kLeadingZero;
  if (overflow) out.error = UnitError::kTooLarge;
  return out;
}

constexpr std::uint64_t power_of_ten(unsigned exponent) {
  std::uint64_t result = 1;
  for (unsigned i = 0; i < exponent; ++i) result *= 10;
  return result;
}

/// The decimal times `scale`, when that is whole and at most `most`.
constexpr UnitError multiply_exactly(const Decimal& decimal, std::uint64_t scale,
                                     std::uint64_t most, std::uint64_t& value) {
  const Wide whole = Wide{decimal.whole} * scale;
  const Wide fraction = Wide{decimal.fraction} * scale;
  const std::uint64_t divisor = power_of_ten(decimal.decimals);
  if (whole + fraction / divisor > most) return UnitError::kTooLarge;
  if (fraction % divisor != 0) return UnitError::kNotWhole;
  value = static_cast<std::uint64_t>(whole + fraction / divisor);
  return UnitError::kNone;
}

/// A figure without a unit, in units of 10^-`decimals`.
template <class T>
constexpr Parsed<T> parse_scaled(std::string_view text, Quantity quantity, unsigned decimals,
                                 std::uint64_t most) {
  Parsed<T> out;
  out.quantity = quantity;
  const Decimal decimal = take_apart(text);
  out.error = decimal.error;
  if (out.ok() && !decimal.unit.empty()) out.error = UnitError::kUnitNotWanted;
  if (out.ok() && decimal.decimals > decimals) out.error = UnitError::kTooManyDecimals;
  std::uint64_t value = 0;
  if (out.ok()) out.error = multiply_exactly(decimal, power_of_ten(decimals), most, value);
  if (out.ok()) out.value = static_cast<T>(value);
  return out;
}

struct Unit {
  std::string_view name;
  std::uint64_t scale;
};

inline constexpr std::array<Unit, 8> kByteUnits{{{"TiB", std::uint64_t{1} << 40},
                                                 {"TB", 1'000'000'000'000},
                                                 {"GiB", std::uint64_t{1} << 30},
                                                 {"GB", 1'000'000'000},
                                                 {"MiB", std::uint64_t{1} << 20},
                                                 {"MB", 1'000'000},
                                                 {"KiB", std::uint64_t{1} << 10},
                                                 {"kB", 1'000}}};
inline constexpr std::array<Unit, 4> kDurationUnits{
    {{"h", 3'600'000}, {"m", 60'000}, {"s", 1'000}, {"ms", 1}}};

/// The scale of a unit, 0 with `error` set when there is none of that name.
template <std::size_t N>
constexpr std::uint64_t scale_of(std::string_view name, const std::array<Unit, N>& units,
                                 UnitError& error) {
  error = UnitError::kUnitUnknown;
  for (const Unit& unit : units) {
    if (unit.name == name) {
      error = UnitError::kNone;
      return unit.scale;
    }
    if (equals_ignoring_case(unit.name, name)) error = UnitError::kUnitCapitals;
  }
  return 0;
}

template <std::size_t N>
constexpr Parsed<std::uint64_t> parse_with_unit(std::string_view text, Quantity quantity,
                                                const std::array<Unit, N>& units,
                                                std::uint64_t most) {
  Parsed<std::uint64_t> out;
  out.quantity = quantity;
  const Decimal decimal = take_apart(text);
  out.error = decimal.error;
  if (!out.ok()) return out;
  std::uint64_t scale = 1;
  if (!decimal.unit.empty()) {
    scale = scale_of(decimal.unit, units, out.error);
  } else if (quantity == Quantity::kDuration) {
    out.error = UnitError::kUnitMissing;
  }
  std::uint64_t value = 0;
  if (out.ok()) out.error = multiply_exactly(decimal, scale, most, value);
  if (out.ok()) out.value = value;
  return out;
}

/// `value` / 10^`decimals` as the shortest exact decimal.
inline std::string format_scaled(std::int64_t value, unsigned decimals) {
  /// The magnitude is taken without negating, which the smallest value would not survive.
  const std::uint64_t magnitude =
      value < 0 ? ~static_cast<std::uint64_t>(value) + 1 : static_cast<std::uint64_t>(value);
  const std::uint64_t scale = power_of_ten(decimals);
  std::string text = value < 0 ? "-" : "";
  text += std::to_string(magnitude / scale);
  std::uint64_t fraction = magnitude % scale;
  if (fraction == 0) return text;
  std::string digits(decimals, '0');
  for (std::size_t i = digits.size(); i-- > 0; fraction /= 10)
    digits[i] = static_cast<char>('0' + fraction % 10);
  digits.resize(digits.find_last_not_of('0') + 1);
  return text + '.' + digits;
}

}  // namespace units_detail

/// The cost of a job in millicores: "4", "4.0", "0.5", "1.6". A fourth decimal is an error, and so
/// is more than 1048.575, the most that a slot word holds.
[[nodiscard]] constexpr Parsed<std::uint32_t> parse_cores_milli(std::string_view text) {
  return units_detail::parse_scaled<std::uint32_t>(text, Quantity::kCost, 3, kMaxCoresMilli);
}

/// A capacity or budget in microcores, with at most 6 decimals.
[[nodiscard]] constexpr Parsed<std::int64_t> parse_cores_micro(std::string_view text) {
  return units_detail::parse_scaled<std::int64_t>(text, Quantity::kCapacity, 6,
                                                  static_cast<std::uint64_t>(kMaxCoresMicro));
}

/// A fraction in parts per billion, exact: "0.8" is 800000000. Values above 1 are parsed (up
/// to 4.294967295); whether they are allowed is for the caller to say.
[[nodiscard]] constexpr Parsed<std::uint32_t> parse_ratio_ppb(std::string_view text) {
  return units_detail::parse_scaled<std::uint32_t>(text, Quantity::kRatio, 9,
                                                   std::numeric_limits<std::uint32_t>::max());
}

/// A size in bytes: "1073741824", "1GiB", "9GB", "1.5GiB". kB MB GB TB are powers of 1000, KiB MiB
/// GiB TiB of 1024. Decimals are allowed where the result is a whole number of bytes; at most 1
/// PiB.
[[nodiscard]] constexpr Parsed<std::uint64_t> parse_bytes(std::string_view text) {
  return units_detail::parse_with_unit(text, Quantity::kBytes, units_detail::kByteUnits, kMaxBytes);
}

/// A duration in milliseconds: "15s", "1.5s", "20ms", "1m", "2h". The unit is required; at most a
/// year.
[[nodiscard]] constexpr Parsed<std::uint64_t> parse_duration_ms(std::string_view text) {
  return units_detail::parse_with_unit(text, Quantity::kDuration, units_detail::kDurationUnits,
                                       kMaxDurationMs);
}

/// Decimal seconds, as options such as -w take them, in milliseconds: "5", "0.25". No unit, at most
/// 3 decimals.
[[nodiscard]] constexpr Parsed<std::uint64_t> parse_seconds_ms(std::string_view text) {
  return units_detail::parse_scaled<std::uint64_t>(text, Quantity::kSeconds, 3, kMaxDurationMs);
}

/// A whole number up to `most`: limits, weights, ticks.
[[nodiscard]] constexpr Parsed<std::uint32_t> parse_count(std::string_view text,
                                                          std::uint32_t most = kMaxCount) {
  return units_detail::parse_scaled<std::uint32_t>(text, Quantity::kCount, 0, most);
}

/// 2000 -> "2", 500 -> "0.5", -800 -> "-0.8".
[[nodiscard]] inline std::string format_cores_milli(std::int64_t milli) {
  return units_detail::format_scaled(milli, 3);
}

/// 9600000 -> "9.6", -800000 -> "-0.8".
[[nodiscard]] inline std::string format_cores_micro(std::int64_t micro) {
  return units_detail::format_scaled(micro, 6);
}

/// 800000000 -> "0.8".
[[nodiscard]] inline std::string format_ratio_ppb(std::uint32_t ppb) {
  return units_detail::format_scaled(ppb, 9);
}

/// The shortest exact form that parse_bytes reads back: 1073741824 -> "1GiB", 9000000000 -> "9GB",
/// 1500 -> "1500".
[[nodiscard]] inline std::string format_bytes(std::uint64_t bytes) {
  for (const units_detail::Unit& unit : units_detail::kByteUnits) {
    if (bytes != 0 && bytes % unit.scale == 0)
      return std::to_string(bytes / unit.scale).append(unit.name);
  }
  return std::to_string(bytes);
}

/// For eyes alone, one decimal, rounded down, powers of 1024: 1610612736 -> "1.5GiB", 1023 ->
/// "1023B".
[[nodiscard]] inline std::string format_bytes_human(std::uint64_t bytes) {
  for (std::size_t i = 0; i < units_detail::kByteUnits.size();
       i += 2) {  ///< every other one is binary
    const units_detail::Unit& unit = units_detail::kByteUnits[i];
    if (bytes < unit.scale) continue;
    const std::uint64_t tenth =
        static_cast<std::uint64_t>(units_detail::Wide{bytes % unit.scale} * 10 / unit.scale);
    std::string text = std::to_string(bytes / unit.scale);
    if (tenth != 0) text.append({'.', static_cast<char>('0' + tenth)});
    return text.append(unit.name);
  }
  return std::to_string(bytes) + 'B';
}

/// The shortest exact form that parse_duration_ms reads back: 15000 -> "15s", 20 -> "20ms", 90000
/// -> "90s".
[[nodiscard]] inline std::string format_duration_ms(std::uint64_t duration_ms) {
  for (const units_detail::Unit& unit : units_detail::kDurationUnits) {
    if (duration_ms != 0 && duration_ms % unit.scale == 0) {
      return std::to_string(duration_ms / unit.scale).append(unit.name);
    }
  }
  return "0s";
}

/// Decimal seconds: 12500 -> "12.5".
[[nodiscard]] inline std::string format_seconds_ms(std::int64_t duration_ms) {
  return units_detail::format_scaled(duration_ms, 3);
}

/// The CPU that admissions may promise: capacity x utilisation, rounded down to a whole microcore.
/// Preconditions: capacity_micro in 0..kMaxCoresMicro, which with a 32-bit ratio cannot leave 64
/// bits.
[[nodiscard]] constexpr std::int64_t budget_micro(std::int64_t capacity_micro,
                                                  std::uint32_t utilization_ppb) {
  return static_cast<std::int64_t>(units_detail::Wide(static_cast<std::uint64_t>(capacity_micro)) *
                                   utilization_ppb / kRatioOne);
}

}  // namespace slotd::inline v0_1
