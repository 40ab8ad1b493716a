// Why a text is no figure: the error of a parse, the words for it, and how such a figure is
// written.
//
// What: values and constant texts behind units.hpp.
// What not: nothing is parsed here.
// Thread-safety: functions of their arguments. Blocking: nothing blocks. Crash: nothing is shared.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace slotd::inline v0_1 {

/// What kind of figure was wanted; it decides the wording of messages.
enum class Quantity : std::uint8_t {
  kCost,
  kCapacity,
  kRatio,
  kBytes,
  kGibibytes,
  kDuration,
  kSeconds,
  kCount,
};

/// Why a text is no such figure. kNone means that it is one.
enum class UnitError : std::uint8_t {
  kNone,
  kEmpty,            ///< ""
  kNotANumber,       ///< "four", "1..2"
  kNegative,         ///< "-1"
  kLeadingPlus,      ///< "+1"
  kLeadingZero,      ///< "010": octal in YAML 1.1, decimal for people
  kOtherBase,        ///< "0x10", "0o10", "0b10"
  kExponent,         ///< "1e3"
  kNotFinite,        ///< "inf", ".nan"
  kSeparator,        ///< "1_000", "1,5"
  kSpace,            ///< "1 GiB"
  kNoDigitBefore,    ///< ".5"
  kNoDigitAfter,     ///< "1."
  kTooManyDecimals,  ///< "0.1234" cores
  kNotWhole,         ///< "0.0001kB", "1.5ms"
  kTooLarge,         ///< above what the figure can hold
  kUnitMissing,      ///< a duration "15"
  kUnitUnknown,      ///< "15 parsecs"
  kUnitCapitals,     ///< "1gib"
  kUnitNotWanted,    ///< cores "2m", seconds "5s"
  kCount,            ///< how many there are; no text has it
};

/// A parsed figure, or why there is none. `value` is zero when there is an error.
template <class T>
struct Parsed {
  T value{};
  UnitError error = UnitError::kNone;
  Quantity quantity = Quantity::kCount;

  [[nodiscard]] constexpr bool ok() const { return error == UnitError::kNone; }
  constexpr explicit operator bool() const { return ok(); }
};

namespace units_detail {

inline constexpr std::array<std::string_view, static_cast<std::size_t>(UnitError::kCount)>
    kMessages{"is fine",
              "is empty",
              "is not a number",
              "is negative",
              "starts with '+'",
              "starts with 0 and would be octal to some readers",
              "is not in base 10",
              "has an exponent",
              "is not a finite number",
              "has a separator between its digits",
              "has a space in it",
              "has no digit before the point",
              "has no digit after the point",
              "has too many decimals",
              "is not a whole number of the smallest unit",
              "is too large",
              "has no unit",
              "has an unknown unit",
              "has a unit with the wrong capitals",
              "has a unit where none belongs"};
static_assert(!kMessages.back().empty(), "every error has its message");

inline constexpr std::array<std::string_view, 8> kRemedies{
    "cores, at most 3 decimals, up to 1048.575: 4, 0.5 or 1.25",
    "cores, at most 6 decimals, up to 1000000: 32, 2.5 or 0.75",
    "a fraction with at most 9 decimals: 0.8",
    "bytes, or a number with kB MB GB TB (powers of 1000) or KiB MiB GiB TiB (powers of 1024), "
    "up to 1024TiB: 9GB or 1.5GiB",
    "a number without a unit, up to 1048576: 4 or 1.5",
    "a number with ms, s, m or h, whole in ms, up to 8760h: 15s, 1.5s or 20ms",
    "seconds without a unit, at most 3 decimals: 5 or 0.25",
    "a whole number up to 4294967294"};

}  // namespace units_detail

/// One clause that completes "'TEXT' ...", for example "is negative".
[[nodiscard]] constexpr std::string_view unit_error_message(UnitError error) {
  return units_detail::kMessages[static_cast<std::size_t>(error)];
}

/// How such a figure is written.
[[nodiscard]] constexpr std::string_view unit_remedy(Quantity quantity) {
  return units_detail::kRemedies[static_cast<std::size_t>(quantity)];
}

}  // namespace slotd::inline v0_1
