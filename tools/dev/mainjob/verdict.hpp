// The last line of the main job and what it is worth. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "slotd/snapshot.hpp"

namespace slotd::mainjob {

struct Outcome {
  CounterTotals counters;  ///< the segment's own
  std::uint64_t killed = 0;
  std::uint64_t leaked = 0;
  std::uint64_t over_limit = 0;
};

/// "type_limit=N cpu=N", then the other reasons that occurred.
std::string format_refusals(const CounterTotals& counters);

/// "verdict: claims=N refused=N (type_limit=N cpu=N ...) killed=N reaped=N leaked=N over_limit=N",
/// without a newline.
std::string format_verdict(const Outcome& outcome);

/// Nothing leaked, nothing over a limit, and something was claimed at all.
bool is_clean(const Outcome& outcome);

}  // namespace slotd::mainjob
