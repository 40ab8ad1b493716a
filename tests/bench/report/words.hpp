// Figures as text.
#pragma once

#include <cstdio>
#include <string>

#include "tests/bench/figures.hpp"

namespace slotd::bench {

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[512];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

/// Three digits: "0.41", "35.2", "1240".
std::string format_figure(double value);
/// "35.2 ns", "1.24 µs"
std::string format_time(double ns);
/// "35.2 (34.9..36.0) ns"
std::string format_times(const Spread& ns);
/// "7.89 (7.80..8.01)"; below one in bold type: there slotd is slower.
std::string format_ratio(const Spread& ratio);
/// "12.4 M", "830 k": how often in a second
std::string format_rate(double ns);

}  // namespace slotd::bench
