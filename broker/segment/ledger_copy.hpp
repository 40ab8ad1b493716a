// The broker's own copy of what a segment holds: taken regularly, put into the segment that is made
// when the old one was truncated, deleted or replaced. So the slots of owners that never attached,
// and of those that sleep, are not forgotten.
//
// An owner is put in as known by pid; when it attaches to the new segment it takes its slots over
// (slotd/reassert.hpp). Slots keep index, generation and nonce, so tokens stay good. Reads and
// writes memory only; single-threaded; never blocks. A copy of a scribbled segment carries the
// scribble as far as it makes sense, and never an index that is out of range.
#pragma once

#include <array>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "slotd/metrics.hpp"
#include "slotd/process_table.hpp"
#include "slotd/segment_view.hpp"
#include "slotd/snapshot.hpp"

namespace slotd::broker {

/// Who owns slots, as its entry said.
struct OwnerCopy {
  std::uint32_t index = 0;  ///< in the old segment
  Reservation reservation;
  std::uint64_t start_ticks = 0;    ///< 0: unknown
  std::uint64_t time_ns_inode = 0;  ///< 0: unknown
  std::uint64_t uid = 0;
  std::string name;
};

/// One held slot.
struct SlotCopy {
  std::uint32_t slot = 0;
  SlotWord word;
  std::string key;
  std::uint64_t memory_bytes = 0;
  std::uint64_t nonce = 0;
  std::uint64_t claimed_at_ns = 0;
  std::uint64_t activated = 0;
};

struct LedgerCopy {
  std::uint64_t token_segment_id = 0;
  std::uint64_t drain = 0;  ///< what operators drained
  std::array<std::uint64_t, kMaxTypes> overrides{};
  NodeTotals totals;
  BrokerTotals broker;
  std::vector<OwnerCopy> owners;
  std::vector<SlotCopy> slots;
  std::vector<std::uint32_t> generations;  ///< of all slots below the mark: they never go back
};

/// Copies the held slots whose owners are not proven dead, by what memory says. A slot that changes
/// meanwhile is left out or taken in either state.
LedgerCopy copy_ledger(const ProcessTable& processes);

/// Does somebody see this owner die? Those that nobody can see are left to assert themselves.
using IsVisible = std::function<bool(const OwnerCopy&)>;

/// Frees what was carried over although it was released in the old segment since the copy was
/// taken, by somebody who had not been told yet. Only while its owner is known by pid alone: a
/// process that has come ends its claims itself. Returns how many. Precondition: the old segment's
/// content is whole.
std::uint32_t drop_ended_since(const SegmentView& old, const SegmentView& now,
                               const LedgerCopy& copy);

/// Puts a copy into a segment that nobody else sees yet. Returns how many slots it put in; those of
/// a type that the new rules do not have, of owners that are not visible, or for which there is no
/// room, are left out.
std::uint32_t import_ledger(const SegmentView& view, const LedgerCopy& copy,
                            const IsVisible& is_visible);

}  // namespace slotd::broker
