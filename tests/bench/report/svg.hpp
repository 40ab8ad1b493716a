// What all plots begin with: the ground, and the style of text and axes, on light and on dark.
// Needs no library: the plots of other programs begin so too.
#pragma once

#include <string>
#include <string_view>

#include "tests/bench/report/words.hpp"

namespace slotd::bench {

/// The common style sheet with a plot's own rules, a line each with two spaces before it; `dark`
/// has four.
inline std::string write_style(std::string_view light, std::string_view dark) {
  return std::string(R"(<style>
  .ground { fill: #ffffff }
  text { font: 13px sans-serif; fill: #1f2328 }
  .title { font-size: 16px; font-weight: bold }
  .axis { stroke: #59636e; stroke-width: 1; fill: none }
  .grid { stroke: #d1d9e0; stroke-width: 1 }
)")
      .append(light)
      .append(R"(  @media (prefers-color-scheme: dark) {
    .ground { fill: #0d1117 }
    text { fill: #e6edf3 }
    .axis { stroke: #8b949e }
    .grid { stroke: #30363d }
)")
      .append(dark)
      .append("  }\n</style>\n");
}

inline std::string escape(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c != '`')
      out += c;
  }
  return out;
}

/// Up to the ground. "</svg>" ends it.
inline std::string begin_svg(const std::string& title, int width, int height,
                             const std::string& style) {
  return format("<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %d\" role=\"img\">\n",
                width, height) +
         "<title>" + escape(title) + "</title>\n" + style +
         format("<rect class=\"ground\" width=\"%d\" height=\"%d\"/>\n", width, height);
}

}  // namespace slotd::bench
