// What a claimer writes before its word may be seen: the record's frozen fields and the high-water
// mark. Used by claims and by holders that assert a claim again. Never blocks, allocates nothing,
// makes no system call. Killed in between: the word is still CLAIMING, which nobody reads a record
// for.
#pragma once

#include <atomic>
#include <cstdint>
#include <string_view>

#include "slotd/layout.hpp"
#include "slotd/segment_view.hpp"

namespace slotd::inline v0_1 {

/// Raises the mark above `slot`. Before the word is published.
inline void raise_mark(const SegmentView& view, std::uint32_t slot) noexcept {
  std::atomic<std::uint64_t>& mark = view.header().mark;
  std::uint64_t seen = mark.load(std::memory_order_seq_cst);
  // seq_cst: a scanner that misses the raise has published before it, and this claim's scan will
  // see that scanner's word.
  while (seen < slot + 1U &&
         !mark.compare_exchange_weak(seen, slot + 1U, std::memory_order_seq_cst)) {
  }
}

/// Writes key and memory cost. Precondition: the word is CLAIMING by the caller. An empty key has
/// the fingerprint 0.
inline void freeze_record(const SegmentView& view, std::uint32_t slot, std::string_view key,
                          std::uint64_t fingerprint, std::uint64_t memory_bytes) noexcept {
  SlotRecord& record = view.record(slot);
  // Release: whoever reads one of these fields sees, behind an acquire fence, that the word has
  // changed.
  std::atomic_thread_fence(std::memory_order_release);
  store_text(record.key, key);
  view.key_fingerprint(slot).store(key.empty() ? 0 : fingerprint, std::memory_order_relaxed);
  record.memory_bytes.set(memory_bytes);
}

}  // namespace slotd::inline v0_1
