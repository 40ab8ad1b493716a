// The entries of those who wait, and waking them. A waiter takes an entry, shows it, sets its
// group's bit in the header, looks once more, and sleeps on its own word (waiting_claim.hpp).
// Whoever makes room looks at the bits and tells, in the order of queue.hpp, those that fit now;
// nobody else is woken. Telling gives a turn: until it ends others give way.
//
// Nothing here decides an admission: a waiter claims like everybody else when it has been told. So
// a wrong or scribbled entry can cost precedence and time, never a limit. And every sleep ends
// within kRecheckNs: whatever a killed waker left undone, the waiters find by themselves.
//
// Memory order: the holder's store that shows the entry, then the bit (RMW where it is not set),
// then the walk, which begins with a barrier; whoever frees a word does that by a seq_cst CAS and
// loads the bits (seq_cst) afterwards. One of the two sees the other. Checked under relacy
// (tests/model/relacy/waiting_scenarios.hpp).
//
// Thread-safe; never blocks; no allocation; a system call for each waiter that is told. Stack: 128
// KiB where somebody waits. Killed anywhere: entries of the dead are nobody's, and taken again.
#pragma once

#include <atomic>
#include <cstdint>

#include "slotd/futex.hpp"
#include "slotd/process_table.hpp"
#include "slotd/queue.hpp"
#include "slotd/segment_view.hpp"
#include "slotd/waiter_queue.hpp"
#include "slotd/waiter_words.hpp"

namespace slotd::inline v0_1 {

namespace detail {

/// Gives the waiter `holder` a turn, unless it has one already. True when it was woken. Whoever
/// takes the entry after it changes the word (WaiterSeat::take()), so the turn is nobody else's.
inline bool tell_waiter(const SegmentView& view, std::uint32_t index, std::uint64_t holder,
                        std::uint64_t now_ms, std::uint64_t turn_ms) noexcept {
  const WaiterEntry& entry = view.waiter(index);
  std::atomic<std::uint64_t>& cell = view.waiter(index).told;
  for (int attempt = 0; attempt < kMaxWordAttempts; ++attempt) {
    WaiterTold told{cell.load(std::memory_order_acquire)};
    // After the word: then the CAS finds the word of this holder, or fails.
    if (told.is_running(now_ms) || entry.holder.load(std::memory_order_acquire) != holder)
      return false;
    const WaiterTold next = WaiterTold::make(now_ms + turn_ms, told.count() + 1U);
    // seq_cst: the telling is seen by whoever gives way because of it.
    if (cell.compare_exchange_weak(told.raw, next.raw, std::memory_order_seq_cst)) {
      futex_wake(reinterpret_cast<const std::uint32_t*>(&cell), 1, FutexScope::kShared);
      return true;
    }
  }
  return false;
}

}  // namespace detail

/// Where a claim stands in the queue.
enum class QueueAnswer : std::uint8_t {
  kGo,       ///< nobody before it needs the room
  kGiveWay,  ///< it would fit, and so do others that come first; they have been told
  kNoRoom,   ///< it does not fit now
};

namespace detail {

[[gnu::noinline, gnu::cold]] inline QueueAnswer walk_once(const ProcessTable& processes,
                                                          std::uint32_t own,
                                                          const QueuedClaim* newcomer,
                                                          unsigned* woken,
                                                          std::uint64_t& idle_groups) noexcept {
  const SegmentView& view = processes.view();
  const std::uint64_t now_ms = processes.clock().coarse_ns() / kNsPerMs;
  // Whoever frees a word, or shows an entry, looks for the other afterwards; so does whoever walks,
  // and behind this barrier one of two sees what the other has done.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  WaiterQueue queue(processes, now_ms, own);
  idle_groups = queue.idle_groups();
  if (newcomer != nullptr) queue.add(*newcomer);
  Totals held = detail::read_totals(view, processes.is_broker_down());
  detail::RulesByType rules_of(view);
  QueueAnswer answer = QueueAnswer::kGo;
  if (newcomer != nullptr) {
    const Rules& rules = rules_of(newcomer->request.type);
    const bool fits_alone =
        decide(rules, newcomer->request, usage_of(rules, newcomer->request, held)).reason ==
        Reason::kNone;
    answer = fits_alone ? QueueAnswer::kGiveWay : QueueAnswer::kNoRoom;
  } else if (own != kNoWaiter) {
    answer = QueueAnswer::kNoRoom;
  }
  walk_queue(
      queue, queue.rules(), [&](std::uint32_t type) -> const Rules& { return rules_of(type); },
      held,
      [&](const QueuedClaim& claim, QueuePlace place) {
        if (place != QueuePlace::kGoes) return;
        const bool is_own = newcomer != nullptr ? claim.entry == kNoWaiter : claim.entry == own;
        if (is_own) {
          answer = QueueAnswer::kGo;
        } else if (detail::tell_waiter(view, claim.entry, claim.holder, now_ms, queue.turn_ms()) &&
                   woken != nullptr) {
          ++*woken;
        }
      });
  return answer;
}

inline bool is_group_used(const ProcessTable& processes, std::uint32_t group) noexcept {
  for (std::uint32_t i = group * kWaiterGroup; i < (group + 1U) * kWaiterGroup; ++i) {
    if (is_waiting(processes, {processes.view().waiter(i).holder.load(std::memory_order_seq_cst)}))
      return true;
  }
  return false;
}

/// Takes bits back. Cleared first, then looked at: true where somebody had shown itself in between,
/// whose bit is set again and whom whoever made room meanwhile has not told.
inline bool take_back_bits(const ProcessTable& processes, std::uint64_t groups) noexcept {
  std::atomic<std::uint64_t>& waiting = processes.view().header().waiting;
  waiting.fetch_and(~groups, std::memory_order_seq_cst);
  std::uint64_t used = 0;
  for (; groups != 0; groups &= groups - 1U) {
    if (is_group_used(processes, static_cast<std::uint32_t>(__builtin_ctzll(groups))))
      used |= groups & (~groups + 1U);
  }
  if (used == 0) return false;
  waiting.fetch_or(used, std::memory_order_seq_cst);
  return true;
}

}  // namespace detail

/// Tells every waiter that fits now, in order, and says where `own` (an entry, or kNoWaiter with
/// `newcomer` given) stands. Returns kGo where it is not in the queue.
inline QueueAnswer serve_queue(const ProcessTable& processes, std::uint32_t own,
                               const QueuedClaim* newcomer, unsigned* woken = nullptr) noexcept {
  std::uint64_t idle = 0;
  const QueueAnswer answer = detail::walk_once(processes, own, newcomer, woken, idle);
  if (idle == 0 || !detail::take_back_bits(processes, idle)) return answer;
  return detail::walk_once(processes, own, newcomer, woken, idle);
}

/// For whoever has made room, or may have: tells the waiters that fit now. Nothing, and one load,
/// where nobody waits. Returns how many were woken.
inline unsigned wake_waiters(const ProcessTable& processes) noexcept {
  const SegmentView& view = processes.view();
  // seq_cst: behind whatever made the room.
  if (!view.writable() || view.header().waiting.load(std::memory_order_seq_cst) == 0) return 0;
  unsigned woken = 0;
  serve_queue(processes, kNoWaiter, nullptr, &woken);
  return woken;
}

/// May a claim without an entry go now? Tells those who come before it.
inline QueueAnswer ask_queue(const ProcessTable& processes, const Request& request,
                             std::uint32_t priority) noexcept {
  QueuedClaim newcomer;
  newcomer.request = request;
  newcomer.priority = priority;
  newcomer.ticket = ~std::uint64_t{0};
  newcomer.is_confirmed = true;
  newcomer.entry = kNoWaiter;
  return serve_queue(processes, kNoWaiter, &newcomer);
}

}  // namespace slotd::inline v0_1
