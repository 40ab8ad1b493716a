// From a validated Config to the ledger's rules, given what the segment already knows by name.
// Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/config/config.hpp"
#include "broker/ledger/ledger_spec.hpp"

namespace slotd::broker {

/// Why a configuration cannot be put into a live segment: the key and the reason, for one line of
/// the log.
struct PlanProblem {
  std::string key;  ///< as in KeyMarks, e.g. "types.participant"
  std::string message;
};

struct LedgerPlan {
  std::optional<LedgerSpec> spec;  ///< there when `problems` is empty
  std::vector<PlanProblem> problems;
};

/// `current` is what the segment holds (empty for a new one): names keep their indices for the
/// segment's life, names that the config no longer has are retired with their last weights.
/// `capacity_micro` is the node's, in microcores.
LedgerPlan plan_ledger(const Config& config, std::uint64_t capacity_micro,
                       const LedgerSpec& current);

/// Types whose cost can never fit, and whether that is all of them. What the minimums of others are
/// sure of counts as taken.
struct FitReport {
  std::vector<std::string> never;  ///< names, in the order of the spec
  bool none_fits = false;
  std::uint64_t minimum_micro = 0;  ///< that all minimums together are sure of
  bool minimums_fit = true;         ///< into the budget
};
FitReport check_fit(const LedgerSpec& spec);

}  // namespace slotd::broker
