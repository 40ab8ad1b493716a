// The line that `systemctl status slotd` shows, and what is news of limits: the figures of one
// beat, from the segment alone. Reading is one pass over the words; telling is pure.
//
// One thread; memory only, no system call but the clock; at most 128 KiB of stack where somebody
// waits. Nothing is kept in the segment: a new broker begins anew.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "slotd/process_table.hpp"

namespace slotd::broker {

/// A type or a group above the limit in force for it: nothing more is admitted until it has
/// drained.
struct Debt {
  std::string name;
  std::uint64_t limit = 0;
  std::uint64_t in_use = 0;
  bool is_group = false;

  bool operator==(const Debt&) const = default;
};

struct StatusFigures {
  std::uint32_t held = 0;  ///< slots
  std::uint32_t slots = 0;
  std::uint64_t charged_micro = 0;
  std::uint64_t budget_micro = 0;
  std::uint32_t waiting = 0;
  bool is_draining = false;  ///< nothing is admitted: an operator, or a rebuilt segment
  std::vector<Debt> debts;

  bool operator==(const StatusFigures&) const = default;
};

StatusFigures read_status(const ProcessTable& processes);

/// "3 of 1024 slots held, 6 of 9.6 cores charged, 0 waiting", and what is out of the ordinary.
std::string format_status(const StatusFigures& figures);

/// Which debts are new, which have drained since the figures before.
class DebtNews {
 public:
  /// Lines for the log (event=debt, event=debt_drained).
  std::vector<std::string> take(const std::vector<Debt>& debts);

 private:
  std::map<std::string, std::uint64_t> known_;  ///< "type=track", and the limit that was told
};

}  // namespace slotd::broker
