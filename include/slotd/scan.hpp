// Reading the slot table: sums over the words for one claim's rules. Two ways that must agree: the
// quick scan, which only adds up (claims that carry no key, no memory rule, nothing measured), and
// the full pass, which keeps the words it saw so that two passes can be compared. Reads only; never
// blocks; no allocation; no system call.
//
// Words are loaded one by one (8-byte lanes); a scan is not a snapshot. What may be concluded from
// it: design, section 5.
#pragma once

#if defined(__x86_64__) && !defined(__SANITIZE_THREAD__) && !defined(SLOTD_SCALAR_SCAN)
#if !defined(__has_feature)
#define SLOTD_VECTOR_SCAN 1
#elif !__has_feature(thread_sanitizer)
#define SLOTD_VECTOR_SCAN 1
#endif
#endif

#ifdef SLOTD_VECTOR_SCAN
#include <immintrin.h>
#endif

#include <array>
#include <atomic>
#include <cstdint>

#include "slotd/admission.hpp"
#include "slotd/layout.hpp"
#include "slotd/ledger.hpp"
#include "slotd/segment_view.hpp"

namespace slotd::inline v0_1 {

/// The barrier between publishing one's own word and reading the others'. On x86-64 the publishing
/// RMW is itself the full barrier and only the compiler must be held back; elsewhere, and where a
/// checker has to see it, a seq_cst fence follows.
inline void publish_barrier() noexcept {
#ifdef SLOTD_VECTOR_SCAN
  std::atomic_signal_fence(std::memory_order_seq_cst);
#else
  std::atomic_thread_fence(std::memory_order_seq_cst);
#endif
}

inline constexpr unsigned kQuickGroups = 3;
inline constexpr std::uint32_t kNoSlot = 0xffff'ffffU;

namespace detail {

/// Masks in, counts out. Class 0 is the type's family, the others are groups with one weight for
/// all members.
struct QuickSums {
  std::array<std::uint32_t, kQuickGroups + 1> masks{};
  std::array<std::uint64_t, kQuickGroups + 1> counts{};
  std::uint64_t slots = 0;
  std::uint64_t cost_milli = 0;
};

template <unsigned kClasses>
inline void add_words_scalar(const std::atomic<std::uint64_t>* words, std::uint32_t begin,
                             std::uint32_t end, SlotState from_state, QuickSums& sums) noexcept {
  for (std::uint32_t slot = begin; slot < end; ++slot) {
    const SlotWord word{words[slot].load(std::memory_order_relaxed)};
    const std::uint64_t counted = word.state() >= from_state ? 1U : 0U;
    sums.slots += counted;
    sums.cost_milli += counted * word.cost_milli();
    for (unsigned i = 0; i < kClasses; ++i)
      sums.counts[i] += counted & (sums.masks[i] >> word.type());
  }
}

#ifdef SLOTD_VECTOR_SCAN
/// Four words a step. Vector loads of aligned 8-byte lanes: each lane is read whole on every x86-64
/// machine with AVX2.
template <unsigned kClasses>
__attribute__((target("avx2"))) inline void add_words_avx2(const std::atomic<std::uint64_t>* words,
                                                           std::uint32_t count,
                                                           SlotState from_state,
                                                           QuickSums& sums) noexcept {
  const auto* lanes = reinterpret_cast<const std::uint64_t*>(words);
  const __m256i state_mask = _mm256_set1_epi64x((1LL << kStateBits) - 1);
  const __m256i type_mask = _mm256_set1_epi64x((1LL << kTypeBits) - 1);
  const __m256i cost_mask = _mm256_set1_epi64x(kMaxCostMilli);
  const __m256i below = _mm256_set1_epi64x(static_cast<long long>(from_state) - 1);
  const __m256i one = _mm256_set1_epi64x(1);
  __m256i masks[kClasses];
  __m256i counts[kClasses];
  for (unsigned i = 0; i < kClasses; ++i) {
    masks[i] = _mm256_set1_epi64x(static_cast<long long>(sums.masks[i]));
    counts[i] = _mm256_setzero_si256();
  }
  __m256i slots = _mm256_setzero_si256();
  __m256i costs = _mm256_setzero_si256();
  for (std::uint32_t slot = 0; slot < count; slot += 4) {
    const __m256i word = _mm256_load_si256(reinterpret_cast<const __m256i*>(lanes + slot));
    const __m256i state = _mm256_and_si256(_mm256_srli_epi64(word, kStateShift), state_mask);
    const __m256i counted = _mm256_cmpgt_epi64(state, below);
    const __m256i type = _mm256_and_si256(_mm256_srli_epi64(word, kTypeShift), type_mask);
    const __m256i unit = _mm256_and_si256(counted, one);
    slots = _mm256_sub_epi64(slots, counted);
    costs = _mm256_add_epi64(costs, _mm256_and_si256(_mm256_and_si256(word, cost_mask), counted));
    for (unsigned i = 0; i < kClasses; ++i) {
      counts[i] =
          _mm256_add_epi64(counts[i], _mm256_and_si256(_mm256_srlv_epi64(masks[i], type), unit));
    }
  }
  alignas(32) std::uint64_t out[kClasses + 2][4];
  _mm256_store_si256(reinterpret_cast<__m256i*>(out[0]), slots);
  _mm256_store_si256(reinterpret_cast<__m256i*>(out[1]), costs);
  for (unsigned i = 0; i < kClasses; ++i)
    _mm256_store_si256(reinterpret_cast<__m256i*>(out[i + 2]), counts[i]);
  sums.slots += out[0][0] + out[0][1] + out[0][2] + out[0][3];
  sums.cost_milli += out[1][0] + out[1][1] + out[1][2] + out[1][3];
  for (unsigned i = 0; i < kClasses; ++i)
    sums.counts[i] += out[i + 2][0] + out[i + 2][1] + out[i + 2][2] + out[i + 2][3];
}

inline bool has_avx2() noexcept {
  static const bool found = __builtin_cpu_supports("avx2") != 0;
  return found;
}
#endif

/// Sums words[0, count) whose state is at least `from_state`.
template <unsigned kClasses>
inline void add_words(const std::atomic<std::uint64_t>* words, std::uint32_t count,
                      SlotState from_state, QuickSums& sums) noexcept {
  std::uint32_t done = 0;
#ifdef SLOTD_VECTOR_SCAN
  if (count >= 8 && has_avx2()) {
    done = count & ~3U;
    add_words_avx2<kClasses>(words, done, from_state, sums);
  }
#endif
  add_words_scalar<kClasses>(words, done, count, from_state, sums);
}

inline void add_words_for(unsigned classes, const std::atomic<std::uint64_t>* words,
                          std::uint32_t count, SlotState from_state, QuickSums& sums) noexcept {
  switch (classes) {
    case 1:
      return add_words<1>(words, count, from_state, sums);
    case 2:
      return add_words<2>(words, count, from_state, sums);
    case 3:
      return add_words<3>(words, count, from_state, sums);
    default:
      return add_words<kQuickGroups + 1>(words, count, from_state, sums);
  }
}

}  // namespace detail

/// Can the quick scan answer under these rules? Not when memory is ruled, a charge is published, or
/// weights differ.
inline bool is_quick(const SegmentView& view, const LedgerStamp& stamp,
                     const Rules& rules) noexcept {
  if (rules.memory_max_bytes != 0 || rules.group_count > kQuickGroups) return false;
  if (view.sample(stamp.sample_epoch).charge_mark.get() != 0) return false;
  for (std::uint32_t i = 0; i < rules.group_count; ++i) {
    if (rules.groups[i].uniform_weight == 0) return false;
  }
  return true;
}

/// Usage of words [0, mark) in state `from_state` or later; `own` (a published word of the caller,
/// or an empty word) is taken out again. Precondition: is_quick().
inline Usage scan_quick(const SegmentView& view, const Rules& rules, std::uint32_t mark,
                        SlotState from_state, SlotWord own) noexcept {
  detail::QuickSums sums;
  sums.masks[0] = rules.family_mask;
  for (std::uint32_t i = 0; i < rules.group_count; ++i)
    sums.masks[i + 1] = rules.groups[i].member_mask;
  detail::add_words_for(rules.group_count + 1, view.words(), mark, from_state, sums);
  const bool own_counted = own.state() >= from_state && !own.is_free();
  const std::uint64_t one = own_counted ? 1U : 0U;
  Usage usage;
  usage.slots = static_cast<std::uint32_t>(sums.slots - one);
  usage.in_family =
      static_cast<std::uint32_t>(sums.counts[0] - (one & (rules.family_mask >> own.type())));
  usage.charged_micro = (sums.cost_milli - one * own.cost_milli()) * 1000U;
  for (std::uint32_t i = 0; i < rules.group_count; ++i) {
    const Rules::Group& group = rules.groups[i];
    usage.by_group[i] =
        (sums.counts[i + 1] - (one & (group.member_mask >> own.type()))) * group.uniform_weight;
  }
  return usage;
}

// ---- Full passes
// -------------------------------------------------------------------------------------------------------------

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

/// What the slot, seen as `word`, adds to memory_pending. For admitting, a figure of the slot's
/// next claim does no harm: the claim that the word showed is over then, and the next one counts
/// the caller.
inline std::uint64_t pending_memory(const PassContext& context, std::uint32_t slot, SlotWord word,
                                    ChargeWord charge) noexcept {
  if (context.rules->memory_max_bytes == 0) return 0;
  if (charge.matches(word) && (charge.flags() & ChargeWord::kMemorySampled) != 0) return 0;
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

/// Usage of the words of a pass for which `wanted(slot, word)` is true.
template <typename Wanted>
inline Usage sum_pass(const PassContext& context, const PassWords& pass, Wanted wanted) noexcept {
  Usage usage;
  for (std::uint32_t slot = 0; slot < pass.count; ++slot) {
    const SlotWord word{pass.words[slot]};
    if (wanted(slot, word)) add_slot(context, slot, word, usage);
  }
  return usage;
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
