// What became of the slots of the processes that were killed: each has to come back within
// kReturnWithinNs, whoever frees it. Reads the segment only. One thread; never blocks.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "slotd/clock.hpp"
#include "slotd/process_table.hpp"

namespace slotd::mainjob {

inline constexpr std::uint64_t kReturnWithinNs = kNsPerSecond;

class DeathWatch {
 public:
  explicit DeathWatch(const ProcessTable& processes) : processes_(processes) {}

  /// Notes which entries of the process table are this process's. To be called before it is killed,
  /// while its pid is its own.
  std::vector<ProcessRef> find_entries(int pid) const;

  /// The process with these entries was killed at `now_ns`.
  void add(const std::string& what, const std::vector<ProcessRef>& entries, std::uint64_t now_ns);

  /// Looks which dead still hold slots. A death counts as late when its slots are held for longer
  /// than kReturnWithinNs and the broker has been up for as long (`broker_up_since_ns`, 0 = it is
  /// down). Returns a text for each that became late.
  std::vector<std::string> look(std::uint64_t now_ns, std::uint64_t broker_up_since_ns);

  /// Slots that came back, but late. Those that never did are found at the end by whoever counts
  /// the table.
  std::uint64_t late_slots() const { return late_slots_; }
  /// The longest time from a kill to the return of its last slot.
  std::uint64_t longest_return_ns() const { return longest_return_ns_; }

 private:
  struct Death {
    std::string what;
    std::vector<ProcessRef> entries;
    std::uint64_t killed_at_ns = 0;
    std::uint32_t held = 0;  ///< at the last look that found any
    bool late = false;
  };

  std::uint32_t count_held(const Death& death) const;

  ProcessTable processes_;
  std::vector<Death> open_;
  std::uint64_t late_slots_ = 0;
  std::uint64_t longest_return_ns_ = 0;
};

}  // namespace slotd::mainjob
