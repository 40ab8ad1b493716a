// Asserting claims again: a process that attached to a new segment puts the claims that it still
// holds into it, from its private copies. They were admitted once and their jobs run, so no limit
// is asked; what is above one now is debt. The broker drains a rebuilt segment until the holders
// have had time for this, so that nobody is admitted in their place.
//
// A claim keeps its slot, generation and nonce where it can, so handles and tokens stay good. Where
// the broker has carried the claim over already (for an owner known by pid), it is taken over as it
// stands.
//
// Thread-safe against everybody else's claims; one thread of the process at a time. Never blocks.
// Killed anywhere: what was asserted is of a dead owner.
#pragma once

#include <cstdint>
#include <optional>

#include "slotd/held_copies.hpp"
#include "slotd/process_table.hpp"
#include "slotd/quick_scan.hpp"
#include "slotd/record_write.hpp"
#include "slotd/slot_table.hpp"

namespace slotd::inline v0_1 {

/// Is generation `a` of a slot the same as `b`, or later? They wrap around.
constexpr bool is_same_or_later(std::uint32_t a, std::uint32_t b) noexcept {
  return ((a - b) & kGenerationMask) < kGenerationMask / 2;
}

namespace detail {

/// Does this entry stand for the caller's own process by pid alone?
inline bool stands_for_self(const ProcessTable& processes, std::uint32_t index) noexcept {
  if (!processes.is_index(index)) return false;
  const ProcessRef tenant = processes.find_tenant(index);
  if (!tenant || !processes.is_made_by_pid(tenant)) return false;
  const SelfIdentity& self = processes.self();
  const ProcessEntry& entry = processes.view().process(index);
  const Reservation reservation{entry.reservation.load(std::memory_order_acquire)};
  return static_cast<int>(reservation.pid()) == self.pid && self.pid_ns_inode != 0 &&
         reservation.pid_ns_inode() == self.pid_ns_inode && self.start_ticks != 0 &&
         untag_value(tenant.attach, entry.start_ticks.get()) == self.start_ticks &&
         untag_value(tenant.attach, entry.time_ns_inode.get()) == self.time_ns_inode;
}

/// Puts a claim into a free slot. Nothing when the slot is not free.
inline std::optional<SlotRef> assert_in(const ProcessTable& processes, ProcessRef self,
                                        const HeldCopy& copy, std::uint32_t slot) noexcept {
  const SegmentView& view = processes.view();
  SlotWord free{view.word(slot).load(std::memory_order_acquire)};
  if (!free.is_free()) return std::nullopt;
  const bool is_ahead = free.generation() != copy.word.generation() &&
                        is_same_or_later(copy.word.generation(), free.generation());
  const SlotWord held =
      SlotWord::make(self.index, copy.word.state(), copy.word.type(), copy.word.cost_milli(),
                     is_ahead ? copy.word.generation() : free.generation() + 1U);
  const SlotWord claiming = held.with_state(SlotState::kClaiming);
  if (!view.word(slot).compare_exchange_strong(free.raw, claiming.raw, std::memory_order_seq_cst))
    return std::nullopt;
  const std::string_view key = text_view(copy.key);
  freeze_record(view, slot, key, key_fingerprint(key), copy.memory_bytes);
  SlotRecord& record = view.record(slot);
  const std::uint64_t now_ns = processes.clock().coarse_ns();
  record.nonce.set(copy.nonce);
  record.claimed_at_ns.set(now_ns);
  record.activated.set(held.state() == SlotState::kPending ? 0
                                                           : pack_activation(copy.nonce, now_ns));
  record.reported_cpu.set(0);
  raise_mark(view, slot);
  std::uint64_t expected = claiming.raw;
  if (!view.word(slot).compare_exchange_strong(expected, held.raw, std::memory_order_seq_cst))
    return std::nullopt;
  return SlotRef{slot, held.generation(), copy.nonce};
}

/// Takes over what the broker has carried over for this process. Nothing when it is not there.
inline std::optional<SlotRef> take_over(const ProcessTable& processes, ProcessRef self,
                                        const HeldCopy& copy, std::uint32_t slot) noexcept {
  const SlotRef ref{slot, copy.word.generation(), copy.nonce};
  for (int attempt = 0; attempt < kMaxWordAttempts; ++attempt) {
    const auto word = load_claim(processes.view(), ref);
    if (!word) return std::nullopt;
    if (word->owner() == self.index) return ref;
    if (!stands_for_self(processes, word->owner())) return std::nullopt;
    // The process is the same one: the claim keeps its generation, and its tokens.
    const SlotWord mine = SlotWord::make(self.index, copy.word.state(), word->type(),
                                         word->cost_milli(), word->generation());
    std::uint64_t expected = word->raw;
    if (processes.view().word(slot).compare_exchange_strong(expected, mine.raw,
                                                            std::memory_order_seq_cst)) {
      return ref;
    }
  }
  return std::nullopt;
}

}  // namespace detail

/// Puts one claim into the segment of `processes`, where `self` is the caller's entry. Returns
/// where it stands now; nothing when no slot is free. Precondition: the copy's word is held, and
/// its type index is one of this segment's.
inline std::optional<SlotRef> reassert_claim(const ProcessTable& processes, ProcessRef self,
                                             const HeldCopy& copy, std::uint32_t slot) noexcept {
  const std::uint32_t slots = processes.view().slot_count();
  if (slot < slots) {
    if (const auto ref = detail::take_over(processes, self, copy, slot)) return ref;
    if (const auto ref = detail::assert_in(processes, self, copy, slot)) return ref;
  }
  for (std::uint32_t other = 0; other < slots; ++other) {
    if (const auto ref = detail::assert_in(processes, self, copy, other)) return ref;
  }
  return std::nullopt;
}

/// Frees what the broker has carried over for this process although the process has ended it since:
/// the broker's own copy may be a moment old. Returns how many.
inline std::uint32_t drop_ended_claims(const ProcessTable& processes,
                                       const HeldCopies& copies) noexcept {
  const SegmentView& view = processes.view();
  std::uint32_t dropped = 0;
  for (std::uint32_t slot = 0; slot < view.slot_count() && slot < copies.slots(); ++slot) {
    const HeldCopy copy = copies.load(slot);
    if (copy.nonce == 0) continue;
    SlotWord word{view.word(slot).load(std::memory_order_acquire)};
    if (!word.is_held() || !detail::stands_for_self(processes, word.owner())) continue;
    const bool is_this = word.generation() == copy.word.generation();
    if (is_this && copy.word.is_held()) continue;
    if (!is_same_or_later(copy.word.generation(), word.generation())) continue;
    if (view.word(slot).compare_exchange_strong(word.raw, word.freed().raw,
                                                std::memory_order_seq_cst)) {
      ++dropped;
    }
  }
  return dropped;
}

}  // namespace slotd::inline v0_1
