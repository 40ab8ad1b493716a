// The broker's writes into the ledger: config and sample blocks, each filled while idle and made
// valid by one store. Memory only, no system calls. One writer at a time: the broker that holds the
// lock file. Killed anywhere before the store of the epoch: nothing has changed, the next writer
// treats the idle block as garbage.
#pragma once

#include <array>
#include <cstdint>
#include <span>

#include "broker/ledger/ledger_spec.hpp"
#include "slotd/segment_view.hpp"
#include "slotd/slot_word.hpp"

namespace slotd::broker {

/// Names first, then the idle config block, then the epoch.
void publish_config(const SegmentView& view, const LedgerSpec& spec);

/// The rules that the segment holds now, read back: what a broker that adopts a segment starts
/// from.
LedgerSpec read_config_block(const SegmentView& view);

/// One sample: everything the broker measured.
struct Sample {
  std::uint64_t sampled_at_ns = 0;      ///< host CLOCK_MONOTONIC_COARSE; the heartbeat
  std::uint64_t memory_used_bytes = 0;  ///< besides what the slots count
  std::uint64_t measured_micro = kNotMeasured;
  std::array<std::uint64_t, kMaxGroups> external_use{};
  std::uint64_t external_unreadable = 0;  ///< bit g: group g's count cannot be read
  std::uint64_t host_busy_micro = kNotMeasured;
  std::uint64_t psi_cpu_ppb = kNotMeasured;
  std::span<const ChargeWord> charges;         ///< by slot; may be shorter than the table
  std::span<const std::uint64_t> memory_held;  ///< bytes by slot; likewise
};
void publish_sample(const SegmentView& view, const Sample& sample);

}  // namespace slotd::broker
