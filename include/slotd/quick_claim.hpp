// The claim and the dry run that simply fit: one free word taken, one scan that only adds up, one
// CAS. What it cannot answer at once it leaves to Claim (claim.hpp), with the word that it has
// taken.
//
// Blocking: never. No system call, no allocation. Killed at any instruction: leaves at most one
// word, of a dead owner. The steps are those of tests/model/rule.pml.
#pragma once

#include <atomic>
#include <cstdint>

#include "slotd/clock.hpp"
#include "slotd/layout.hpp"
#include "slotd/ledger.hpp"
#include "slotd/process_table.hpp"
#include "slotd/quick_rules.hpp"
#include "slotd/record_write.hpp"
#include "slotd/scan.hpp"
#include "slotd/segment_view.hpp"

namespace slotd::inline v0_1 {

/// What is claimed.
struct ClaimRequest {
  Request request;
  KeyQuery key;
  bool look_first = false;  ///< the last claim of this type was refused: look before taking a word
  bool in_turn = false;     ///< it has been told: it gives way to nobody
  std::uint32_t priority = 0;          ///< 0..255, larger first
  std::uint64_t waiting_since_ns = 0;  ///< monotonic_ns() when it got in line; 0: it did not wait
};

/// A nonce that no other claim has: distinct seeds, slots, generations or ticks give distinct
/// inputs to a mixer.
constexpr std::uint64_t make_nonce(std::uint64_t seed, SlotWord word, std::uint32_t slot,
                                   std::uint64_t now_ns) noexcept {
  std::uint64_t z = seed + word.raw + std::uint64_t{slot} * 0xd6e8'feb8'6659'fd93ULL +
                    now_ns * 0x9e37'79b9'7f4a'7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11ebULL;
  z ^= z >> 31;
  return z == 0 ? 1 : z;
}

/// One claim in progress, as far as it goes without looking twice. Lives on the stack of the
/// claiming thread.
class QuickClaim {
 public:
  /// `self` is the claimer's own entry (presence armed). `hint` is where to look for a free word
  /// first. `seed` is random per attachment.
  QuickClaim(const ProcessTable& processes, ProcessRef self, const ClaimRequest& request,
             std::uint32_t hint, std::uint64_t seed) noexcept
      : processes_(processes),
        view_(processes.view()),
        self_(self),
        request_(request),
        cost_milli_(request.request.cost_milli),
        memory_bytes_(request.request.memory_bytes),
        hint_(hint),
        seed_(seed) {}

  /// Admitted? Otherwise nothing is decided, and a word may have been taken and published. `rules`
  /// are the caller's for this type, as the last claim left them, or zeroed.
  [[gnu::flatten]] bool try_quickly(QuickRules& rules) noexcept {
    return prepare(rules) && take_word() &&
           is_room(rules, SlotState::kTentative, OwnWord::kPublished) && admit();
  }

  /// Would it be admitted? False decides nothing. Takes nothing.
  [[gnu::flatten]] bool look_quickly(QuickRules& rules) noexcept {
    // With the mark below the end of the table there is a free word.
    return view_.mark() < view_.slot_count() && prepare(rules) &&
           is_room(rules, SlotState::kPending, OwnWord::kNone);
  }

  std::uint32_t slot() const noexcept { return slot_; }
  std::uint64_t nonce() const noexcept { return nonce_; }
  /// Of an admitted claim.
  SlotWord pending_word() const noexcept { return word_.with_state(SlotState::kPending); }

 protected:
  std::uint32_t type() const noexcept { return request_.request.type; }

  /// Brings the rules up to date and takes default costs from them. They were loaded before the own
  /// word is published, and is_room() asks after the scan whether they are in force still: so they
  /// were throughout the scan.
  bool prepare(QuickRules& rules) noexcept {
    if (!update_quick_rules(view_, type(), rules)) return false;
    if (request_.request.cost_is_default) cost_milli_ = rules.default_cost_milli;
    if (request_.request.memory_is_default) memory_bytes_ = rules.default_memory_bytes;
    return std::uint64_t{cost_milli_} * 1000U <= rules.room_micro;
  }

  bool is_room(const QuickRules& rules, SlotState from_state, OwnWord own) const noexcept {
    const LedgerStamp stamp = rules.stamp;
    if (!admits_quickly(view_, rules, from_state, own, cost_milli_)) return false;
    const std::uint64_t added_bytes = own == OwnWord::kNone ? memory_bytes_ : 0;
    if (!has_memory_quickly(view_, rules, from_state, added_bytes)) return false;
    if (!request_.key.text.empty() && may_have_key(view_, request_.key.fingerprint, slot_))
      return false;
    return is_current(view_, stamp, rules.base);
  }

  bool take_word() noexcept {
    const std::uint32_t mark = view_.mark();
    const std::uint32_t start = hint_ < mark ? hint_ : 0;
    return take_word_in(start, mark) || take_word_in(0, start) ||
           take_word_in(mark, view_.slot_count());
  }

  bool take_word_in(std::uint32_t begin, std::uint32_t end) noexcept {
    for (std::uint32_t slot = begin; slot < end; ++slot) {
      const SlotWord word{view_.word(slot).load(std::memory_order_acquire)};
      if (word.is_free() && try_publish(slot, word)) return true;
    }
    return false;
  }

  /// Takes the free word and publishes it as TENTATIVE, its record frozen.
  bool try_publish(std::uint32_t slot, SlotWord free) noexcept {
    SlotRecord& record = view_.record(slot);
    word_ = SlotWord::make(self_.index, SlotState::kTentative, type(), cost_milli_,
                           free.generation() + 1U);
    std::uint64_t expected = free.raw;
    // With the word unchanged since it was loaded, so are the fields that the last claimer left:
    // where they are right already, nobody can read a wrong one and the CLAIMING step is not
    // needed.
    const bool as_is = request_.key.text.empty() && memory_bytes_ == 0 &&
                       view_.key_fingerprint(slot).load(std::memory_order_relaxed) == 0 &&
                       record.memory_bytes.get() == 0;
    if (as_is) {
      raise_mark(view_, slot);
      if (!view_.word(slot).compare_exchange_strong(expected, word_.raw, std::memory_order_seq_cst))
        return false;
    } else {
      const SlotWord claiming = word_.with_state(SlotState::kClaiming);
      if (!view_.word(slot).compare_exchange_strong(expected, claiming.raw,
                                                    std::memory_order_seq_cst))
        return false;
      freeze_record(view_, slot, request_.key.text, request_.key.fingerprint, memory_bytes_);
      write_times(slot, record);
      raise_mark(view_, slot);
      expected = claiming.raw;
      if (!view_.word(slot).compare_exchange_strong(expected, word_.raw, std::memory_order_seq_cst))
        return false;
    }
    publish_barrier();
    slot_ = slot;
    if (as_is) write_times(slot, record);
    return true;
  }

  /// Fields that only matter once the slot is held; the word is the claimer's own until then.
  void write_times(std::uint32_t slot, SlotRecord& record) noexcept {
    const std::uint64_t now_ns = processes_.clock().coarse_ns();
    nonce_ = make_nonce(seed_, word_, slot, now_ns);
    record.nonce.set(nonce_);
    record.claimed_at_ns.set(now_ns);
    // activated and reported_cpu say by themselves that they are of another claim.
  }

  void drop_word() noexcept {
    if (slot_ == kNoSlot) return;
    std::uint64_t expected = word_.raw;
    // Release would do for the record; seq_cst as all changes of a slot word. A failure means that
    // the word was taken away.
    view_.word(slot_).compare_exchange_strong(expected, word_.freed().raw,
                                              std::memory_order_seq_cst);
    slot_ = kNoSlot;
  }

  bool admit() noexcept {
    std::uint64_t expected = word_.raw;
    const bool done = view_.word(slot_).compare_exchange_strong(
        expected, word_.with_state(SlotState::kPending).raw, std::memory_order_seq_cst);
    if (!done) slot_ = kNoSlot;
    return done;
  }

  const ProcessTable& processes_;
  const SegmentView& view_;
  ProcessRef self_;
  const ClaimRequest& request_;
  std::uint32_t cost_milli_;    ///< to be published, or published in word_
  std::uint64_t memory_bytes_;  ///< likewise, in the record
  std::uint32_t hint_;
  std::uint64_t seed_;
  std::uint32_t slot_ = kNoSlot;  ///< own word, while one is taken
  SlotWord word_;
  std::uint64_t nonce_ = 0;
};

}  // namespace slotd::inline v0_1
