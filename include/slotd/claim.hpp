// The claim: one more job of a type, admitted or refused against all slot words, in any
// interleaving of any processes.
//
// In short (design, section 5): take a free word, publish it as TENTATIVE, then read all words.
// Fits with every held and every tentative word counted: PENDING. So of any set of slots held at
// once the one published last counted all the others, and no limit is exceeded. Does not fit with
// the held words alone, as two successive passes both show them: refused. Otherwise only tentative
// words are in the way: a conflict, settled by index order within kConflictBoundNs.
//
// Blocking: never on another process. A claim without conflict makes no system call and allocates
// nothing. A conflict costs at most kConflictRounds * kConflictBoundNs. Stack: 64 KiB where a
// refusal or a conflict is met. Killed at any instruction: leaves at most one word, of a dead
// owner. The model of these rules is tests/model/rule.pml; keep the names of the steps in both.
#pragma once

#include <array>
#include <cstdint>

#include "slotd/admission.hpp"
#include "slotd/clock.hpp"
#include "slotd/layout.hpp"
#include "slotd/ledger.hpp"
#include "slotd/process_table.hpp"
#include "slotd/quick_claim.hpp"
#include "slotd/scan.hpp"
#include "slotd/segment_view.hpp"
#include "slotd/slot_table.hpp"

namespace slotd::inline v0_1 {

inline constexpr std::uint64_t kConflictBoundNs = 200'000;
inline constexpr int kMaxPasses = 8;  ///< unconfirmed refusals before `contended`
inline constexpr int kConflictRounds =
    16;  ///< expired bounds before `contended` without proof: nothing is unbounded
inline constexpr int kMaxRestarts =
    4096;  ///< passes restarted by reloads and samples, words lost, ...: likewise

struct ClaimResult {
  Verdict verdict;
  std::uint32_t slot = kNoSlot;  ///< of an admitted claim
  SlotWord word;
  std::uint64_t nonce = 0;
};

/// One claim in progress. Lives on the stack of the claiming thread; not copyable, used once.
class Claim : public QuickClaim {
 public:
  using QuickClaim::QuickClaim;
  /// Goes on where the quick claim left off.
  explicit Claim(const QuickClaim& begun) noexcept : QuickClaim(begun) {}
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  /// Decides. Held slots of dead owners in the way are freed and counted in reaped().
  ClaimResult run() noexcept {
    if (slot_ == kNoSlot) {
      load();
      // What no state of the table can change needs no word; too_large still looks, a duplicate key
      // comes before it.
      const bool never = !rules_.known || rules_.draining || !check_too_large(rules_, wanted_);
      if (never || request_.look_first) {
        const Verdict seen = look();
        if (!seen && (never || seen.reason != Reason::kContended)) return refuse(seen);
      }
    }
    QuickRules quick_rules;
    for (int restart = 0; restart < kMaxRestarts; ++restart) {
      if (slot_ == kNoSlot && try_quickly(quick_rules)) return admitted();
      if (slot_ == kNoSlot && !take_word_slowly()) {
        const Verdict seen = look_full_table();
        if (!seen) return refuse(seen);
        continue;
      }
      const Outcome outcome = settle();
      if (outcome == Outcome::kAdmitted && admit()) return admitted();
      if (outcome == Outcome::kRefused) return refuse(verdict_);
    }
    drop_word();
    return refuse(contended());
  }

  std::uint32_t reaped() const noexcept { return reaped_; }

  /// Dry run of the same decision: held words only, nothing is taken. `contended` when no two
  /// passes agree.
  Verdict look() noexcept;

 private:
  enum class Outcome : std::uint8_t {
    kAdmitted,  ///< the own word may become PENDING
    kRefused,   ///< own word dropped, verdict_ says why
    kRestart,   ///< own word dropped, take another
    kRescan,    ///< own word kept, read again
  };

  /// Some tentative words with the values that they had. What does not fit is forgotten.
  struct WordNote {
    static constexpr std::uint32_t kMaxNoted = 64;
    std::uint32_t count = 0;
    std::array<std::uint32_t, kMaxNoted> slots;
    std::array<std::uint64_t, kMaxNoted> words;

    void add(std::uint32_t slot, SlotWord word) noexcept {
      if (count == kMaxNoted) return;
      slots[count] = slot;
      words[count] = word.raw;
      ++count;
    }
    bool holds(std::uint32_t slot, SlotWord word) const noexcept {
      for (std::uint32_t i = 0; i < count; ++i) {
        if (slots[i] == slot) return words[i] == word.raw;
      }
      return false;
    }
  };

  static Verdict contended() noexcept {
    Verdict verdict;
    verdict.reason = Reason::kContended;
    return verdict;
  }
  ClaimResult admitted() const noexcept { return {Verdict{}, slot_, pending_word(), nonce_}; }
  static ClaimResult refuse(const Verdict& verdict) noexcept { return {verdict, kNoSlot, {}, 0}; }

  /// Loads the rules in force now. Every verdict checks afterwards that they still are. Rules of
  /// the stamp in force are right as they are: see update_quick_rules().
  void load() noexcept {
    if (is_loaded_ && is_still_current()) return;
    is_loaded_ = true;
    // The base comes from the block whose epoch the stamp names; a reload in between is rare, a
    // scribbler is bounded.
    for (int attempt = 0; attempt < kMaxPasses; ++attempt) {
      const std::uint64_t epoch = view_.header().config_epoch.load(std::memory_order_acquire);
      base_ = load_base(view_, epoch, type());
      stamp_ = load_stamp(view_, base_);
      if (stamp_.config_epoch == epoch) break;
      if (attempt + 1 == kMaxPasses) stamp_ = {};  // nothing is current: the pass starts anew
    }
    load_rules(view_, stamp_, type(), rules_);
    fill_default_costs(view_, stamp_.config_epoch, wanted_);
  }
  /// A reload may change the default costs after they were published in the own word and record.
  bool is_published_cost() const noexcept {
    return cost_milli_ == wanted_.cost_milli && memory_bytes_ == wanted_.memory_bytes;
  }
  /// Under rules that are not for a quick scan.
  bool take_word_slowly() noexcept {
    load();
    cost_milli_ = wanted_.cost_milli;
    memory_bytes_ = wanted_.memory_bytes;
    return take_word();
  }
  bool is_still_current() const noexcept { return is_current(view_, stamp_, base_); }

  PassContext context() const noexcept {
    const bool charged = view_.sample(stamp_.sample_epoch).charge_mark.get() != 0;
    return {&view_,
            &rules_,
            stamp_,
            request_.key,
            wanted_.cost_milli,
            charged && processes_.is_broker_down()};
  }

  // Below: claim_slow.hpp.
  void keep_at_most(const PassWords& previous, const PassWords& pass, Usage& usage) const noexcept;
  Verdict confirm(const PassContext& with, const PassWords& previous,
                  const PassWords& pass) noexcept;
  Outcome settle() noexcept;
  Outcome settle_conflict(const PassContext& with, PassPair& passes, unsigned turn,
                          const Usage& counted) noexcept;
  Outcome judge_expired_conflict(PassPair& passes) noexcept;
  void note_conflict(const PassContext& pass_context, const PassWords& pass,
                     const Usage& counted) noexcept;
  bool is_obstacle(const PassContext& pass_context, std::uint32_t slot, SlotWord word,
                   const Usage& counted) const noexcept;
  bool is_hopeless(const PassContext& with, const PassWords& pass) const noexcept;
  bool spin_until_changed(std::uint32_t slot, SlotWord word) const noexcept;
  Outcome refuse_word(const Verdict& verdict) noexcept;
  void load_held_pass(PassWords& pass) noexcept;
  bool is_repetition(const PassWords& previous, const PassWords& pass,
                     const LedgerStamp& previous_stamp) const noexcept;
  Verdict look_in_passes(PassPair& passes) noexcept;
  Verdict look_slowly() noexcept;
  Verdict judge_full_table(PassPair& passes) noexcept;
  Verdict look_full_table() noexcept;

  /// Looks at the presence of every owner whose word the pass shows; true when a word
  /// of a dead owner is free by now.
  bool reap_seen(const PassWords& pass) noexcept {
    if (!view_.writable()) return false;
    bool freed_any = false;
    std::uint32_t alive = self_.index;  // the last owner that was looked at and lives
    for (std::uint32_t slot = 0; slot < pass.count; ++slot) {
      const SlotWord seen = pass[slot];
      if (seen.is_free() || seen.owner() == alive || seen.owner() == self_.index) continue;
      if (!is_owner_marked(seen)) {
        alive = seen.owner();
        continue;
      }
      const auto freed = processes_.reap_word(slot, ProbeMode::kMarkOnly);
      if (!freed) {
        // Somebody else was faster: the dead owner's word was counted all the same.
        freed_any |= view_.word(slot).load(std::memory_order_acquire) != seen.raw;
        continue;
      }
      freed_any = true;
      if (freed->is_held()) ++reaped_;
    }
    return freed_any;
  }

  /// Cheap look before reap_word, which checks everything again.
  bool is_owner_marked(SlotWord word) const noexcept {
    if (!processes_.is_index(word.owner())) return false;
    const ProcessEntry& entry = view_.process(word.owner());
    const std::uint64_t attach = entry.attach.load(std::memory_order_acquire);
    return processes_.judge_owner({word.owner(), attach}, ProbeMode::kMarkOnly) !=
           OwnerLife::kAlive;
  }

  Request wanted_ = request_.request;  ///< with the default costs of the rules now loaded
  std::uint32_t base_ = 0;
  LedgerStamp stamp_;
  Rules rules_;
  Verdict verdict_;
  bool is_loaded_ = false;
  bool in_conflict_ = false;
  std::uint64_t conflict_since_ns_ = 0;
  WordNote noted_;  ///< tentative words in the way at the first conflict of a round
  WordNote stuck_;  ///< those that did not move for a whole round: counted, but not waited for
  int rounds_ = 0;
  std::uint32_t reaped_ = 0;
};

}  // namespace slotd::inline v0_1

#include "slotd/claim_slow.hpp"  // IWYU pragma: export
