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

/// What is claimed.
struct ClaimRequest {
  Request request;
  KeyQuery key;
  bool look_first = false;  ///< the last claim of this type was refused: look before taking a word
};

struct ClaimResult {
  Verdict verdict;
  std::uint32_t slot = kNoSlot;  ///< of an admitted claim
  SlotWord word;
  std::uint64_t nonce = 0;
};

/// A nonce that no other claim has: distinct seeds, slots, generations or ticks give distinct
/// inputs to a mixer.
constexpr std::uint64_t make_nonce(std::uint64_t seed, SlotWord word, std::uint32_t slot,
                                   std::uint64_t now_ns) noexcept {
  std::uint64_t z =
      seed + word.raw + (std::uint64_t{slot} << 20) + now_ns * 0x9e37'79b9'7f4a'7c15ULL;
  z = (z ^ (z >> 30)) * 0xbf58'476d'1ce4'e5b9ULL;
  z = (z ^ (z >> 27)) * 0x94d0'49bb'1331'11ebULL;
  z ^= z >> 31;
  return z == 0 ? 1 : z;
}

/// One claim in progress. Lives on the stack of the claiming thread; not copyable, used once.
class Claim {
 public:
  /// `self` is the claimer's own entry (presence armed). `hint` is where to look for a free word
  /// first. `seed` is random per attachment.
  Claim(const ProcessTable& processes, ProcessRef self, const ClaimRequest& request,
        std::uint32_t hint, std::uint64_t seed) noexcept
      : processes_(processes),
        view_(processes.view()),
        self_(self),
        request_(request),
        wanted_(request.request),
        hint_(hint),
        seed_(seed) {}
  Claim(const Claim&) = delete;
  Claim& operator=(const Claim&) = delete;

  /// Decides. Held slots of dead owners in the way are freed and counted in reaped().
  ClaimResult run() noexcept {
    load();
    // What no state of the table can change needs no word; too_large still looks, a duplicate key
    // comes before it.
    const bool never = !rules_.known || rules_.draining || !check_too_large(rules_, wanted_);
    if (never || request_.look_first) {
      const Verdict seen = look();
      if (!seen && (never || seen.reason != Reason::kContended)) return refuse(seen);
    }
    for (int restart = 0; restart < kMaxRestarts; ++restart) {
      if (!take_word()) {
        const Verdict seen = look_full_table();
        if (!seen) return refuse(seen);
        continue;
      }
      load();
      if (!is_published_cost()) {
        drop_word();
        continue;
      }
      const Outcome outcome = decide_quickly() ? Outcome::kAdmitted : settle();
      if (outcome == Outcome::kAdmitted && admit()) {
        return {Verdict{}, slot_, word_.with_state(SlotState::kPending), nonce_};
      }
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

  /// Tentative words in the way at the first conflict of a round.
  struct ConflictNote {
    static constexpr std::uint32_t kMaxNoted = 64;
    bool taken = false;
    std::uint64_t since_ns = 0;
    std::uint32_t count = 0;
    std::array<std::uint32_t, kMaxNoted> slots;
    std::array<std::uint64_t, kMaxNoted> words;

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
  static ClaimResult refuse(const Verdict& verdict) noexcept { return {verdict, kNoSlot, {}, 0}; }

  std::uint32_t type() const noexcept { return wanted_.type; }

  /// Loads the rules in force now. Every verdict checks afterwards that they still are.
  void load() noexcept {
    // The base comes from the block whose epoch the stamp names; a reload in between is rare, a
    // scribbler is bounded.
    for (int attempt = 0; attempt < kMaxPasses; ++attempt) {
      const std::uint64_t epoch = view_.header().config_epoch.load(std::memory_order_acquire);
      base_ = load_base(view_, epoch, type());
      stamp_ = load_stamp(view_, base_);
      if (stamp_.config_epoch == epoch) break;
    }
    load_rules(view_, stamp_, type(), rules_);
    fill_default_costs(view_, stamp_.config_epoch, wanted_);
  }
  /// A reload may change the default costs after they were published in the own word and record.
  bool is_published_cost() const noexcept {
    return word_.cost_milli() == wanted_.cost_milli && published_memory_ == wanted_.memory_bytes;
  }
  bool is_still_current() const noexcept { return is_current(view_, stamp_, base_); }

  PassContext context() const noexcept {
    const bool charged = view_.sample(stamp_.sample_epoch).charge_mark.get() != 0;
    return {&view_, &rules_, stamp_, request_.key, charged && processes_.is_broker_down()};
  }

  // ---- Taking and dropping the own word
  // -----------------------------------------------------------------------------------

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
    word_ = SlotWord::make(self_.index, SlotState::kTentative, type(), wanted_.cost_milli,
                           free.generation() + 1U);
    std::uint64_t expected = free.raw;
    // With the word unchanged since it was loaded, so are the fields that the last claimer left:
    // where they are right already, nobody can read a wrong one and the CLAIMING step is not
    // needed.
    const bool as_is = request_.key.text.empty() && wanted_.memory_bytes == 0 &&
                       view_.key_fingerprint(slot).load(std::memory_order_relaxed) == 0 &&
                       record.memory_bytes.get() == 0;
    if (as_is) {
      raise_mark(slot);
      if (!view_.word(slot).compare_exchange_strong(expected, word_.raw, std::memory_order_seq_cst))
        return false;
    } else {
      const SlotWord claiming = word_.with_state(SlotState::kClaiming);
      if (!view_.word(slot).compare_exchange_strong(expected, claiming.raw,
                                                    std::memory_order_seq_cst))
        return false;
      // Release: whoever reads one of these fields sees, behind an acquire fence, that the word has
      // changed.
      std::atomic_thread_fence(std::memory_order_release);
      store_text(record.key, request_.key.text);
      view_.key_fingerprint(slot).store(request_.key.text.empty() ? 0 : request_.key.fingerprint,
                                        std::memory_order_relaxed);
      record.memory_bytes.set(wanted_.memory_bytes);
      write_times(slot, record);
      raise_mark(slot);
      expected = claiming.raw;
      if (!view_.word(slot).compare_exchange_strong(expected, word_.raw, std::memory_order_seq_cst))
        return false;
    }
    publish_barrier();
    slot_ = slot;
    published_memory_ = wanted_.memory_bytes;
    if (as_is) write_times(slot, record);
    return true;
  }

  /// Fields that only matter once the slot is held; the word is the claimer's own until then.
  void write_times(std::uint32_t slot, SlotRecord& record) noexcept {
    const std::uint64_t now_ns = processes_.clock().coarse_ns();
    nonce_ = make_nonce(seed_, word_, slot, now_ns);
    record.nonce.set(nonce_);
    record.claimed_at_ns.set(now_ns);
    record.activated.set(0);
    record.reported_cpu.set(0);
  }

  void raise_mark(std::uint32_t slot) noexcept {
    std::atomic<std::uint64_t>& mark = view_.header().mark;
    std::uint64_t seen = mark.load(std::memory_order_seq_cst);
    // seq_cst: a scanner that misses the raise has published before it, and this claim's scan will
    // see that scanner's word.
    while (seen < slot + 1U &&
           !mark.compare_exchange_weak(seen, slot + 1U, std::memory_order_seq_cst)) {
    }
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

  // ---- Deciding
  // -----------------------------------------------------------------------------------------------------------

  /// The usual case: one scan that only adds up, everything published counted, and it fits.
  bool decide_quickly() noexcept {
    if (!request_.key.text.empty() || !is_quick(view_, stamp_, rules_)) return false;
    const Usage usage = scan_quick(view_, rules_, view_.mark(), SlotState::kTentative, word_);
    return is_still_current() && decide(rules_, wanted_, usage);
  }

  // Below: claim_slow.hpp.
  Outcome settle() noexcept;
  Outcome settle_conflict(const PassContext& with, PassPair& passes, unsigned turn,
                          const Usage& counted) noexcept;
  Outcome judge_expired_conflict(PassPair& passes) noexcept;
  void note_conflict(const PassContext& pass_context, const PassWords& pass,
                     const Usage& counted) noexcept;
  bool is_obstacle(const PassContext& pass_context, std::uint32_t slot, SlotWord word,
                   const Usage& counted) const noexcept;
  bool spin_until_changed(std::uint32_t slot, SlotWord word) const noexcept;
  Outcome refuse_word(const Verdict& verdict) noexcept;
  void load_held_pass(PassWords& pass) noexcept;
  Verdict look_in_passes(PassPair& passes) noexcept;
  Verdict look_slowly() noexcept;
  Verdict judge_full_table(PassPair& passes) noexcept;
  Verdict look_full_table() noexcept;

  /// Looks at the presence of every owner whose word the pass shows; true when a word was freed.
  bool reap_seen(const PassWords& pass) noexcept {
    bool freed_any = false;
    for (std::uint32_t slot = 0; slot < pass.count; ++slot) {
      const SlotWord seen = pass[slot];
      if (seen.is_free() || seen.owner() == self_.index || !is_owner_marked(seen)) continue;
      if (!view_.writable()) continue;
      const auto freed = processes_.reap_word(slot, ProbeMode::kMarkOnly);
      if (!freed) continue;
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

  const ProcessTable& processes_;
  const SegmentView& view_;
  ProcessRef self_;
  const ClaimRequest& request_;
  Request wanted_;  ///< with the default costs of the rules now loaded
  std::uint32_t hint_;
  std::uint64_t seed_;

  std::uint32_t base_ = 0;
  LedgerStamp stamp_;
  Rules rules_;
  std::uint32_t slot_ = kNoSlot;  ///< own word, while one is taken
  SlotWord word_;
  std::uint64_t published_memory_ = 0;
  std::uint64_t nonce_ = 0;
  Verdict verdict_;
  ConflictNote note_;
  int rounds_ = 0;
  std::uint32_t reaped_ = 0;
};

}  // namespace slotd::inline v0_1

#include "slotd/claim_slow.hpp"  // IWYU pragma: export
