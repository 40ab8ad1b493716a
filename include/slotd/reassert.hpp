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

namespace detail {

/// Does this entry stand for the caller's own process by pid alone?
inline bool stands_for_self(const ProcessTable& processes, std::uint32_t index) noexcept {
  if (!processes.is_index(index)) return false;
  const ProcessRef tenant = processes.find_tenant(index);
  const SelfIdentity& self = processes.self();
  return tenant && processes.is_made_by_pid(tenant) &&
         processes.is_process(tenant, self.pid, self.start_ticks);
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
  raise_mark(view, slot);
  std::uint64_t expected = claiming.raw;
  if (!view.word(slot).compare_exchange_strong(expected, held.raw, std::memory_order_seq_cst))
    return std::nullopt;
  return SlotRef{slot, held.generation(), copy.nonce};
}

/// A word and the nonce in its record, as they stood together.
struct SlotLook {
  SlotWord word;
  std::uint64_t nonce = 0;
};

inline SlotLook look_at_slot(const SegmentView& view, std::uint32_t slot) noexcept {
  constexpr int kAttempts = 8;  // a slot that changes hands that often is not this claim's
  SlotLook look;
  for (int attempt = 0; attempt < kAttempts; ++attempt) {
    look.word = SlotWord{view.word(slot).load(std::memory_order_acquire)};
    look.nonce = view.record(slot).nonce.get();
    std::atomic_thread_fence(std::memory_order_acquire);
    if (view.word(slot).load(std::memory_order_relaxed) == look.word.raw) break;
  }
  return look;
}

}  // namespace detail

/// What became of a claim that was to be asserted again.
struct Reasserted {
  enum class Fate : std::uint8_t {
    kStands,  ///< at `ref`, owned by the caller
    kOver,    ///< it has ended, or has another owner by now
    kAbsent,  ///< it is nowhere, and there was no room
  };
  Fate fate = Fate::kAbsent;
  SlotRef ref;
};

namespace detail {

/// Judges, and takes over, the claim that stands in this slot by its nonce. kAbsent: it is not this
/// claim's slot.
inline Reasserted take_over(const ProcessTable& processes, ProcessRef self, const HeldCopy& copy,
                            std::uint32_t slot) noexcept {
  using Fate = Reasserted::Fate;
  const std::uint32_t generation = copy.word.generation();
  for (int attempt = 0; attempt < kMaxWordAttempts; ++attempt) {
    const SlotLook look = look_at_slot(processes.view(), slot);
    if (look.nonce != copy.nonce) return {};
    if (!look.word.is_held())
      return {is_same_or_later(look.word.generation(), generation) ? Fate::kOver : Fate::kAbsent,
              {}};
    // A later generation: it has another owner since. An earlier one: somebody has put in what the
    // claim was before this process got it.
    if (look.word.generation() != generation &&
        is_same_or_later(look.word.generation(), generation)) {
      return {Fate::kOver, {}};
    }
    const SlotWord mine = SlotWord::make(self.index, copy.word.state(), copy.word.type(),
                                         look.word.cost_milli(), generation);
    std::uint64_t expected = look.word.raw;
    if (look.word == mine || processes.view().word(slot).compare_exchange_strong(
                                 expected, mine.raw, std::memory_order_seq_cst)) {
      return {Fate::kStands, {slot, generation, copy.nonce}};
    }
  }
  return {};
}

}  // namespace detail

/// Puts one claim into the segment of `processes`, where `self` is the caller's entry. The nonce
/// decides: where the claim stands already it is taken over, where it has ended it is not revived.
/// Precondition: the copy's word is held, and its type index is one of this segment's.
inline Reasserted reassert_claim(const ProcessTable& processes, ProcessRef self,
                                 const HeldCopy& copy, std::uint32_t slot) noexcept {
  using Fate = Reasserted::Fate;
  const SegmentView& view = processes.view();
  const std::uint32_t slots = view.slot_count();
  if (slot < slots) {
    const Reasserted here = detail::take_over(processes, self, copy, slot);
    if (here.fate != Fate::kAbsent) return here;
  }
  for (std::uint32_t other = 0; other < slots; ++other) {
    if (view.record(other).nonce.get() != copy.nonce) continue;
    const Reasserted there = detail::take_over(processes, self, copy, other);
    if (there.fate == Fate::kStands) return there;
  }
  if (slot < slots) {
    if (const auto ref = detail::assert_in(processes, self, copy, slot))
      return {Fate::kStands, *ref};
  }
  for (std::uint32_t other = 0; other < slots; ++other) {
    if (const auto ref = detail::assert_in(processes, self, copy, other))
      return {Fate::kStands, *ref};
  }
  return {};
}

/// Frees what the broker has carried over for this process although the process has ended it since:
/// the broker's own copy may be a moment old. Returns how many.
inline std::uint32_t drop_ended_claims(const ProcessTable& processes, ProcessRef self,
                                       const HeldCopies& copies) noexcept {
  const SegmentView& view = processes.view();
  std::uint32_t dropped = 0;
  for (std::uint32_t slot = 0; slot < view.slot_count() && slot < copies.slots(); ++slot) {
    const HeldCopy copy = copies.load(slot);
    if (copy.nonce == 0) continue;
    detail::SlotLook look = detail::look_at_slot(view, slot);
    if (!look.word.is_held()) continue;
    const bool is_this_claim =
        look.nonce == copy.nonce && look.word.generation() == copy.word.generation();
    const bool is_mine =
        look.word.owner() == self.index || detail::stands_for_self(processes, look.word.owner());
    const bool is_long_past = is_mine && look.word.generation() != copy.word.generation() &&
                              is_same_or_later(copy.word.generation(), look.word.generation());
    if (!(is_this_claim && !copy.word.is_held()) && !is_long_past) continue;
    if (view.word(slot).compare_exchange_strong(look.word.raw, look.word.freed().raw,
                                                std::memory_order_seq_cst)) {
      ++dropped;
    }
  }
  return dropped;
}

/// An entry that the broker has made for this process, for it to move into: its slots are the
/// process's own then. Only one attachment gets it. Nothing when there is none.
inline ProcessRef take_carried_entry(const ProcessTable& processes) noexcept {
  for (std::uint32_t index = 1; index < processes.view().process_count(); ++index) {
    if (!detail::stands_for_self(processes, index)) continue;
    const ProcessRef tenant = processes.find_tenant(index);
    std::uint64_t by_pid = tag_value(tenant.attach, 1);
    if (processes.view().process(index).made_by_pid.value.compare_exchange_strong(
            by_pid, tag_value(tenant.attach, 0), std::memory_order_acq_rel)) {
      return tenant;
    }
  }
  return {};
}

}  // namespace slotd::inline v0_1
