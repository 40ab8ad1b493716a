// One 12-core node under one rule of admission, a second at a time. Rules of slotd are its own
// code: decide(), charge_owner() and the pressure machine; the egress service's rule is written
// anew from what it does, in floating point as it has it.
//
// Every job runs in a process of its own from the second that admits it. When more is demanded than
// there is, all get the same part of it. Jobs over the pressure limit are stopped at once, under
// every rule of admission, by slotd's machine with the service's figures (0.95, 10 ticks, 5 to
// forget, 30 s of grace): the table counts what the admission leads to.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "slotd/layout.hpp"
#include "tests/bench/livekit_trace/workload.hpp"

namespace slotd::livekit_trace {

struct Policy {
  std::string name;
  bool is_upstream = false;              ///< the egress service's own rule; the rest is not meant
  ChargeMode charge = ChargeMode::kMax;  ///< slotd's
  std::uint32_t limit = kNoLimit;        ///< of participants at once
};

/// The service's rule, then slotd's in three forms.
std::vector<Policy> make_policies();

struct Result {
  std::uint32_t admitted = 0;
  std::uint32_t refused = 0;
  std::uint32_t stopped = 0;  ///< by pressure
  std::uint32_t most_jobs = 0;
  std::uint64_t job_seconds = 0;
  std::uint32_t over_seconds = 0;           ///< with demand above the capacity
  std::uint64_t over_micro = 0;             ///< microcore-seconds of it
  std::uint64_t peak_micro = 0;             ///< largest demand
  std::uint32_t beyond_budget = 0;          ///< admissions after which charges exceed the budget
  std::vector<std::uint64_t> demand_micro;  ///< by second
  std::vector<bool> verdicts;               ///< by job of the workload
};

Result simulate(const Workload& workload, const Policy& policy);

}  // namespace slotd::livekit_trace
