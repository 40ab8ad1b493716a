#include "tests/bench/report/plots.hpp"

#include "tests/bench/report/plot.hpp"
#include "tests/bench/report/words.hpp"

namespace slotd::bench {

namespace {

std::string style_of(std::size_t rival) { return "c" + std::to_string(rival + 1); }

/// Pairs a second; what was the least time is the greatest rate.
Spread invert(const Spread& ns) { return {1e9 / ns.median, 1e9 / ns.max, 1e9 / ns.min}; }
Spread leave(const Spread& ns) { return ns; }

std::string format_a_second(double value) { return format_rate(1e9 / value); }

/// Where on the x axis a pair was measured.
struct Place {
  unsigned held;
  unsigned procs;
};

/// A curve of slotd and one of each rival that was measured anywhere.
void add_curves(CurvePlot& plot, const Document& document, const std::vector<Place>& places,
                Spread (*convert)(const Spread&)) {
  Curve ours{"slotd", "c0", {}};
  for (const Place& place : places) {
    const Row* row = document.find_pair("sysv", place.held, place.procs);
    ours.points.push_back(row == nullptr ? std::nullopt : std::optional(convert(row->slotd)));
  }
  plot.curves.push_back(ours);
  for (std::size_t i = 0; i < std::size(kRivals); ++i) {
    Curve curve{title_of(kRivals[i]), style_of(i), {}};
    bool is_there = false;
    for (const Place& place : places) {
      const Row* row = document.find_pair(kRivals[i], place.held, place.procs);
      is_there = is_there || row != nullptr;
      curve.points.push_back(row == nullptr ? std::nullopt : std::optional(convert(row->theirs)));
    }
    if (is_there) plot.curves.push_back(curve);
  }
}

std::string draw_pairs(const Document& document) {
  CurvePlot plot;
  plot.title = "Claim and release of one process, by slots that others hold";
  plot.y_title = "time of a pair";
  plot.x_title = "slots held by others";
  plot.format_y = format_time;
  std::vector<Place> places;
  for (const unsigned held : kHeldCounts) {
    plot.x_labels.push_back(std::to_string(held));
    places.push_back({held, 1});
  }
  add_curves(plot, document, places, leave);
  return draw_curves(plot);
}

std::string draw_crowd(const Document& document) {
  CurvePlot plot;
  plot.title =
      format("Processes that claim and release at once, %u slots held by others", kUsualHeld);
  plot.y_title = "pairs a second, all together";
  plot.x_title = "processes";
  plot.format_y = format_a_second;
  std::vector<Place> places;
  for (const unsigned procs : {1U, 2U, 8U, 64U}) {
    plot.x_labels.push_back(std::to_string(procs));
    places.push_back({kUsualHeld, procs});
  }
  add_curves(plot, document, places, invert);
  return draw_curves(plot);
}

std::string draw_waiters(const Document& document) {
  BarPlot plot;
  plot.title = "From a release, or a SIGKILL, to the waiter running";
  plot.x_title = "median of the runs' medians, the least and the greatest as a line";
  plot.format_x = format_time;
  for (const Row& row : document.rows) {
    if (row.name != "waiter" || row.rival != "sysv" || !row.is_measured()) continue;
    BarGroup group{row.what, {{"slotd", "c0", row.slotd}}};
    for (std::size_t i = 0; i < std::size(kRivals); ++i) {
      const Row* rival = document.find("waiter", row.what, kRivals[i], row.held, row.procs);
      if (rival != nullptr)
        group.bars.push_back({title_of(kRivals[i]), style_of(i), rival->theirs});
    }
    plot.groups.push_back(group);
  }
  return draw_bars(plot);
}

std::string draw_stopped(const Document& document) {
  BarPlot plot;
  plot.title = "The longest claim and release while another process is stopped for 20 ms";
  plot.x_title = "median of the runs, the least and the greatest as a line";
  plot.format_x = format_time;
  for (std::size_t i = 0; i < std::size(kRivals); ++i) {
    const Row* row = document.find("stopped_peer", "stopped", kRivals[i], kUsualHeld, 2);
    if (row == nullptr) continue;
    if (plot.groups.empty()) plot.groups.push_back({"slotd", {{"", "c0", row->slotd}}});
    plot.groups.push_back({title_of(kRivals[i]), {{"", style_of(i), row->theirs}}});
  }
  return draw_bars(plot);
}

}  // namespace

std::vector<NamedPlot> draw_plots(const Document& document) {
  return {{"bench-pair.svg", draw_pairs(document)},
          {"bench-crowd.svg", draw_crowd(document)},
          {"bench-waiter.svg", draw_waiters(document)},
          {"bench-stopped.svg", draw_stopped(document)}};
}

}  // namespace slotd::bench
