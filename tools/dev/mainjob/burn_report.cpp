#include "tools/dev/mainjob/burn_report.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

#include "slotd/clock.hpp"
#include "slotd/units.hpp"

namespace slotd::mainjob {
namespace {

constexpr auto kSecond = static_cast<double>(kNsPerSecond);

std::string fixed(double value, int digits) {
  std::array<char, 64> text{};
  std::snprintf(text.data(), text.size(), "%.*f", digits, value);
  return text.data();
}

std::string cores(std::uint64_t micro) {
  return format_cores_micro(static_cast<std::int64_t>(micro));
}

}  // namespace

double BurnComparison::error_percent() const {
  return used_cpu_s > 0 ? std::abs(slotd_cpu_s - used_cpu_s) / used_cpu_s * 100 : 0;
}

BurnComparison compare_burn(const std::vector<MeasuredInterval>& measured,
                            const std::vector<Trace>& traces) {
  BurnComparison result;
  for (const MeasuredInterval& interval : measured) {
    const double length_s = static_cast<double>(interval.end_ns - interval.begin_ns) / kSecond;
    result.window_s += length_s;
    result.slotd_cpu_s += length_s * static_cast<double>(interval.micro) / 1e6;
    result.used_cpu_s += cpu_within(traces, interval.begin_ns, interval.end_ns) / kSecond;
  }
  return result;
}

double BurnOutcome::worst_error_percent() const {
  double worst = 0;
  for (const BurnComparison& handler : handlers) worst = std::max(worst, handler.error_percent());
  return worst;
}

std::vector<std::string> format_handlers(const BurnOutcome& outcome) {
  std::vector<std::string> lines = {
      "  handler  type     load in    window s  slotd cores  getrusage cores  off %"};
  for (const BurnComparison& handler : outcome.handlers) {
    std::array<char, 160> line{};
    std::snprintf(line.data(), line.size(), "  %-8d %-8s %-9s %9.1f %12.3f %16.3f %6.1f",
                  handler.pid, handler.type.c_str(), handler.in_child ? "its child" : "itself",
                  handler.window_s, handler.slotd_cpu_s / handler.window_s,
                  handler.used_cpu_s / handler.window_s, handler.error_percent());
    lines.emplace_back(line.data());
  }
  return lines;
}

std::string format_burn(const BurnOutcome& outcome) {
  const double lasted_s = static_cast<double>(outcome.lasted_ns) / kSecond;
  const double used_s = static_cast<double>(outcome.used_ns) / kSecond;
  return "burn: charge=" + outcome.charge + " admitted=" + std::to_string(outcome.admitted) +
         " refused=" + std::to_string(outcome.refused) +
         " most_at_once=" + std::to_string(outcome.most_slots) +
         " budget=" + cores(outcome.budget_micro) +
         " used=" + fixed(lasted_s > 0 ? used_s / lasted_s : 0, 2) +
         " highest_charge=" + cores(outcome.admissions.highest_micro) +
         " over_budget=" + std::to_string(outcome.admissions.over_budget) +
         " checked=" + std::to_string(outcome.admissions.checked) + "/" +
         std::to_string(outcome.admissions.seen) +
         " compared=" + std::to_string(outcome.handlers.size()) +
         " worst_error_percent=" + fixed(outcome.worst_error_percent(), 1);
}

std::string format_burn_verdict(const std::vector<BurnOutcome>& outcomes) {
  double worst = 0;
  std::uint64_t over_budget = 0;
  std::size_t compared = 0;
  std::string admitted;
  for (const BurnOutcome& outcome : outcomes) {
    worst = std::max(worst, outcome.worst_error_percent());
    over_budget += outcome.admissions.over_budget;
    compared += outcome.handlers.size();
    admitted += " admitted_" + outcome.charge + "=" + std::to_string(outcome.admitted);
  }
  return "verdict: burn compared=" + std::to_string(compared) +
         " worst_error_percent=" + fixed(worst, 1) + " wanted=" + fixed(kWantedErrorPercent, 0) +
         " over_budget=" + std::to_string(over_budget) + admitted;
}

bool is_burn_clean(const std::vector<BurnOutcome>& outcomes) {
  return !outcomes.empty() &&
         std::all_of(outcomes.begin(), outcomes.end(), [](const BurnOutcome& outcome) {
           return !outcome.handlers.empty() && outcome.admissions.checked != 0 &&
                  outcome.admissions.over_budget == 0 &&
                  outcome.worst_error_percent() <= kMostErrorPercent;
         });
}

}  // namespace slotd::mainjob
