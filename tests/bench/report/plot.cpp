#include "tests/bench/report/plot.hpp"

#include <algorithm>
#include <cmath>

#include "tests/bench/report/svg.hpp"
#include "tests/bench/report/words.hpp"

namespace slotd::bench {

namespace {

// c0 is slotd, c1 SysV; the others differ in colour and in dashes.
constexpr const char* kLight =
    R"(  .curve { fill: none; stroke-width: 1.8; stroke-linejoin: round }
  .c0 { stroke: #0550ae; fill: #0550ae } .c1 { stroke: #bc4c00; fill: #bc4c00 }
  .c2 { stroke: #1a7f37; fill: #1a7f37 } .c3 { stroke: #8250df; fill: #8250df }
  .c4 { stroke: #9a6700; fill: #9a6700 } .c5 { stroke: #bf3989; fill: #bf3989 }
  .c6 { stroke: #57606a; fill: #57606a } .c7 { stroke: #cf222e; fill: #cf222e }
  .curve.c0 { stroke-width: 3 }
  .curve.c2, .curve.c3 { stroke-dasharray: 7 4 } .curve.c4, .curve.c5 { stroke-dasharray: 2 3 }
  .curve.c6, .curve.c7 { stroke-dasharray: 9 3 2 3 }
  .curve { fill: none }
  text.name { stroke: none; font-weight: bold }
  .range { stroke: #1f2328; stroke-width: 1.5 }
)";
constexpr const char* kDark =
    R"(    .c0 { stroke: #79c0ff; fill: #79c0ff } .c1 { stroke: #ffa657; fill: #ffa657 }
    .c2 { stroke: #56d364; fill: #56d364 } .c3 { stroke: #d2a8ff; fill: #d2a8ff }
    .c4 { stroke: #e3b341; fill: #e3b341 } .c5 { stroke: #ff9bce; fill: #ff9bce }
    .c6 { stroke: #b1bac4; fill: #b1bac4 } .c7 { stroke: #ff7b72; fill: #ff7b72 }
    .curve { fill: none }
    .range { stroke: #e6edf3 }
)";

constexpr int kWidth = 920;

/// Whole powers of ten around the values, on a line from `low` to `high` pixels.
class LogScale {
 public:
  LogScale(double least, double greatest, double low, double high)
      : first_(static_cast<int>(std::floor(std::log10(least)))),
        last_(std::max(static_cast<int>(std::ceil(std::log10(greatest))), first_ + 1)),
        low_(low),
        high_(high) {}

  double at(double value) const {
    return low_ + (std::log10(value) - first_) / (last_ - first_) * (high_ - low_);
  }
  int first() const { return first_; }
  int last() const { return last_; }

 private:
  int first_;
  int last_;
  double low_;
  double high_;
};

/// "10.0 ms" as "10 ms": the figures of an axis are whole.
std::string drop_zeros(const std::string& text) {
  const std::size_t point = text.find('.');
  if (point == std::string::npos) return text;
  return text.substr(0, point) +
         text.substr(std::min(text.find_first_not_of('0', point + 1), text.size()));
}

std::string begin_plot(const std::string& title, int height) {
  return begin_svg(title, kWidth, height, write_style(kLight, kDark)) +
         "<text class=\"title\" x=\"24\" y=\"28\">" + escape(title) + "</text>\n";
}

std::string draw_line(const char* style, double x1, double y1, double x2, double y2) {
  return format("<line class=\"%s\" x1=\"%.1f\" y1=\"%.1f\" x2=\"%.1f\" y2=\"%.1f\"/>\n", style, x1,
                y1, x2, y2);
}

std::string draw_text(double x, double y, const char* attributes, const std::string& text) {
  return format("<text x=\"%.1f\" y=\"%.1f\" %s>", x, y, attributes) + escape(text) + "</text>\n";
}

struct Extent {
  double least = HUGE_VAL;
  double greatest = 0;

  void take(const Spread& spread) {
    least = std::min(least, spread.median);
    greatest = std::max(greatest, spread.median);
  }
};

// --- curves ---

constexpr int kCurvesHeight = 470;
constexpr double kTop = 50;
constexpr double kBottom = kCurvesHeight - 64;
constexpr double kLeft = 92;
constexpr double kRight = kWidth - 220;

double x_at(const CurvePlot& plot, std::size_t i) {
  const auto steps = static_cast<double>(std::max<std::size_t>(plot.x_labels.size() - 1, 1));
  return kLeft + 14 + static_cast<double>(i) / steps * (kRight - kLeft - 28);
}

std::string draw_curve_axes(const CurvePlot& plot, const LogScale& y) {
  std::string out;
  for (int power = y.first(); power <= y.last(); ++power) {
    const double value = std::pow(10, power);
    out += draw_line("grid", kLeft, y.at(value), kRight, y.at(value));
    out += draw_text(kLeft - 8, y.at(value) + 4, "text-anchor=\"end\"",
                     drop_zeros(plot.format_y(value)));
  }
  for (std::size_t i = 0; i < plot.x_labels.size(); ++i) {
    out += draw_line("axis", x_at(plot, i), kBottom, x_at(plot, i), kBottom + 5);
    out += draw_text(x_at(plot, i), kBottom + 20, "text-anchor=\"middle\"", plot.x_labels[i]);
  }
  out += draw_line("axis", kLeft, kTop, kLeft, kBottom);
  out += draw_line("axis", kLeft, kBottom, kRight, kBottom);
  out += draw_text((kLeft + kRight) / 2, kBottom + 44, "text-anchor=\"middle\"", plot.x_title);
  return out +
         format(
             "<text transform=\"translate(20 %.1f) rotate(-90)\" "
             "text-anchor=\"middle\">",
             (kTop + kBottom) / 2) +
         escape(plot.y_title) + "</text>\n";
}

/// Where the names stand: beside the curves' ends, but one below the other.
std::vector<double> place_names(const std::vector<double>& ends) {
  constexpr double kLine = 17;
  std::vector<std::size_t> order(ends.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](auto a, auto b) { return ends[a] < ends[b]; });
  std::vector<double> places(ends.size());
  double next = kTop;
  for (const std::size_t i : order) {
    places[i] = std::max(ends[i], next);
    next = places[i] + kLine;
  }
  // Those pushed below the plot go up again.
  double limit = kBottom;
  for (auto i = order.rbegin(); i != order.rend(); ++i) {
    places[*i] = std::min(places[*i], limit);
    limit = places[*i] - kLine;
  }
  return places;
}

// --- bars ---

constexpr double kBarsLeft = 306;
constexpr double kBarsRight = kWidth - 220;  // the longest label stands behind the longest bar
constexpr double kBarHeight = 15;
constexpr double kGroupGap = 14;

std::string draw_bar(const Bar& bar, const LogScale& x, double y, const BarPlot& plot) {
  const double end = x.at(bar.value.median);
  std::string out = format(
      "<rect class=\"%s\" stroke=\"none\" x=\"%.1f\" y=\"%.1f\" width=\"%.1f\" "
      "height=\"%.1f\"/>\n",
      bar.style.c_str(), kBarsLeft, y, std::max(end - kBarsLeft, 1.0), kBarHeight - 3);
  const double middle = y + (kBarHeight - 3) / 2;
  const double least = std::max(x.at(bar.value.min), kBarsLeft);
  const double greatest = std::min(x.at(bar.value.max), kBarsRight + 20);
  out += draw_line("range", least, middle, greatest, middle);
  return out +
         draw_text(std::max(end, greatest) + 6, y + kBarHeight - 4, "",
                   plot.format_x(bar.value.median) + (bar.label.empty() ? "" : "  " + bar.label));
}

double compute_bars_height(const BarPlot& plot) {
  double height = 0;
  for (const BarGroup& group : plot.groups)
    height += kBarHeight * static_cast<double>(group.bars.size()) + kGroupGap;
  return height;
}

}  // namespace

std::string draw_curves(const CurvePlot& plot) {
  Extent extent;
  for (const Curve& curve : plot.curves) {
    for (const auto& point : curve.points) {
      if (point) extent.take(*point);
    }
  }
  std::string out = begin_plot(plot.title, kCurvesHeight);
  if (extent.greatest <= 0) return out + "</svg>\n";
  const LogScale y(extent.least, extent.greatest, kBottom, kTop);
  out += draw_curve_axes(plot, y);
  std::vector<double> ends;
  for (const Curve& curve : plot.curves) {
    std::string points;
    std::string marks;
    double end = kTop;
    for (std::size_t i = 0; i < curve.points.size(); ++i) {
      if (!curve.points[i]) continue;
      end = y.at(curve.points[i]->median);
      points += format("%.1f,%.1f ", x_at(plot, i), end);
      marks += format("<circle class=\"%s\" cx=\"%.1f\" cy=\"%.1f\" r=\"%s\"/>\n",
                      curve.style.c_str(), x_at(plot, i), end, curve.style == "c0" ? "4" : "2.5");
    }
    out += "<polyline class=\"curve " + curve.style + "\" points=\"" + points + "\"/>\n" + marks;
    ends.push_back(end);
  }
  const std::vector<double> places = place_names(ends);
  for (std::size_t i = 0; i < plot.curves.size(); ++i) {
    const std::string style = "class=\"name " + plot.curves[i].style + "\"";
    out += draw_text(kRight + 8, places[i] + 4, style.c_str(), plot.curves[i].label);
  }
  return out + "</svg>\n";
}

std::string draw_bars(const BarPlot& plot) {
  Extent extent;
  for (const BarGroup& group : plot.groups) {
    for (const Bar& bar : group.bars) extent.take(bar.value);
  }
  const double bottom = kTop + compute_bars_height(plot);
  std::string out = begin_plot(plot.title, static_cast<int>(bottom) + 56);
  if (extent.greatest <= 0) return out + "</svg>\n";
  const LogScale x(extent.least * 0.9, extent.greatest, kBarsLeft, kBarsRight);
  for (int power = x.first(); power <= x.last(); ++power) {
    const double value = std::pow(10, power);
    out += draw_line("grid", x.at(value), kTop, x.at(value), bottom);
    out += draw_text(x.at(value), bottom + 18, "text-anchor=\"middle\"",
                     drop_zeros(plot.format_x(value)));
  }
  double top = kTop + kGroupGap / 2;
  for (const BarGroup& group : plot.groups) {
    const double height = kBarHeight * static_cast<double>(group.bars.size());
    out += draw_text(kBarsLeft - 10, top + height / 2 + 3, "text-anchor=\"end\"", group.label);
    for (std::size_t i = 0; i < group.bars.size(); ++i)
      out += draw_bar(group.bars[i], x, top + kBarHeight * static_cast<double>(i), plot);
    top += height + kGroupGap;
  }
  out += draw_line("axis", kBarsLeft, kTop, kBarsLeft, bottom);
  out +=
      draw_text((kBarsLeft + kBarsRight) / 2, bottom + 42, "text-anchor=\"middle\"", plot.x_title);
  return out + "</svg>\n";
}

}  // namespace slotd::bench
