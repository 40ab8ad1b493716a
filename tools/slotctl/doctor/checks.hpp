// What `doctor` makes of the facts: a finding a line, with what to do. Pure; thread-safe;
// allocates.
#pragma once

#include <string>
#include <vector>

#include "tools/slotctl/doctor/facts.hpp"

namespace slotd::ctl {

enum class Level { kOk, kWarn, kFail };

struct Finding {
  std::string check;  ///< a word: what was looked at
  Level level = Level::kOk;
  std::string found;   ///< one line; names in it are untrusted bytes
  std::string remedy;  ///< what to do; empty where it is ok
};

/// "ok", "warn", "fail".
const char* level_name(Level level) noexcept;

/// The worst one; ok where there is none.
Level worst_of(const std::vector<Finding>& findings) noexcept;

/// All checks, in the order in which they are shown. What cannot be looked at, because there is no
/// segment to open, is left out.
std::vector<Finding> run_checks(const DoctorFacts& facts);

// The single ones, as run_checks() puts them together.
Finding check_segment(const SegmentFacts& segment);
Finding check_place(const SegmentFacts& segment);
Finding check_permissions(const SegmentFacts& segment);
Finding check_membership(const SegmentFacts& segment, const CallerFacts& caller);
Finding check_broker(const LedgerFacts& ledger);
Finding check_samples(const LedgerFacts& ledger);
Finding check_dead_owners(const LedgerFacts& ledger);
Finding check_invariants(const LedgerFacts& ledger);
Finding check_tables(const LedgerFacts& ledger);
Finding check_drain(const LedgerFacts& ledger);
Finding check_limits(const LedgerFacts& ledger);
Finding check_external(const LedgerFacts& ledger);
Finding check_capacity(const LedgerFacts& ledger, const HostFacts& host);
Finding check_futex_waitv(const HostFacts& host);
Finding check_remove_ipc(const SegmentFacts& segment, const HostFacts& host);
Finding check_protected_files(const SegmentFacts& segment, const HostFacts& host);
Finding check_proc(const HostFacts& host);

}  // namespace slotd::ctl
