// A claim that waits: in line, with a deadline, until it is admitted, cancelled or too late.
// Included by attachment.hpp, which has the contract.
//
// A waiter sleeps on its own word and on the presence words of the owners and waiters in its way,
// so a release, a raised limit or the kernel's notice of a death wakes it. Every sleep ends within
// kRecheckNs all the same and looks anew: the kernel wakes one sleeper a death, and that one may be
// stopped or killed. Whoever wakes up frees what the dead have left and tells those that fit,
// itself among them or not.
#pragma once

#include <array>
#include <atomic>
#include <bitset>
#include <cstdint>
#include <stop_token>

#include "slotd/attachment.hpp"
#include "slotd/waiter_seat.hpp"
#include "slotd/waiters.hpp"

namespace slotd::inline v0_1 {

/// Can a claim that was refused for this reason be admitted later, when others have made room?
constexpr bool is_worth_waiting(Reason reason) noexcept {
  return reason != Reason::kUnknownType && reason != Reason::kTooLarge &&
         reason != Reason::kDuplicateKey;
}

namespace detail {

/// The request with the default costs in force now.
inline Request with_costs(const SegmentView& view, Request request) noexcept {
  fill_default_costs(view, view.header().config_epoch.load(std::memory_order_acquire), request);
  return request;
}

/// What one waiter sleeps on.
class SleepList {
 public:
  SleepList(const ProcessTable& processes, ProcessRef self) noexcept
      : processes_(processes), view_(processes.view()), self_(self) {}

  void watch_told(const std::atomic<std::uint64_t>& told, std::uint32_t count) noexcept {
    watches_[0] = {reinterpret_cast<const std::uint32_t*>(&told), count, FutexScope::kShared};
    count_ = 1;
  }
  /// Before the dead are looked for: who is marked already is not news.
  void note_marked() noexcept {
    visit_owners([this](std::uint32_t index) {
      if (is_marked(index)) marked_[index] = true;
    });
  }
  /// All owners of held words, and all who wait, as far as there is room.
  void watch_others() noexcept {
    visit_owners([this](std::uint32_t index) { watch_owner(index); });
  }

  /// Until one of them changes, at most `limit_ns`; not at all where somebody has died since
  /// note_marked(). True: all of the time has passed.
  bool sleep(std::uint64_t limit_ns) const noexcept {
    if (has_news_) return false;
    const std::uint64_t end_ns = monotonic_ns() + limit_ns;
    if (count_ == 0) {
      const std::uint32_t never = 0;
      futex_wait(&never, 0, limit_ns, FutexScope::kPrivate);
    } else if (!futex_wait_any(watches_.data(), count_, end_ns)) {
      futex_wait(watches_[0].word, watches_[0].expected, limit_ns, FutexScope::kShared);
    }
    return monotonic_ns() >= end_ns;
  }

 private:
  template <typename Visit>
  void visit_owners(Visit visit) const noexcept {
    const std::uint32_t mark = view_.mark();
    for (std::uint32_t slot = 0; slot < mark; ++slot) {
      const SlotWord word{view_.word(slot).load(std::memory_order_acquire)};
      if (word.is_held() && processes_.is_index(word.owner())) visit(word.owner());
    }
    std::uint64_t groups = view_.header().waiting.load(std::memory_order_acquire);
    for (; groups != 0; groups &= groups - 1U) {
      const auto group = static_cast<std::uint32_t>(__builtin_ctzll(groups));
      for (std::uint32_t i = group * kWaiterGroup; i < (group + 1U) * kWaiterGroup; ++i) {
        const WaiterHolder holder{view_.waiter(i).holder.load(std::memory_order_acquire)};
        if (holder.state() == WaiterHolder::State::kShown && processes_.is_index(holder.owner()))
          visit(holder.owner());
      }
    }
  }
  bool is_marked(std::uint32_t index) const noexcept {
    const auto word =
        static_cast<std::uint32_t>(view_.process(index).presence.load(std::memory_order_acquire));
    return (word & kFutexOwnerDied) != 0;
  }

  void watch_owner(std::uint32_t index) noexcept {
    // Marked since note_marked(): the kernel's wake has gone by.
    if (index != self_.index && is_marked(index) && !marked_[index]) has_news_ = true;
    if (index == self_.index || !processes_.is_index(index) || seen_[index]) return;
    if (count_ == watches_.size()) return;
    seen_[index] = true;
    std::atomic<std::uint64_t>& presence = view_.process(index).presence;
    std::uint64_t value = presence.load(std::memory_order_acquire);
    for (int attempt = 0; attempt < kMaxWordAttempts; ++attempt) {
      const auto word = static_cast<std::uint32_t>(value);
      // Only a word that a living keeper holds: the kernel looks at no other.
      if ((word & kFutexTidMask) == 0 || (word & kFutexOwnerDied) != 0) return;
      if ((word & kFutexWaiters) != 0 ||
          presence.compare_exchange_weak(value, value | kFutexWaiters, std::memory_order_seq_cst)) {
        watches_[count_++] = {presence_futex(presence), word | kFutexWaiters, FutexScope::kShared};
        return;
      }
    }
  }

  const ProcessTable& processes_;
  const SegmentView& view_;
  ProcessRef self_;
  std::array<FutexWatch, kMostWatches - 1> watches_;
  std::size_t count_ = 0;
  std::bitset<kMaxProcesses + 1> seen_;
  std::bitset<kMaxProcesses + 1> marked_;
  bool has_news_ = false;
};

}  // namespace detail

inline bool Attachment::claim_in_turn(ClaimRequest& wanted, HeldSlot& held,
                                      Verdict& refusal) noexcept {
  wanted.in_turn = true;
  held = claim(wanted, refusal);
  wanted.in_turn = false;
  return held.slot != kNoSlot;
}

/// One look of a waiter for itself: frees what the dead have left, tells those that fit, and claims
/// where it is among them. `seat` without an entry: no place in the line. The marks of the dead are
/// looked at always; what else proves a death costs system calls.
[[gnu::noinline]] inline Attachment::WaitStep Attachment::try_in_turn(ClaimRequest& wanted,
                                                                      WaiterSeat& seat,
                                                                      ProbeMode probe,
                                                                      HeldSlot& held,
                                                                      Verdict& refusal) noexcept {
  if (const std::uint32_t freed = reap_all(processes_, probe); freed != 0)
    count(&CounterSet::reaped, freed);
  const QueueAnswer answer =
      seat.is_taken()
          ? serve_queue(processes_, seat.index(), nullptr)
          : ask_queue(processes_, detail::with_costs(view(), wanted.request), wanted.priority);
  bool is_contended = false;
  if (answer == QueueAnswer::kGo) {
    if (claim_in_turn(wanted, held, refusal)) return WaitStep::kDone;
    if (!refusal && !is_worth_waiting(refusal.reason)) return WaitStep::kOver;
    is_contended = refusal.reason == Reason::kContended;
  }
  const bool had_turn = seat.is_taken() && seat.pass_turn();
  if (is_contended || !seat.is_taken()) return WaitStep::kPause;
  return had_turn ? WaitStep::kAgain : WaitStep::kSleep;
}

/// Who made room between the admission and this has counted this waiter twice, and told it.
inline Errc Attachment::leave_admitted(WaiterSeat& seat) noexcept {
  seat.leave();
  wake_waiters(processes_);
  return Errc::kOk;
}

/// Waits for a claim. kOk: admitted (held.slot), or not (`refusal` says what was in the way in the
/// end). Else as check(): the segment is being replaced, or the process is no member.
[[gnu::noinline]] inline Errc Attachment::wait_claim(ClaimRequest& wanted, const WaitLimit& limit,
                                                     HeldSlot& held, Verdict& refusal) {
  WaiterSeat seat(processes_, self_);
  wanted.waiting_since_ns = monotonic_ns();
  seat.take(detail::with_costs(view(), wanted.request), wanted.priority);
  std::atomic<std::uint64_t>* const own = seat.is_taken() ? &seat.told() : nullptr;
  std::atomic<bool> is_cancelled{false};
  const std::stop_callback cancel(limit.stop, [&] {
    is_cancelled.store(true, std::memory_order_release);
    if (own == nullptr) return;
    // A telling without a turn: the sleeper looks, and sees that it was cancelled. Not by way of
    // the seat, which may have been left; to the next holder this is a look for nothing.
    own->fetch_add(1, std::memory_order_seq_cst);
    futex_wake(reinterpret_cast<const std::uint32_t*>(own), 1, FutexScope::kShared);
  });
  Errc code = Errc::kOk;
  unsigned rechecks = 0;
  for (bool is_recheck = false;;) {
    code = check();
    if (code != Errc::kOk) break;
    // Whoever told it has found that it fits: to find that out again would only take time.
    if (seat.is_told() && claim_in_turn(wanted, held, refusal)) return leave_admitted(seat);
    detail::SleepList sleep(processes_, self_);
    if (own != nullptr) {
      seat.confirm();
      sleep.watch_told(*own, WaiterTold{own->load(std::memory_order_seq_cst)}.count());
    }
    sleep.note_marked();
    const bool probes = is_recheck && rechecks++ % kRechecksPerProbe == 0;
    is_recheck = false;
    const WaitStep step =
        try_in_turn(wanted, seat, probes ? ProbeMode::kPidfd : ProbeMode::kMarkOnly, held, refusal);
    if (step == WaitStep::kDone) return leave_admitted(seat);
    const std::uint64_t now_ns = monotonic_ns();
    const bool is_late =
        now_ns >= limit.deadline_ns || is_cancelled.load(std::memory_order_acquire);
    if (step == WaitStep::kOver || is_late) break;
    if (step == WaitStep::kAgain) continue;
    if (own != nullptr) sleep.watch_others();
    const std::uint64_t bound_ns = step == WaitStep::kPause ? kContendedPauseNs : kRecheckNs;
    is_recheck = sleep.sleep(std::min(bound_ns, limit.deadline_ns - now_ns));
  }
  held = {};
  seat.leave();
  if (code != Errc::kOk) return code;
  // Whatever it was told is passed on.
  wake_waiters(processes_);
  refusal = look(wanted);
  if (refusal) refusal.reason = Reason::kQueuedAhead;
  return Errc::kOk;
}

/// A claim that would be admitted gives way to waiters that come before it.
[[gnu::noinline, gnu::cold]] inline bool Attachment::gives_way(
    const ClaimRequest& wanted) noexcept {
  if (wanted.in_turn) return false;
  return ask_queue(processes_, detail::with_costs(view(), wanted.request), wanted.priority) ==
         QueueAnswer::kGiveWay;
}

}  // namespace slotd::inline v0_1
