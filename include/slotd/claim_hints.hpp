// What an attachment remembers in private memory so that its next claim is quick: where a free word
// was last, which types were refused last, and the rules in the form in which they are compared.
// All of it may be wrong; a claim finds out.
//
// Thread-safe: the words are relaxed atomics, the rules are the primary thread's alone. Never
// blocks; nothing here is shared, so nothing outlives a crash.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "slotd/layout.hpp"
#include "slotd/quick_rules.hpp"

namespace slotd::inline v0_1 {

class ClaimHints {
 public:
  /// Is this the first thread that claimed or released here? It has counters and kept rules of its
  /// own: an RMW on every claim and release, or loading the rules anew, would be a quarter of their
  /// time. Another thread can only get its marker after it has ended.
  bool is_primary_thread() noexcept {
    const void* mine = thread_marker();
    const void* primary = primary_thread_.load(std::memory_order_relaxed);
    return primary == mine || (primary == nullptr && primary_thread_.compare_exchange_strong(
                                                         primary, mine, std::memory_order_relaxed));
  }

  /// Calls `use` with rules for it to bring up to date: kept ones for the primary thread.
  template <typename Use>
  bool with_rules(std::uint32_t type, Use use) noexcept {
    if (is_primary_thread() && !kept_rules_busy_) {
      // A signal handler that claims on this very thread must not meet rules that are being filled.
      kept_rules_busy_ = true;
      std::atomic_signal_fence(std::memory_order_seq_cst);
      const bool result = use(kept_rules_[type & (kMaxTypes - 1U)]);
      std::atomic_signal_fence(std::memory_order_seq_cst);
      kept_rules_busy_ = false;
      return result;
    }
    QuickRules rules;
    return use(rules);
  }

  /// Where to look for a free word first.
  std::uint32_t free_slot() const noexcept { return free_slot_.load(std::memory_order_relaxed); }
  void note_taken(std::uint32_t slot) noexcept {
    free_slot_.store(slot + 1U, std::memory_order_relaxed);
  }
  void note_free(std::uint32_t slot) noexcept {
    if (slot < free_slot()) free_slot_.store(slot, std::memory_order_relaxed);
  }

  /// Was the last claim of this type refused?
  bool was_refused(std::uint32_t type) const noexcept {
    return type < kMaxTypes &&
           ((refused_.load(std::memory_order_relaxed) >> (type & 31U)) & 1U) != 0;
  }
  void set_refused(std::uint32_t type, bool refused) noexcept {
    const std::uint32_t bit = 1U << (type & 31U);
    if (type >= kMaxTypes || was_refused(type) == refused) return;
    if (refused) {
      refused_.fetch_or(bit, std::memory_order_relaxed);
    } else {
      refused_.fetch_and(~bit, std::memory_order_relaxed);
    }
  }

 private:
  /// An address that no other living thread has.
  static const void* thread_marker() noexcept {
    static thread_local char marker;
    return &marker;
  }

  std::array<QuickRules, kMaxTypes> kept_rules_;  ///< the primary thread's, by type
  bool kept_rules_busy_ = false;                  ///< of the primary thread alone
  alignas(kLine) std::atomic<std::uint32_t> free_slot_{0};
  std::atomic<std::uint32_t> refused_{0};  ///< bit t: the last claim of type t was refused
  std::atomic<const void*> primary_thread_{nullptr};
};

}  // namespace slotd::inline v0_1
