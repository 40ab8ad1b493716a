#include "tests/bench/report/words.hpp"

#include <cmath>
#include <cstdio>

namespace slotd::bench {

namespace {

struct Unit {
  double ns;
  const char* name;
};

Unit unit_for(double ns) {
  if (ns < 1e3) return {1, "ns"};
  if (ns < 1e6) return {1e3, "µs"};
  if (ns < 1e9) return {1e6, "ms"};
  return {1e9, "s"};
}

}  // namespace

std::string format_figure(double value) {
  if (value == 0) return "0";
  const int digits = static_cast<int>(std::floor(std::log10(std::abs(value))));
  return format("%.*f", digits >= 2 ? 0 : 2 - (digits < 0 ? 0 : digits), value);
}

std::string format_time(double ns) {
  const Unit unit = unit_for(ns);
  return format_figure(ns / unit.ns) + " " + unit.name;
}

std::string format_times(const Spread& ns) {
  const Unit unit = unit_for(ns.median);
  return format_figure(ns.median / unit.ns) + " (" + format_figure(ns.min / unit.ns) + ".." +
         format_figure(ns.max / unit.ns) + ") " + unit.name;
}

std::string format_ratio(const Spread& ratio) {
  const std::string mark = ratio.median < 1 ? "**" : "";
  return mark + format_figure(ratio.median) + mark + " (" + format_figure(ratio.min) + ".." +
         format_figure(ratio.max) + ")";
}

std::string format_rate(double ns) {
  const double a_second = 1e9 / ns;
  if (a_second >= 1e6) return format_figure(a_second / 1e6) + " M";
  if (a_second >= 1e3) return format_figure(a_second / 1e3) + " k";
  return format_figure(a_second);
}

}  // namespace slotd::bench
