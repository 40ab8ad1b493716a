// Claiming for `claim` and `run`: once, or in line until a deadline.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "slotd/attachment.hpp"
#include "tools/slotctl/refusal.hpp"
#include "tools/slotctl/verb.hpp"

namespace slotd::ctl {

struct JobOptions {
  std::string type;
  std::string key;                          ///< empty: none
  std::optional<std::uint32_t> cost_milli;  ///< instead of the type's
  std::optional<std::uint64_t> memory_bytes;
  std::uint64_t wait_ms = 0;
  std::uint32_t priority = 0;  ///< 0..255
};

/// -t, --key, --cpu, --memory.
void add_job_options(Verb& verb, JobOptions& options);
/// -w SEC, --priority N.
void add_wait_option(Verb& verb, JobOptions& options);

struct ClaimedJob {
  HeldSlot held;
  std::string type;  ///< as the configuration calls it
  std::optional<Refusal> refusal;
};

/// Claims for the member itself. Blocks for at most wait_ms beyond one claim. Throws Failure: key
/// or cost out of range, or the segment was replaced meanwhile.
ClaimedJob claim_job(Attachment& attachment, const JobOptions& options);

/// What a claim would ask for, checked. Throws Failure.
Request make_request(const SegmentView& view, const JobOptions& options);

}  // namespace slotd::ctl
