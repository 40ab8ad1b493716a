// The entries of those who wait, and waking them. A waiter takes an entry, shows it, sets its
// group's bit in the header, looks once more, and sleeps on its own word (waiting_claim.hpp).
// Whoever makes room looks at the bits and tells, in the order of queue.hpp, those that fit now;
// nobody else is woken. Telling gives a turn: until it ends others give way.
//
// Nothing here decides an admission: a waiter claims like everybody else when it has been told. So
// a wrong or scribbled entry can cost precedence and time, never a limit. And every sleep ends
// within kRecheckNs: whatever a killed waker left undone, the waiters find by themselves.
//
// Memory order: the holder's CAS that shows the entry, then the bit (RMW), then a barrier, then the
// look at the words; whoever frees a word does that by a seq_cst CAS and loads the bits (seq_cst)
// afterwards. One of the two sees the other.
//
// Thread-safe; never blocks; no allocation; a system call for each waiter that is told. Stack: 128
// KiB where somebody waits. Killed anywhere: entries of the dead are nobody's, and taken again.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <new>

#include "slotd/futex.hpp"
#include "slotd/ledger.hpp"
#include "slotd/process_table.hpp"
#include "slotd/queue.hpp"
#include "slotd/scan.hpp"
#include "slotd/segment_view.hpp"
#include "slotd/waiter_words.hpp"

namespace slotd::inline v0_1 {

inline constexpr std::uint64_t kRecheckMs = kRecheckNs / kNsPerMs;
inline constexpr std::uint32_t kNoWaiter = kMaxWaiters;

/// Is the entry shown, by a process that is not known to be dead?
inline bool is_waiting(const ProcessTable& processes, WaiterHolder holder) noexcept {
  if (holder.state() != WaiterHolder::State::kShown || !processes.is_index(holder.owner()))
    return false;
  const std::uint64_t attach =
      processes.view().process(holder.owner()).attach.load(std::memory_order_acquire);
  return attach_tag(attach) == holder.tag() &&
         processes.judge_owner({holder.owner(), attach}, ProbeMode::kMarkOnly) == OwnerLife::kAlive;
}

/// Those who wait, as one look showed them, in their order. Lives on the stack.
class WaiterQueue {
 public:
  /// Reads all shown entries of processes that are not known to be dead. `own` is the reader's: it
  /// runs, whatever its entry says of its turn.
  WaiterQueue(const ProcessTable& processes, std::uint64_t now_ms,
              std::uint32_t own = kNoWaiter) noexcept
      : processes_(processes), view_(processes.view()), now_ms_(now_ms), own_(own) {
    const ConfigBlock& config =
        view_.config(view_.header().config_epoch.load(std::memory_order_acquire));
    rules_ = {std::max<std::uint64_t>(config.overtake_window_ms.get(), 1), view_.slot_count()};
    turn_ms_ = std::max<std::uint64_t>(config.turn_ms.get(), 1);
    std::uint64_t groups = view_.header().waiting.load(std::memory_order_seq_cst);
    idle_groups_ = groups;
    for (; groups != 0; groups &= groups - 1U)
      read_group(static_cast<std::uint32_t>(__builtin_ctzll(groups)));
    sort();
  }

  /// Bits that are set although nobody waits there: who was killed does not take its bit back.
  std::uint64_t idle_groups() const noexcept { return idle_groups_; }
  const QueueRules& rules() const noexcept { return rules_; }
  std::uint64_t turn_ms() const noexcept { return turn_ms_; }
  const QueuedClaim* begin() const noexcept { return claims(); }
  const QueuedClaim* end() const noexcept { return claims() + count_; }

  /// One more, in its place: a claim that has no entry.
  void add(const QueuedClaim& claim) noexcept {
    push(claim);
    sort();
  }

 private:
  void read_group(std::uint32_t group) noexcept {
    for (std::uint32_t i = group * kWaiterGroup; i < (group + 1U) * kWaiterGroup; ++i) {
      const WaiterEntry& entry = view_.waiter(i);
      const WaiterHolder holder{entry.holder.load(std::memory_order_acquire)};
      if (!is_waiting(processes_, holder)) continue;
      idle_groups_ &= ~(std::uint64_t{1} << group);
      QueuedClaim claim;
      const std::uint64_t request = entry.request.get();
      claim.request = unpack_wait_request(request);
      claim.request.memory_bytes = entry.memory_bytes.get();
      claim.priority = wait_priority(request);
      claim.ticket = entry.ticket.get();
      claim.waited_ms = since(entry.since_ms.get());
      const std::uint64_t confirmed_ms = entry.confirmed_ms.get();
      claim.is_confirmed =
          since(confirmed_ms) <= 2 * kRecheckMs && confirmed_ms <= now_ms_ + kRecheckMs;
      claim.has_missed = has_missed({entry.told.load(std::memory_order_acquire)});
      if (i == own_) {
        claim.has_missed = false;
        claim.is_confirmed = true;
      }
      claim.entry = i;
      claim.holder = holder.raw;
      std::atomic_thread_fence(std::memory_order_acquire);  // the fields were read before this load
      if (entry.holder.load(std::memory_order_relaxed) != holder.raw) continue;
      fill_default_costs(view_, view_.header().config_epoch.load(std::memory_order_acquire),
                         claim.request);
      push(claim);
    }
  }

  std::uint64_t since(std::uint64_t ms) const noexcept { return now_ms_ > ms ? now_ms_ - ms : 0; }

  /// Its turn came and went, and it has not run since: who runs ends a turn that it does not use.
  bool has_missed(WaiterTold told) const noexcept {
    return told.has_turn() && !told.is_running(now_ms_);
  }

  QueuedClaim* claims() noexcept { return reinterpret_cast<QueuedClaim*>(storage_.data()); }
  const QueuedClaim* claims() const noexcept {
    return reinterpret_cast<const QueuedClaim*>(storage_.data());
  }
  void push(const QueuedClaim& claim) noexcept {
    if (count_ <= kMaxWaiters) new (claims() + count_++) QueuedClaim(claim);
  }
  void sort() noexcept {
    std::sort(claims(), claims() + count_, [this](const QueuedClaim& a, const QueuedClaim& b) {
      return comes_before(a, b, rules_);
    });
  }

  const ProcessTable& processes_;
  const SegmentView& view_;
  std::uint64_t now_ms_;
  std::uint32_t own_;
  QueueRules rules_;
  std::uint64_t turn_ms_ = 0;
  std::uint64_t idle_groups_ = 0;
  std::uint32_t count_ = 0;
  // Not an array of claims: to begin the life of a thousand of them takes longer than the rest.
  alignas(QueuedClaim) std::array<std::byte, (kMaxWaiters + 1) * sizeof(QueuedClaim)> storage_;
};

namespace detail {

/// What the held words take now. One pass: whoever acts on it claims afterwards, and only that
/// decides.
inline Totals read_totals(const SegmentView& view, bool broker_down) noexcept {
  const std::uint64_t epoch = view.header().sample_epoch.load(std::memory_order_acquire);
  const SampleBlock& sample = view.sample(epoch);
  const std::uint64_t charged = sample.charge_mark.get();
  const std::uint32_t mark = view.mark();
  Totals totals;
  for (std::uint32_t slot = 0; slot < mark; ++slot) {
    const SlotWord word{view.word(slot).load(std::memory_order_acquire)};
    if (!word.is_held()) continue;
    const ChargeWord charge{
        slot < charged ? view.charges(epoch)[slot].load(std::memory_order_relaxed) : 0};
    const bool sampled = charge.matches(word) && (charge.flags() & ChargeWord::kMemorySampled) != 0;
    totals.add(word.type(), charge_micro(word, charge, broker_down),
               sampled ? view.memory_held(epoch)[slot].load(std::memory_order_relaxed)
                       : view.record(slot).memory_bytes.get());
  }
  return totals;
}

/// Rules by type, loaded when asked for; the last type's are kept.
class RulesByType {
 public:
  explicit RulesByType(const SegmentView& view) noexcept : view_(view) {}

  const Rules& operator()(std::uint32_t type) noexcept {
    if (type == type_) return rules_;
    type_ = type;
    const std::uint64_t epoch = view_.header().config_epoch.load(std::memory_order_acquire);
    load_rules(view_, load_stamp(view_, load_base(view_, epoch, type)), type, rules_);
    return rules_;
  }

 private:
  const SegmentView& view_;
  std::uint32_t type_ = ~0U;
  Rules rules_;
};

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

// ---- An entry of one's own ----------------------------------------------------------------------

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

  void set_bit() noexcept {
    const std::uint64_t bit = std::uint64_t{1} << (index_ / kWaiterGroup);
    std::atomic<std::uint64_t>& waiting = view_.header().waiting;
    if ((waiting.load(std::memory_order_seq_cst) & bit) == 0)
      waiting.fetch_or(bit, std::memory_order_seq_cst);
    // Whoever frees a word now sees the bit, or this waiter's next look sees the free word.
    std::atomic_thread_fence(std::memory_order_seq_cst);
  }
  const ProcessTable& processes_;
  const SegmentView& view_;
  ProcessRef self_;
  WaiterHolder holder_;
  std::uint32_t index_ = kNoWaiter;
  int missed_ = 0;
};

}  // namespace slotd::inline v0_1
