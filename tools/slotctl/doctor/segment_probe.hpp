// What `doctor` sees of the segment: the file, who may open it, and what is in it. Changes nothing;
// works read-only and while the broker is down. May block on the file system, and for 20 ms where
// it has to look twice. Not thread-safe.
#pragma once

#include "slotd/process_table.hpp"
#include "tools/slotctl/context.hpp"
#include "tools/slotctl/doctor/facts.hpp"

namespace slotd::ctl {

SegmentFacts read_segment_facts(const std::string& path);

/// `group`: the segment's.
CallerFacts read_caller_facts(gid_t group);

LedgerFacts read_ledger_facts(const ProcessTable& processes);

/// Is the word's owner proven dead, so that anybody may free it now? Reads only.
bool is_left_by_the_dead(const ProcessTable& processes, std::uint32_t slot);

/// Is the segment drained for a rebuild for longer than that can take?
bool is_settling_overdue(const ProcessTable& processes);

/// All of it, the host as well.
DoctorFacts read_doctor_facts(const GlobalOptions& options);

}  // namespace slotd::ctl
