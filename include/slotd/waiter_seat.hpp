// An entry of one's own among those who wait: taking it, showing it, using or passing on a turn,
// giving it back. The words and their order are those of waiters.hpp.
//
// Used by one thread. Never blocks; no allocation; system calls only where giving it back wakes
// others. Killed anywhere: the entry is nobody's, and taken again.
#pragma once

#include <atomic>
#include <cstdint>

#include "slotd/process_table.hpp"
#include "slotd/segment_view.hpp"
#include "slotd/waiter_words.hpp"
#include "slotd/waiters.hpp"

namespace slotd::inline v0_1 {

/// One waiter's entry, from taking it to giving it back. Used by one thread.
class WaiterSeat {
 public:
  WaiterSeat(const ProcessTable& processes, ProcessRef self) noexcept
      : processes_(processes), view_(processes.view()), self_(self) {}
  WaiterSeat(const WaiterSeat&) = delete;
  WaiterSeat& operator=(const WaiterSeat&) = delete;
  ~WaiterSeat() { leave(); }

  /// Takes an entry and shows it. False: all are in use.
  bool take(const Request& request, std::uint32_t priority) noexcept {
    for (std::uint32_t i = 0; i < kMaxWaiters; ++i) {
      // Neighbours start at different places.
      const std::uint32_t index = (i + self_.index * kWaiterGroup) % kMaxWaiters;
      if (!try_take(index)) continue;
      WaiterEntry& entry = view_.waiter(index);
      index_ = index;
      entry.request.set(pack_wait_request(request, priority));
      entry.memory_bytes.set(request.memory_bytes);
      entry.ticket.set(view_.header().tickets.fetch_add(1, std::memory_order_relaxed));
      entry.since_ms.set(now_ms());
      entry.confirmed_ms.set(now_ms());
      end_turn_of_last(entry.told);
      holder_ = WaiterHolder::make(self_, holder_.use(), WaiterHolder::State::kShown);
      // Release (and more): the fields before the state that shows them.
      entry.holder.store(holder_.raw, std::memory_order_seq_cst);
      set_bit();
      return true;
    }
    return false;
  }

  bool is_taken() const noexcept { return index_ != kNoWaiter; }
  std::uint32_t index() const noexcept { return index_; }
  std::atomic<std::uint64_t>& told() const noexcept { return view_.waiter(index_).told; }

  /// The holder looks for itself now. A turn that has gone by is over; the second one in a row
  /// costs the ticket. Sets the bit again, which a killed waker may have cleared.
  void confirm() noexcept {
    WaiterEntry& entry = view_.waiter(index_);
    const std::uint64_t now = now_ms();
    WaiterTold told{entry.told.load(std::memory_order_acquire)};
    if (told.has_turn() && !told.is_running(now)) {
      if (++missed_ >= 2) {
        entry.ticket.set(view_.header().tickets.fetch_add(1, std::memory_order_relaxed));
        missed_ = 0;
      }
      entry.told.compare_exchange_strong(told.raw, told.count(), std::memory_order_seq_cst);
    } else if (told.has_turn()) {
      missed_ = 0;
    }
    entry.confirmed_ms.set(now);
    set_bit();
  }

  /// Has the holder a turn that is running?
  bool is_told() const noexcept {
    return is_taken() && WaiterTold{told().load(std::memory_order_acquire)}.is_running(now_ms());
  }

  /// Ends a turn that cannot be used, running or over. True: there was one. Whoever made room
  /// while it stood has told nobody because of it, so the holder looks again before it sleeps.
  bool pass_turn() noexcept {
    std::atomic<std::uint64_t>& cell = told();
    WaiterTold seen{cell.load(std::memory_order_seq_cst)};
    if (!seen.has_turn()) return false;
    cell.compare_exchange_strong(seen.raw, seen.count(), std::memory_order_seq_cst);
    return true;
  }

  /// Gives the entry back. Idempotent.
  void leave() noexcept {
    if (index_ == kNoWaiter) return;
    std::uint64_t expected = holder_.raw;
    view_.waiter(index_).holder.compare_exchange_strong(expected, holder_.freed().raw,
                                                        std::memory_order_seq_cst);
    const std::uint32_t group = index_ / kWaiterGroup;
    index_ = kNoWaiter;
    // Whoever made room while the bit was away has told nobody.
    if (!detail::is_group_used(processes_, group) &&
        detail::take_back_bits(processes_, std::uint64_t{1} << group))
      wake_waiters(processes_);
  }

 private:
  std::uint64_t now_ms() const noexcept { return processes_.clock().coarse_ns() / kNsPerMs; }

  /// No turn, and a count that the word never had: who is about to tell the last holder fails.
  static void end_turn_of_last(std::atomic<std::uint64_t>& told) noexcept {
    std::uint64_t seen = told.load(std::memory_order_relaxed);
    // Bounded: others change it once for each look at the last holder. Release by the store of the
    // holder that follows.
    for (int attempt = 0; attempt < kMaxWordAttempts; ++attempt) {
      const std::uint64_t next = WaiterTold{seen}.count() + 1U;
      if (told.compare_exchange_weak(seen, next & 0xffff'ffffU, std::memory_order_seq_cst)) return;
    }
  }

  /// Free, or its holder's tenancy is over or marked: nobody will come back to it.
  bool try_take(std::uint32_t index) noexcept {
    std::atomic<std::uint64_t>& cell = view_.waiter(index).holder;
    const WaiterHolder seen{cell.load(std::memory_order_acquire)};
    if (seen.state() != WaiterHolder::State::kFree && !is_abandoned(seen)) return false;
    holder_ = WaiterHolder::make(self_, seen.use() + 1U, WaiterHolder::State::kWriting);
    std::uint64_t expected = seen.raw;
    return cell.compare_exchange_strong(expected, holder_.raw, std::memory_order_seq_cst);
  }
  bool is_abandoned(WaiterHolder holder) const noexcept {
    if (!processes_.is_index(holder.owner())) return true;
    const ProcessEntry& entry = view_.process(holder.owner());
    const std::uint64_t attach = entry.attach.load(std::memory_order_acquire);
    return attach_tag(attach) != holder.tag() ||
           processes_.judge_owner({holder.owner(), attach}, ProbeMode::kMarkOnly) ==
               OwnerLife::kGone;
  }

  /// Before a look: the walk has the barrier.
  void set_bit() noexcept {
    const std::uint64_t bit = std::uint64_t{1} << (index_ / kWaiterGroup);
    std::atomic<std::uint64_t>& waiting = view_.header().waiting;
    if ((waiting.load(std::memory_order_seq_cst) & bit) == 0)
      waiting.fetch_or(bit, std::memory_order_seq_cst);
  }
  const ProcessTable& processes_;
  const SegmentView& view_;
  ProcessRef self_;
  WaiterHolder holder_;
  std::uint32_t index_ = kNoWaiter;
  int missed_ = 0;
};

}  // namespace slotd::inline v0_1
