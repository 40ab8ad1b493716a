// What is run when handlers really burn CPU: the types, the configuration of the broker, and which
// job comes when. Pure; the same for the same seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "slotd/layout.hpp"
#include "tools/dev/mainjob/random.hpp"

namespace slotd::mainjob {

/// A kind of job: what it reserves and what it really uses.
struct BurnType {
  std::string name;
  std::uint32_t cost_milli = 0;
  std::uint32_t used_milli = 0;
  bool in_child = false;  ///< the load is in a process that the handler starts, as with a browser
};

/// 0.25 to 1.5 cores; most use less than they reserve.
const std::vector<BurnType>& burn_types();

/// The broker's configuration: capacity of the machine as it is, a short hold, this charge.
std::string make_burn_config(ChargeMode charge);

struct BurnJob {
  BurnType type;
  std::uint32_t run_ms = 0;
};

/// The jobs of one lane, one after the other. The first lane begins with the largest job, which
/// would never find room later.
class BurnLane {
 public:
  /// `budget_milli` is the broker's: types that can never run on it are left out.
  BurnLane(std::uint64_t seed, std::uint32_t lane, std::uint32_t seconds,
           std::uint64_t budget_milli);

  BurnJob next();

 private:
  Random random_;
  std::vector<BurnType> pool_;  ///< the more frequent, the more often
  BurnType largest_;
  std::uint32_t seconds_ = 0;
  bool begins_with_largest_ = false;
};

/// How many handlers ask for room at once: more than the budget has.
std::uint32_t count_lanes(std::uint64_t budget_micro);

}  // namespace slotd::mainjob
