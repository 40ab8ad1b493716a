// What an attachment tells of each step: counts and events of this process's own lines, and of the
// node where it happens rarely. Included by attachment.hpp, which has the contract;
// record_layout.hpp says where it goes.
#pragma once

#include "slotd/attachment.hpp"

namespace slotd::inline v0_1 {

template <typename Select>
void Attachment::count_cell(Select select, std::uint64_t by) noexcept {
  CounterBlock& block = view().counters(self_.index);
  if (hints_.is_primary_thread()) {
    Cell<std::uint64_t>& cell = select(block.primary);
    cell.set(cell.get() + by);
  } else {
    select(block.shared).value.fetch_add(by, std::memory_order_relaxed);
  }
}

inline std::uint64_t Attachment::claimed_at_ns(const HeldSlot& held) const noexcept {
  return held.slot < view().slot_count() ? view().record(held.slot).claimed_at_ns.get() : 0;
}

inline void Attachment::note_event(const Event& event) noexcept {
  EventRing& ring = view().events(self_.index);
  if (hints_.is_primary_thread()) {
    note_alone(ring.primary, event);
  } else {
    note_shared(ring.shared, event);
  }
}

inline Event Attachment::make_event(EventKind kind, const HeldSlot& held, std::uint32_t type,
                                    std::uint64_t now_ns) const noexcept {
  Event event;
  event.time_ms = now_ns / kNsPerMs;
  event.kind = kind;
  event.pid = static_cast<std::uint32_t>(processes_.self().pid);
  event.slot = held.slot;
  event.type = type;
  event.nonce = static_cast<std::uint32_t>(held.nonce) & kGenerationMask;
  return event;
}

/// An event only where it had to wait: else the slot's record tells of it while the slot is held,
/// and the event of its end afterwards. Two events a pair would cost what a tenth of it is.
inline void Attachment::note_claimed(const HeldSlot& held, SlotWord word, std::uint64_t now_ns,
                                     std::uint64_t waiting_since_ns) noexcept {
  const std::uint32_t type = word.type();
  if (waiting_since_ns != 0) [[unlikely]] {
    Event event = make_event(EventKind::kClaim, held, type, now_ns);
    event.cost_milli = word.cost_milli();
    event.amount = count_wait(type, waiting_since_ns);
    note_event(event);
  }
  count_cell([type](CounterSet& set) -> Cell<std::uint64_t>& { return set.claims[type]; }, 1);
}

[[gnu::always_inline]] inline void Attachment::note_released(const HeldSlot& held, SlotWord word,
                                                             std::uint64_t since_ns) noexcept {
  const std::uint32_t type = word.type();
  const std::uint64_t now_ns = processes_.clock().coarse_ns();
  Event event = make_event(EventKind::kRelease, held, type, now_ns);
  event.cost_milli = word.cost_milli();
  const std::uint64_t held_ns = elapsed_ns(since_ns, now_ns);
  // By a token: whose it was is told too.
  if (word.owner() != self_.index && processes_.is_index(word.owner())) [[unlikely]] {
    const ProcessEntry& owner = view().process(word.owner());
    event.other_pid = Reservation{owner.reservation.load(std::memory_order_acquire)}.pid();
  }
  // Within one tick of the clock is no time.
  if (held_ns != 0) {
    event.amount = held_ns / kNsPerMs;
    count_hold(view(), type, held_ns);
  }
  EventRing& ring = view().events(self_.index);
  CounterBlock& counters = view().counters(self_.index);
  if (hints_.is_primary_thread()) {
    note_alone(ring.primary, event);
    Cell<std::uint64_t>& count = counters.primary.releases[type];
    count.set(count.get() + 1U);
  } else {
    note_shared(ring.shared, event);
    counters.shared.releases[type].value.fetch_add(1, std::memory_order_relaxed);
  }
}

inline void Attachment::count_refusal(std::uint32_t type, Reason reason) noexcept {
  const std::uint32_t row = type < kMaxTypes ? type : kMaxTypes;
  RefusalCounts& shard = view().node().refusals[self_.index % kRefusalShards];
  shard.by_type[row][static_cast<std::size_t>(reason)].value.fetch_add(1,
                                                                       std::memory_order_relaxed);
  Event event;
  event.time_ms = processes_.clock().coarse_ns() / kNsPerMs;
  event.kind = EventKind::kRefusal;
  event.reason = reason;
  event.pid = static_cast<std::uint32_t>(processes_.self().pid);
  event.type = type < kMaxTypes ? type : kNoEventType;
  note_event(event);
}

[[gnu::noinline, gnu::cold]] inline HeldSlot Attachment::refuse_queued(std::uint32_t type,
                                                                       Verdict& refusal) noexcept {
  refusal = Verdict{};
  refusal.reason = Reason::kQueuedAhead;
  count_refusal(type, Reason::kQueuedAhead);
  return {};
}

/// Returns the milliseconds.
[[gnu::noinline, gnu::cold]] inline std::uint64_t Attachment::count_wait(
    std::uint32_t type, std::uint64_t since_ns) noexcept {
  const std::uint64_t waited_ns = elapsed_ns(since_ns, monotonic_ns());
  add_duration(view().node().wait[type], kWaitBoundsUs, waited_ns / kNsPerUs);
  return waited_ns / kNsPerMs;
}

inline void Attachment::note_step(EventKind kind, const HeldSlot& held,
                                  const StepResult& result) noexcept {
  if (result.code != Errc::kOk || result.word == result.before) return;
  note_event(make_event(kind, held, result.word.type(), processes_.clock().coarse_ns()));
}

inline void Attachment::note_handed_over(const HeldSlot& held, SlotWord word,
                                         ProcessRef target) noexcept {
  Event event = make_event(EventKind::kHandOver, held, word.type(), processes_.clock().coarse_ns());
  const Reservation owner{view().process(target.index).reservation.load(std::memory_order_acquire)};
  event.other_pid = owner.pid();
  note_event(event);
}

}  // namespace slotd::inline v0_1
