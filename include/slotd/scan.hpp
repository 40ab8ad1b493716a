// Reading the slot table in full passes, which keep the words they saw so that two of them can be
// compared. The usual claim and dry run need only the quick scan (quick_rules.hpp); the two must
// agree. Reads only; never blocks; no allocation; no system call.
//
// Words are loaded one by one (8-byte lanes); a scan is not a snapshot. What may be concluded from
// it: design, section 5.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "slotd/admission.hpp"
#include "slotd/layout.hpp"
#include "slotd/ledger.hpp"
#include "slotd/segment_view.hpp"

namespace slotd::inline v0_1 {

inline constexpr std::uint32_t kNoSlot = 0xffff'ffffU;

/// The words that one pass saw. 32 KiB: lives on the stack of the claims that meet a refusal or a
/// conflict.
struct PassWords {
  std::uint32_t count = 0;
  std::array<std::uint64_t, kMaxSlots> words;  // left uninitialised beyond count

  SlotWord operator[](std::uint32_t slot) const noexcept {
    return slot < count ? SlotWord{words[slot]} : SlotWord{};
  }
};

/// Two successive passes, to be compared. A claim that needs them has one pair, on its stack.
using PassPair = std::array<PassWords, 2>;

/// A key that is claimed: its text and fingerprint; empty text means none.
struct KeyQuery {
  std::string_view text;
  std::uint64_t fingerprint = 0;
};

/// How sure a pass has to be of what a record says. A record may change hands, or only its owner,
/// between the load of its word and the look at its fields.
enum class RecordTrust : std::uint8_t {
  kPossible,  ///< for admitting: whatever could still be meant counts against the claim
  kCertain,   ///< for refusing: only what the word's very claim is known to have carried
};

/// Everything that one full pass needs besides the words.
struct PassContext {
  const SegmentView* view = nullptr;
  const Rules* rules = nullptr;
  LedgerStamp stamp;
  KeyQuery key;
  std::uint32_t cost_milli = 0;  ///< of the claim
  bool broker_down = false;
  RecordTrust trust = RecordTrust::kPossible;

  PassContext with(RecordTrust wanted) const noexcept {
    PassContext other = *this;
    other.trust = wanted;
    return other;
  }
};

/// Loads words [0, mark), leaving `own_slot` out. Acquire: records and fingerprints are read after
/// their word.
inline void load_pass(const SegmentView& view, std::uint32_t own_slot, PassWords& pass) noexcept {
  pass.count = view.mark();
  for (std::uint32_t slot = 0; slot < pass.count; ++slot) {
    pass.words[slot] = view.word(slot).load(std::memory_order_acquire);
  }
  if (own_slot < pass.count) pass.words[own_slot] = 0;
}

/// Are the fields just read those of the claim that `word` shows? After a change of owner alone
/// they are, but another generation cannot be told from another claim: then only kPossible says
/// yes, as long as the slot is taken at all.
inline bool is_record_of(const SegmentView& view, std::uint32_t slot, SlotWord word,
                         RecordTrust trust) noexcept {
  std::atomic_thread_fence(std::memory_order_acquire);  // the fields were read before this load
  const SlotWord now{view.word(slot).load(std::memory_order_relaxed)};
  if (now.is_free()) return false;
  return trust == RecordTrust::kPossible || now.generation() == word.generation();
}

/// Does the slot, seen as `word`, carry this key?
inline bool has_key(const SegmentView& view, std::uint32_t slot, SlotWord word, const KeyQuery& key,
                    RecordTrust trust) noexcept {
  if (key.text.empty()) return false;
  if (view.key_fingerprint(slot).load(std::memory_order_relaxed) != key.fingerprint) return false;
  const auto text = load_text(view.record(slot).key);
  return text_view(text) == key.text && is_record_of(view, slot, word, trust);
}

/// What the slot, seen as `word`, adds to the memory that is taken. For admitting, a figure of the
/// slot's next claim does no harm: the claim that the word showed is over then, and the next one
/// counts the caller.
inline std::uint64_t pending_memory(const PassContext& context, std::uint32_t slot, SlotWord word,
                                    ChargeWord charge) noexcept {
  if (context.rules->memory_max_bytes == 0) return 0;
  if (charge.matches(word) && (charge.flags() & ChargeWord::kMemorySampled) != 0)
    return context.view->memory_held(context.stamp.sample_epoch)[slot].load(
        std::memory_order_relaxed);
  const std::uint64_t bytes = context.view->record(slot).memory_bytes.get();
  const bool counts = context.trust == RecordTrust::kPossible ||
                      is_record_of(*context.view, slot, word, RecordTrust::kCertain);
  return counts ? bytes : 0;
}

inline ChargeWord load_charge(const SegmentView& view, const LedgerStamp& stamp,
                              std::uint32_t slot) noexcept {
  if (slot >= view.sample(stamp.sample_epoch).charge_mark.get()) return {};
  return ChargeWord{view.charges(stamp.sample_epoch)[slot].load(std::memory_order_relaxed)};
}

/// Adds one slot, seen as `word`, to a usage.
inline void add_slot(const PassContext& context, std::uint32_t slot, SlotWord word,
                     Usage& usage) noexcept {
  const ChargeWord charge = load_charge(*context.view, context.stamp, slot);
  usage.add(*context.rules, word.type(), charge_micro(word, charge, context.broker_down),
            pending_memory(context, slot, word, charge));
  if (has_key(*context.view, slot, word, context.key, context.trust)) usage.duplicate_key = true;
}

/// Usage of the words of a pass for which `wanted(slot, word)` is true; of these the held ones
/// count towards minimums.
template <typename Wanted>
inline Usage sum_pass(const PassContext& context, const PassWords& pass, Wanted wanted) noexcept {
  const bool reserved_costs_alone =
      context.key.text.empty() && context.rules->memory_max_bytes == 0 &&
      context.view->sample(context.stamp.sample_epoch).charge_mark.get() == 0;
  const bool keeps_minimums = context.rules->minimum_count != 0;
  Usage usage;
  TypeCounts held{};
  for (std::uint32_t slot = 0; slot < pass.count; ++slot) {
    const SlotWord word{pass.words[slot]};
    if (!wanted(slot, word)) continue;
    if (keeps_minimums && word.is_held()) ++held[word.type()];
    if (reserved_costs_alone) {
      usage.add(*context.rules, word.type(), charge_micro(word, ChargeWord{}, false), 0);
    } else {
      add_slot(context, slot, word, usage);
    }
  }
  if (!keeps_minimums) return usage;
  const Rules& rules = *context.rules;
  const bool is_sure = rules.is_sure(context.cost_milli, count_own(rules, held));
  keep_minimums(rules, held, is_sure, usage);
  return usage;
}

/// Were both words held by the same claim? Then it was held at every instant between the two loads.
constexpr bool is_held_throughout(SlotWord before, SlotWord after) noexcept {
  return before.is_held() && after.is_held() && before.same_claim(after);
}

/// Slots that were held at once: throughout two successive passes.
inline TypeCounts count_certain(const PassWords& previous, const PassWords& pass) noexcept {
  TypeCounts held{};
  for (std::uint32_t slot = 0; slot < pass.count; ++slot) {
    if (is_held_throughout(previous[slot], pass[slot])) ++held[pass[slot].type()];
  }
  return held;
}

/// The most slots of each type that can have been held at any instant between two passes. A
/// generation that has grown by more than what the second pass shows tells of claims that neither
/// has seen, of any type.
inline TypeCounts count_possible(const PassWords& previous, const PassWords& pass) noexcept {
  TypeCounts held{};
  std::uint32_t unseen = 0;
  for (std::uint32_t slot = 0; slot < pass.count; ++slot) {
    const SlotWord before = previous[slot];
    const SlotWord after = pass[slot];
    if (!before.is_free()) ++held[before.type()];
    if (!after.is_free() && (before.is_free() || after.type() != before.type()))
      ++held[after.type()];
    const std::uint32_t grown = (after.generation() - before.generation()) & kGenerationMask;
    if (grown > (after.is_free() ? 0U : 1U)) ++unseen;
  }
  for (std::uint32_t& count : held) count += unseen;
  return held;
}

/// How gladly the node takes one more job, given that it can: 0.5 idle and 1 busy, or the free
/// share of the budget.
inline double compute_affinity(const SegmentView& view) noexcept {
  const ConfigBlock& config =
      view.config(view.header().config_epoch.load(std::memory_order_acquire));
  const LedgerStamp stamp = load_stamp(view, 0);
  std::uint64_t charged = 0;
  std::uint32_t held = 0;
  for (std::uint32_t slot = 0; slot < view.mark(); ++slot) {
    const SlotWord word{view.word(slot).load(std::memory_order_acquire)};
    if (!word.is_held()) continue;
    ++held;
    charged += charge_micro(word, load_charge(view, stamp, slot), false);
  }
  if (config.affinity.get() != static_cast<std::uint32_t>(AffinityMode::kSpread))
    return held == 0 ? 0.5 : 1.0;
  const std::uint64_t budget = config.budget_micro.get();
  if (budget == 0 || charged >= budget) return 0.0;
  return static_cast<double>(budget - charged) / static_cast<double>(budget);
}

}  // namespace slotd::inline v0_1
