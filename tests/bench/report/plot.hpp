// Two kinds of plots as SVG, legible on light and on dark ground. Pure: figures in, text out.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/bench/figures.hpp"

namespace slotd::bench {

struct Curve {
  std::string label;
  std::string style;                          ///< one of kCurveStyles
  std::vector<std::optional<Spread>> points;  ///< one for each x; nothing: not measured
};

struct CurvePlot {
  std::string title;
  std::string y_title;
  std::string x_title;
  std::vector<std::string> x_labels;
  std::vector<Curve> curves;
  std::string (*format_y)(double value) = nullptr;
};

/// Curves over steps of equal width, y logarithmic, each curve named at its right end.
std::string draw_curves(const CurvePlot& plot);

struct Bar {
  std::string label;
  std::string style;
  Spread value;
};

struct BarGroup {
  std::string label;
  std::vector<Bar> bars;
};

struct BarPlot {
  std::string title;
  std::string x_title;
  std::vector<BarGroup> groups;
  std::string (*format_x)(double value) = nullptr;
};

/// Horizontal bars from the left edge, x logarithmic, with the least and the greatest as a line.
std::string draw_bars(const BarPlot& plot);

}  // namespace slotd::bench
