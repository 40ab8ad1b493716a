// What a burning run showed: each handler as slotd measured it against what getrusage says, and the
// verdict over both runs. Pure.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/dev/mainjob/burn_trace.hpp"
#include "tools/dev/mainjob/burn_watch.hpp"

namespace slotd::mainjob {

/// One handler, over the samples that slotd took of it.
struct BurnComparison {
  int pid = 0;
  std::string type;
  bool in_child = false;
  double window_s = 0;
  double slotd_cpu_s = 0;
  double used_cpu_s = 0;  ///< by getrusage, over the same window

  /// How far slotd is off, in percent of what was used. 0 without use.
  double error_percent() const;
};

BurnComparison compare_burn(const std::vector<MeasuredInterval>& measured,
                            const std::vector<Trace>& traces);

/// One run of the broker.
struct BurnOutcome {
  std::string charge;  ///< as in the configuration
  std::uint64_t budget_micro = 0;
  std::uint64_t admitted = 0;
  std::uint64_t refused = 0;
  std::size_t most_slots = 0;
  std::uint64_t used_ns = 0;  ///< by all handlers that ended, by wait4
  std::uint64_t lasted_ns = 0;
  AdmissionCheck admissions;
  std::vector<BurnComparison> handlers;

  double worst_error_percent() const;
};

/// A row a handler.
std::vector<std::string> format_handlers(const BurnOutcome& outcome);
/// The line of one run.
std::string format_burn(const BurnOutcome& outcome);

inline constexpr double kWantedErrorPercent = 5;
inline constexpr double kMostErrorPercent = 10;

/// "verdict: burn ...": the last line.
std::string format_burn_verdict(const std::vector<BurnOutcome>& outcomes);

/// Handlers were compared in every run, none was off by more than kMostErrorPercent, and the
/// budget was kept at every admission that could be judged, of which there was one at least.
bool is_burn_clean(const std::vector<BurnOutcome>& outcomes);

}  // namespace slotd::mainjob
