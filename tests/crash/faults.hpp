// The deliberate bugs: the product's headers with one text of them replaced, made into a harness of
// its own. Each has to be caught by the operation named here; the unchanged headers pass it.
#pragma once

#include <array>

namespace slotd::crash {

inline constexpr int kExitViolated = 3;

struct SeededFault {
  const char* name;       ///< the program is slotd_step_NAME
  const char* operation;  ///< that shows it
};

// The replacements are in seeded_faults.cmake.
inline constexpr std::array<SeededFault, 5> kSeededFaults = {
    {{"free_before_proof", "claim"},
     {"skipped_generation", "adopt x release"},
     {"publish_after_scan", "claim x claim, type limit"},
     {"entry_reused_early", "bind x recycle"},
     {"mark_without_wake", "mark a dead owner"}}};

/// Runs the fault's harness, which stands beside this program; its exit code, -1 if there is none.
int run_fault(const SeededFault& fault);

}  // namespace slotd::crash
