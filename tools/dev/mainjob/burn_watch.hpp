// The main job's eye on a segment whose slots are charged by what was measured: collects each
// sample's figures by owner, and looks whether every admission left the charges within the budget.
// Reads only. One thread; never blocks; allocates.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "slotd/process_table.hpp"
#include "slotd/snapshot.hpp"

namespace slotd::mainjob {

/// What slotd says that a slot's owner used between two samples.
struct MeasuredInterval {
  std::uint64_t begin_ns = 0;  ///< host CLOCK_MONOTONIC
  std::uint64_t end_ns = 0;
  std::uint64_t micro = 0;  ///< cores, on the average of the interval
};

struct AdmissionCheck {
  std::uint64_t seen = 0;     ///< slots that appeared
  std::uint64_t checked = 0;  ///< of them, those whose deciding charges are known
  std::uint64_t over_budget = 0;
  std::uint64_t highest_micro = 0;  ///< the most that was charged right after an admission
};

/// One consistent look at the segment, as plain values.
struct ChargeLook {
  std::uint64_t sample_epoch = 0;
  std::uint64_t charged_micro = 0;
  bool is_broker_up = false;
  std::set<std::pair<std::uint32_t, std::uint32_t>> slots;  ///< slot and generation
};

/// Judges the slots that `now` has and `before` had not. Charges change with samples alone, and all
/// slots of `now` were held when the last of the new ones was admitted: in one and the same epoch
/// their charges are therefore at most what that admission left. Across a sample nothing can be
/// said, and nothing is counted as checked.
void check_admissions(const ChargeLook& before, const ChargeLook& now, std::uint64_t budget_micro,
                      AdmissionCheck& check);

class BurnWatch {
 public:
  explicit BurnWatch(const ProcessTable& processes) : processes_(processes) {}

  /// To be called every few milliseconds. False: the segment changed meanwhile, look again.
  bool look();

  const Snapshot& last() const { return last_; }
  const AdmissionCheck& admissions() const { return admissions_; }
  std::uint64_t samples() const { return samples_; }
  std::size_t most_slots() const { return most_slots_; }
  /// By the owner's pid.
  const std::map<int, std::vector<MeasuredInterval>>& measured() const { return measured_; }

 private:
  void take_sample(std::uint64_t epoch);

  ProcessTable processes_;
  Snapshot last_;
  ChargeLook before_;
  AdmissionCheck admissions_;
  std::map<int, std::vector<MeasuredInterval>> measured_;
  std::uint64_t sample_epoch_ = 0;
  std::uint64_t sampled_at_ns_ = 0;
  std::uint64_t samples_ = 0;
  std::size_t most_slots_ = 0;
};

}  // namespace slotd::mainjob
