#include "tests/bench/livekit_trace/report.hpp"

#include <algorithm>

#include "tests/bench/report/svg.hpp"

namespace slotd::livekit_trace {

namespace {

using bench::format;

double cores(std::uint64_t micro) { return static_cast<double>(micro) / 1e6; }

struct Sum {
  Result total;
  std::uint64_t seconds = 0;
};

Sum add_up(const std::vector<SeedResults>& seeds, std::size_t policy) {
  Sum sum;
  for (const SeedResults& seed : seeds) {
    const Result& one = seed.results[policy];
    sum.seconds += one.demand_micro.size();
    sum.total.admitted += one.admitted;
    sum.total.refused += one.refused;
    sum.total.stopped += one.stopped;
    sum.total.job_seconds += one.job_seconds;
    sum.total.over_seconds += one.over_seconds;
    sum.total.over_micro += one.over_micro;
    sum.total.most_jobs = std::max(sum.total.most_jobs, one.most_jobs);
    sum.total.peak_micro = std::max(sum.total.peak_micro, one.peak_micro);
  }
  return sum;
}

constexpr std::uint32_t kStepS = 10;  ///< a point of the picture is the most of so many seconds
constexpr int kLeft = 64;
constexpr int kWidth = 920;
constexpr int kPlotWidth = kWidth - kLeft - 24;
constexpr int kPanelHeight = 190;
constexpr int kFirstTop = 62;
constexpr int kSecondTop = kFirstTop + kPanelHeight + 52;
constexpr int kHeight = kSecondTop + kPanelHeight + 52;

constexpr const char* kLight =
    R"(  .limit { stroke: #cf222e; stroke-width: 1.5; stroke-dasharray: 6 4 }
  .demand { fill: none; stroke: #0550ae; stroke-width: 1.2; stroke-linejoin: round }
)";
constexpr const char* kDark = R"(    .limit { stroke: #ff7b72 }
    .demand { stroke: #79c0ff }
)";

// Both panels have the same scales, so they can be compared by eye.
class Scale {
 public:
  Scale(std::size_t seconds, std::uint64_t most_micro)
      : seconds_(static_cast<double>(std::max<std::size_t>(seconds, 1))),
        most_cores_((static_cast<int>(cores(most_micro)) / 4 + 1) * 4) {}

  [[nodiscard]] double x(double second) const { return kLeft + second / seconds_ * kPlotWidth; }
  [[nodiscard]] double y(int top, double value) const {
    return top + kPanelHeight - value / most_cores_ * kPanelHeight;
  }
  [[nodiscard]] int most_cores() const { return most_cores_; }
  [[nodiscard]] double seconds() const { return seconds_; }

 private:
  double seconds_;
  int most_cores_;
};

std::string draw_axes(const Scale& scale, int top) {
  std::string out;
  for (int value = 0; value <= scale.most_cores(); value += 4) {
    const double y = scale.y(top, value);
    out += format("<line class=\"grid\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n", kLeft, y,
                  kLeft + kPlotWidth, y);
    out += format("<text x=\"%d\" y=\"%.1f\" text-anchor=\"end\">%d</text>\n", kLeft - 8, y + 4,
                  value);
  }
  const int step_s = scale.seconds() > 4'000 ? 1'200 : 300;
  for (int second = 0; second <= static_cast<int>(scale.seconds()); second += step_s) {
    const double x = scale.x(second);
    const int bottom = top + kPanelHeight;
    out += format("<line class=\"axis\" x1=\"%.1f\" y1=\"%d\" x2=\"%.1f\" y2=\"%d\"/>\n", x, bottom,
                  x, bottom + 5);
    out += format("<text x=\"%.1f\" y=\"%d\" text-anchor=\"middle\">%d</text>\n", x, bottom + 20,
                  second / 60);
  }
  out += format("<path class=\"axis\" d=\"M%d %d V%d H%d\"/>\n", kLeft, top, top + kPanelHeight,
                kLeft + kPlotWidth);
  out += format(
      "<text transform=\"translate(20 %d) rotate(-90)\" text-anchor=\"middle\">cores</text>\n",
      top + kPanelHeight / 2);
  return out;
}

std::string draw_panel(const Scale& scale, int top, const Policy& policy, const Result& result) {
  std::string out = draw_axes(scale, top);
  std::string points;
  for (std::size_t from = 0; from < result.demand_micro.size(); from += kStepS) {
    const auto first = result.demand_micro.begin() + static_cast<std::ptrdiff_t>(from);
    const auto count = std::min<std::size_t>(kStepS, result.demand_micro.size() - from);
    const std::uint64_t most = *std::max_element(first, first + static_cast<std::ptrdiff_t>(count));
    points += format("%.1f,%.1f ", scale.x(static_cast<double>(from)), scale.y(top, cores(most)));
  }
  out += "<polyline class=\"demand\" points=\"" + points + "\"/>\n";
  const double limit = scale.y(top, cores(kCapacityMicro));
  out += format("<line class=\"limit\" x1=\"%d\" y1=\"%.1f\" x2=\"%d\" y2=\"%.1f\"/>\n", kLeft,
                limit, kLeft + kPlotWidth, limit);
  out += format(
      "<text x=\"%d\" y=\"%d\">%s: %u jobs admitted, %u stopped, %u s above 12 cores</text>\n",
      kLeft, top - 10, policy.name.c_str(), result.admitted, result.stopped, result.over_seconds);
  return out;
}

}  // namespace

std::string write_table(const std::vector<Policy>& policies,
                        const std::vector<SeedResults>& seeds) {
  std::string out =
      "| rule | admitted | refused | jobs at once, mean (most) | seconds with demand above 12 "
      "cores | "
      "core-seconds above | largest demand, cores | stopped by pressure |\n"
      "|---|---:|---:|---:|---:|---:|---:|---:|\n";
  for (std::size_t i = 0; i < policies.size(); ++i) {
    const Sum sum = add_up(seeds, i);
    const auto seconds = static_cast<double>(std::max<std::uint64_t>(sum.seconds, 1));
    out += format("| %s | %u | %u | %.2f (%u) | %u (%.2f %%) | %.0f | %.1f | %u |\n",
                  policies[i].name.c_str(), sum.total.admitted, sum.total.refused,
                  static_cast<double>(sum.total.job_seconds) / seconds, sum.total.most_jobs,
                  sum.total.over_seconds, 100.0 * sum.total.over_seconds / seconds,
                  cores(sum.total.over_micro), cores(sum.total.peak_micro), sum.total.stopped);
  }
  out += "\n| seed | requests | mean use of a job, cores |";
  for (const Policy& policy : policies) out += " " + policy.name + " |";
  out += "\n|---:|---:|---:|";
  for (std::size_t i = 0; i < policies.size(); ++i) out += "---:|";
  out += "\n";
  for (const SeedResults& seed : seeds) {
    out += format("| %llu | %zu | %.3f |", static_cast<unsigned long long>(seed.seed),
                  seed.arrivals, seed.mean_demand_cores);
    for (const Result& result : seed.results)
      out += format(" %u s, %u stopped |", result.over_seconds, result.stopped);
    out += "\n";
  }
  return out;
}

std::string write_plot(const Policy& above, const Result& first, const Policy& below,
                       const Result& second) {
  const Scale scale(first.demand_micro.size(), std::max(first.peak_micro, second.peak_micro));
  std::string out = bench::begin_svg("CPU demanded on a 12-core node under two rules of admission",
                                     kWidth, kHeight, bench::write_style(kLight, kDark));
  out += format(
      "<text class=\"title\" x=\"%d\" y=\"26\">Participants on a 12-core node: CPU demanded, the "
      "most of each %u s</text>\n",
      kLeft, kStepS);
  out += format("<line class=\"limit\" x1=\"%d\" y1=\"21\" x2=\"%d\" y2=\"21\"/>\n", kWidth - 178,
                kWidth - 146);
  out += format("<text x=\"%d\" y=\"26\">capacity, 12 cores</text>\n", kWidth - 138);
  out += draw_panel(scale, kFirstTop, above, first);
  out += draw_panel(scale, kSecondTop, below, second);
  out += format("<text x=\"%d\" y=\"%d\" text-anchor=\"middle\">minutes</text>\n",
                kLeft + kPlotWidth / 2, kHeight - 10);
  return out + "</svg>\n";
}

}  // namespace slotd::livekit_trace
