// Figures of the segment as tables show them. Pure; thread-safe.
#pragma once

#include <chrono>
#include <cstdint>
#include <limits>
#include <string>

#include "slotd/figure_text.hpp"
#include "slotd/layout.hpp"
#include "slotd/units.hpp"

namespace slotd::ctl {

/// Figures of a scribbled segment do not become negative by being read.
constexpr std::int64_t to_signed(std::uint64_t value) noexcept {
  constexpr auto kMost = std::numeric_limits<std::int64_t>::max();
  return value > static_cast<std::uint64_t>(kMost) ? kMost : static_cast<std::int64_t>(value);
}

inline std::string cores_text(std::uint64_t micro) { return format_cores_micro(to_signed(micro)); }

/// For eyes, to the nearest millicore: 1734211 is "1.734". -J has the exact figure.
inline std::string rounded_cores_text(std::int64_t micro) {
  const std::int64_t magnitude = micro < 0 ? -micro : micro;
  constexpr std::int64_t kMost = std::numeric_limits<std::int64_t>::max() - 500;
  const std::int64_t milli = ((magnitude > kMost ? kMost : magnitude) + 500) / 1000;
  return format_cores_micro((micro < 0 ? -milli : milli) * 1000);
}

inline std::string limit_text(std::uint32_t limit) {
  return limit == kNoLimit ? "-" : std::to_string(limit);
}

/// A point in time: "2026-11-25T16:53:10Z".
inline std::string utc_text(std::int64_t unix_s) {
  const std::chrono::sys_seconds at{std::chrono::seconds(unix_s)};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss time{at - day};
  const auto two = [](std::int64_t figure) {
    return (figure < 10 ? "0" : "") + std::to_string(figure);
  };
  return std::to_string(static_cast<int>(date.year())) + "-" +
         two(static_cast<unsigned>(date.month())) + "-" + two(static_cast<unsigned>(date.day())) +
         "T" + two(time.hours().count()) + ":" + two(time.minutes().count()) + ":" +
         two(time.seconds().count()) + "Z";
}

}  // namespace slotd::ctl
