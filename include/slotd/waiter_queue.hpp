// Those who wait, as one look at their entries shows them, and what is held beside them: what a
// walk of the queue (waiters.hpp) goes by. Nothing read here is trusted: entries of the dead and
// torn ones are left out, and whoever acts on a wrong one claims afterwards, which alone decides.
//
// Reads only. Thread-safe; never blocks; no allocation; no system call. Stack: 128 KiB for a
// WaiterQueue.
#pragma once

#include <algorithm>
#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

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

}  // namespace detail

}  // namespace slotd::inline v0_1
