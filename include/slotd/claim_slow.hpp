// The rest of Claim: what happens when a claim does not simply fit. Included by claim.hpp, which
// has the contract. The confirmation of a refusal, the conflict rule and its bound, the dry run,
// the full table.
#pragma once

#include <algorithm>

#include "slotd/claim.hpp"

namespace slotd::inline v0_1 {

namespace detail {

inline void pause_cpu() noexcept {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace detail

inline Claim::Outcome Claim::refuse_word(const Verdict& verdict) noexcept {
  drop_word();
  verdict_ = verdict;
  return Outcome::kRefused;
}

/// For a refusal: no more may be kept for others than was at some instant between two passes.
inline void Claim::keep_at_most(const PassWords& previous, const PassWords& pass,
                                Usage& usage) const noexcept {
  if (rules_.minimum_count == 0) return;
  const std::uint32_t own_certain = count_own(rules_, count_certain(previous, pass));
  keep_minimums(rules_, count_possible(previous, pass),
                rules_.is_sure(wanted_.cost_milli, own_certain), usage);
}

/// Do the held words that both passes show leave no room by themselves? kNone: they do, or the
/// rules have just changed.
inline Verdict Claim::confirm(const PassContext& with, const PassWords& previous,
                              const PassWords& pass) noexcept {
  Usage confirmed = sum_pass(
      with.with(RecordTrust::kCertain), pass,
      [&](std::uint32_t slot, SlotWord word) { return is_held_throughout(previous[slot], word); });
  keep_at_most(previous, pass, confirmed);
  return is_still_current() ? decide(rules_, wanted_, confirmed) : Verdict{};
}

/// Own word published, the quick scan did not admit: full passes until there is an outcome.
[[gnu::noinline]] inline Claim::Outcome Claim::settle() noexcept {
  PassPair passes;
  unsigned turn = 0;
  int confirmations = 0;  // passes in a row in which the held words alone left no room
  LedgerStamp previous_stamp;
  for (int restart = 0; restart < kMaxRestarts; ++restart) {
    load();
    if (!is_published_cost()) {
      drop_word();
      return Outcome::kRestart;
    }
    turn ^= 1U;
    PassWords& pass = passes[turn];
    load_pass(view_, slot_, pass);
    const PassContext with = context();
    Usage counted = sum_pass(with, pass, [](auto, SlotWord word) { return word.is_counted(); });
    // Two slots of one pass may never have been held at once: towards a minimum count those that
    // were.
    if (rules_.minimum_count != 0) {
      const PassWords& previous = passes[turn ^ 1U];
      const std::uint32_t own_possible = count_own(rules_, count_possible(previous, pass));
      keep_minimums(rules_, count_certain(previous, pass),
                    rules_.is_sure(wanted_.cost_milli, own_possible), counted);
    }
    const Usage held = sum_pass(with, pass, [](auto, SlotWord word) { return word.is_held(); });
    if (!is_still_current() || (confirmations > 0 && !(stamp_ == previous_stamp))) {
      confirmations = 0;
      continue;
    }
    if (decide(rules_, wanted_, counted)) return Outcome::kAdmitted;
    if (decide(rules_, wanted_, held)) {
      confirmations = 0;
      if (reap_seen(pass)) continue;
      // The first pass has no other to be compared with: that is no conflict.
      if (rules_.minimum_count != 0 && restart == 0) continue;
      const Outcome outcome = settle_conflict(with, passes, turn, counted);
      if (outcome != Outcome::kRescan) return outcome;
      continue;
    }
    // The held words alone leave no room: confirm that, then look for the dead among them.
    const Verdict certain = confirmations > 0 ? confirm(with, passes[turn ^ 1U], pass) : Verdict{};
    if (!certain || ++confirmations >= kMaxPasses) {
      if (!reap_seen(pass)) return refuse_word(certain ? contended() : certain);
      confirmations = 0;
      continue;
    }
    previous_stamp = stamp_;
  }
  return refuse_word(contended());
}

/// Is this word in the claim's way? Only tentative ones are asked about; held ones cannot be waited
/// for here.
inline bool Claim::is_obstacle(const PassContext& with, std::uint32_t slot, SlotWord word,
                               const Usage& counted) const noexcept {
  if (word.state() != SlotState::kTentative || stuck_.holds(slot, word)) return false;
  if (has_key(view_, slot, word, request_.key, RecordTrust::kPossible)) return true;
  const std::uint64_t memory = pending_memory(with, slot, word, load_charge(view_, stamp_, slot));
  return is_in_the_way(rules_, wanted_, counted, word.type(), word.cost_milli(), memory);
}

inline void Claim::note_conflict(const PassContext& with, const PassWords& pass,
                                 const Usage& counted) noexcept {
  in_conflict_ = true;
  conflict_since_ns_ = monotonic_ns();
  noted_.count = 0;
  for (std::uint32_t slot = 0; slot < pass.count; ++slot) {
    if (is_obstacle(with, slot, pass[slot], counted)) noted_.add(slot, pass[slot]);
  }
}

/// Is it certain already that nothing is to be waited for? Then the stuck words and the held ones
/// leave no room.
inline bool Claim::is_hopeless(const PassContext& with, const PassWords& pass) const noexcept {
  if (stuck_.count == 0) return false;
  const Usage lasting = sum_pass(with, pass, [&](std::uint32_t slot, SlotWord word) {
    return word.is_held() || stuck_.holds(slot, word);
  });
  return !decide(rules_, wanted_, lasting);
}

/// Only tentative words stand in the way. The lowest index goes first: who has a lower one in its
/// way frees its own word and waits for it; who has none keeps its word and reads again.
inline Claim::Outcome Claim::settle_conflict(const PassContext& with, PassPair& passes,
                                             unsigned turn, const Usage& counted) noexcept {
  const PassWords& pass = passes[turn];
  if (!in_conflict_) note_conflict(with, pass, counted);
  const bool expired = monotonic_ns() - conflict_since_ns_ >= kConflictBoundNs;
  if (expired || is_hopeless(with, pass)) {
    // Before the bound only what has been stuck for a whole one may be counted on.
    if (!expired) noted_.count = 0;
    drop_word();
    return judge_expired_conflict(passes);
  }
  for (std::uint32_t slot = 0; slot < slot_ && slot < pass.count; ++slot) {
    if (!is_obstacle(with, slot, pass[slot], counted)) continue;
    drop_word();
    return spin_until_changed(slot, pass[slot]) ? Outcome::kRestart
                                                : judge_expired_conflict(passes);
  }
  detail::pause_cpu();
  return Outcome::kRescan;
}

/// False when the bound of the conflict passed first.
inline bool Claim::spin_until_changed(std::uint32_t slot, SlotWord word) const noexcept {
  constexpr int kSpinsPerClock = 16;
  for (;;) {
    for (int spin = 0; spin < kSpinsPerClock; ++spin) {
      if (view_.word(slot).load(std::memory_order_acquire) != word.raw) return true;
      detail::pause_cpu();
    }
    if (monotonic_ns() - conflict_since_ns_ >= kConflictBoundNs) return false;
  }
}

/// The bound is over and the own word is free. Held words, and tentative words that have not moved
/// since the conflict began, are what may be counted on; if they leave no room the answer is
/// `contended`, else the claim starts again with a new note. The words that have not moved are
/// waited for no more: two claimants that both wait for a stopped third would meet again and again.
inline Claim::Outcome Claim::judge_expired_conflict(PassPair& passes) noexcept {
  // Behind the retraction of the own word: of two that retract at the same moment one sees the
  // other's.
  publish_barrier();
  const auto is_unmoved = [&](std::uint32_t slot, SlotWord word) {
    return word == passes[0][slot] && word.state() == SlotState::kTentative &&
           (noted_.holds(slot, word) || stuck_.holds(slot, word));
  };
  for (int attempt = 0; attempt < kMaxPasses; ++attempt) {
    load();
    load_pass(view_, kNoSlot, passes[0]);
    load_pass(view_, kNoSlot, passes[1]);
    Usage lasting = sum_pass(
        context().with(RecordTrust::kCertain), passes[1], [&](std::uint32_t slot, SlotWord word) {
          return is_held_throughout(passes[0][slot], word) || is_unmoved(slot, word);
        });
    if (!is_still_current()) continue;
    keep_at_most(passes[0], passes[1], lasting);
    if (decide(rules_, wanted_, lasting)) {
      WordNote unmoved;
      for (std::uint32_t slot = 0; slot < passes[1].count; ++slot) {
        if (is_unmoved(slot, passes[1][slot])) unmoved.add(slot, passes[1][slot]);
      }
      stuck_ = unmoved;
      const bool expired = monotonic_ns() - conflict_since_ns_ >= kConflictBoundNs;
      in_conflict_ = false;
      if (expired && ++rounds_ >= kConflictRounds) break;
      return Outcome::kRestart;
    }
    if (!reap_seen(passes[1])) break;
  }
  return refuse_word(contended());
}

/// A pass for a claimant that has no word. In a read-only mapping the words that a claimant would
/// reap are left out.
inline void Claim::load_held_pass(PassWords& pass) noexcept {
  load_pass(view_, kNoSlot, pass);
  if (view_.writable()) return;
  for (std::uint32_t slot = 0; slot < pass.count; ++slot) {
    const SlotWord word = pass[slot];
    if (!word.is_counted() || !processes_.is_index(word.owner())) continue;
    const std::uint64_t attach = view_.process(word.owner()).attach.load(std::memory_order_seq_cst);
    if (processes_.is_freeable(word, slot, {word.owner(), attach}, ProbeMode::kMarkOnly))
      pass.words[slot] = 0;
  }
}

/// Do both passes show the same words, under the same rules, where nothing but words and rules
/// decides? Then each claim was held throughout, and the verdict of the one is that of the other,
/// certainly.
inline bool Claim::is_repetition(const PassWords& previous, const PassWords& pass,
                                 const LedgerStamp& previous_stamp) const noexcept {
  const bool is_by_words_alone = request_.key.text.empty() && rules_.memory_max_bytes == 0 &&
                                 rules_.minimum_count == 0 &&
                                 view_.sample(stamp_.sample_epoch).charge_mark.get() == 0;
  return is_by_words_alone && stamp_ == previous_stamp && pass.count == previous.count &&
         std::equal(pass.words.begin(), pass.words.begin() + pass.count, previous.words.begin()) &&
         is_still_current();
}

inline Verdict Claim::look_in_passes(PassPair& passes) noexcept {
  unsigned turn = 0;
  int confirmations = 0;
  LedgerStamp previous_stamp;
  Verdict verdict;
  for (int restart = 0; restart < kMaxRestarts; ++restart) {
    load();
    PassWords& pass = passes[turn];
    load_held_pass(pass);
    if (confirmations > 0 && is_repetition(passes[turn ^ 1U], pass, previous_stamp)) {
      if (!reap_seen(pass)) return verdict;
      confirmations = 0;
      continue;
    }
    const PassContext with = context();
    const Usage held = sum_pass(with, pass, [](auto, SlotWord word) { return word.is_held(); });
    if (!is_still_current() || (confirmations > 0 && !(stamp_ == previous_stamp))) {
      confirmations = 0;
      continue;
    }
    verdict = decide(rules_, wanted_, held);
    if (verdict) return verdict;
    const Verdict certain = confirmations > 0 ? confirm(with, passes[turn ^ 1U], pass) : Verdict{};
    if (!certain || ++confirmations >= kMaxPasses) {
      if (!reap_seen(pass)) return certain ? contended() : certain;
      confirmations = 0;
      continue;
    }
    previous_stamp = stamp_;
    turn ^= 1U;
  }
  return contended();
}

/// Is every word held, and was it throughout two passes? Then `table_full`; kNone: a word is free,
/// or may become so.
inline Verdict Claim::judge_full_table(PassPair& passes) noexcept {
  Verdict verdict;
  load_held_pass(passes[0]);
  load_held_pass(passes[1]);
  // Before anything else: a word that a dead owner left TENTATIVE or CLAIMING is nobody else's to
  // free.
  if (reap_seen(passes[1])) return verdict;
  for (std::uint32_t slot = 0; slot < view_.slot_count(); ++slot) {
    if (!is_held_throughout(passes[0][slot], passes[1][slot])) return verdict;
  }
  verdict.reason = Reason::kTableFull;
  verdict.limit = view_.slot_count();
  verdict.in_use = view_.slot_count();
  return verdict;
}

[[gnu::noinline]] inline Verdict Claim::look_slowly() noexcept {
  PassPair passes;
  const Verdict verdict = look_in_passes(passes);
  return verdict && view_.mark() == view_.slot_count() ? judge_full_table(passes) : verdict;
}

inline Verdict Claim::look() noexcept {
  QuickRules quick_rules;
  return look_quickly(quick_rules) ? Verdict{} : look_slowly();
}

/// No free word was found. Admitted here means: look for a word again.
[[gnu::noinline]] inline Verdict Claim::look_full_table() noexcept {
  PassPair passes;
  const std::uint64_t since_ns = monotonic_ns();
  for (;;) {
    const Verdict earlier = look_in_passes(passes);
    if (!earlier) return earlier;
    const Verdict full = judge_full_table(passes);
    if (!full) return full;
    for (std::uint32_t slot = 0; slot < view_.slot_count(); ++slot) {
      if (passes[1][slot].is_free() ||
          SlotWord{view_.word(slot).load(std::memory_order_acquire)}.is_free()) {
        return Verdict{};
      }
    }
    if (monotonic_ns() - since_ns >= kConflictBoundNs) return contended();
    detail::pause_cpu();
  }
}

}  // namespace slotd::inline v0_1
