// The quick scan: adds up the slot words for one claim's rules without keeping them. It serves the
// claim that simply fits and the dry run that says yes; everything else is for the full passes of
// scan.hpp, which must agree with it. Reads only; never blocks; no allocation; no system call.
//
// On x86-64 with AVX2 eight words are added a step. A vector load is a load of aligned 8-byte
// lanes, each read whole; what the scan needs (state, type, cost) lies in the low half of a word,
// so the low halves of two vectors are worked on as one. The scan goes to the next multiple of
// eight: words above the mark may be counted like any other, and behind the table is padding to the
// same multiple. Elsewhere, and in TSan and model-checking builds, scalar atomics do the same.
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
#include <type_traits>

#include "slotd/layout.hpp"
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

namespace detail {

using Words = const std::atomic<std::uint64_t>*;

}  // namespace detail

/// Where the charges of a scan are, and below which slot there are any. A charge below the reserved
/// cost is not believed here: that is right while the broker is down and otherwise counts too much,
/// so that what fits fits, and a quick claim need not find out whether the broker is down.
struct QuickCharges {
  detail::Words words = nullptr;
  std::uint32_t mark = 0;

  std::uint64_t micro(std::uint32_t slot, SlotWord word) const noexcept {
    return charge_micro(word, ChargeWord{words[slot].load(std::memory_order_relaxed)}, true);
  }
};

inline constexpr std::uint32_t kQuickClasses = 4;
using QuickMasks = std::array<std::uint32_t, kQuickClasses>;  ///< types of each class

/// What a scan adds up. Costs of slots that have no charge are summed in millicores.
struct QuickSums {
  std::array<std::uint32_t, kQuickClasses> counts{};  ///< slots of each class
  std::uint32_t slots = 0;
  std::uint64_t cost_milli = 0;
  std::uint64_t measured_micro = 0;
};

namespace detail {

template <unsigned kClasses>
inline void add_words_scalar(Words words, std::uint32_t begin, std::uint32_t end,
                             SlotState from_state, const QuickMasks& masks,
                             QuickSums& sums) noexcept {
  for (std::uint32_t slot = begin; slot < end; ++slot) {
    const SlotWord word{words[slot].load(std::memory_order_relaxed)};
    const std::uint32_t counted = word.state() >= from_state ? 1U : 0U;
    sums.slots += counted;
    sums.cost_milli += std::uint64_t{counted} * word.cost_milli();
    for (unsigned i = 0; i < kClasses; ++i) sums.counts[i] += counted & (masks[i] >> word.type());
  }
}

template <unsigned kClasses>
inline void add_charged_words_scalar(Words words, const QuickCharges& charges, std::uint32_t begin,
                                     std::uint32_t end, SlotState from_state,
                                     const QuickMasks& masks, QuickSums& sums) noexcept {
  for (std::uint32_t slot = begin; slot < end; ++slot) {
    const SlotWord word{words[slot].load(std::memory_order_relaxed)};
    if (word.state() < from_state) continue;
    sums.slots += 1;
    sums.measured_micro += charges.micro(slot, word);
    for (unsigned i = 0; i < kClasses; ++i) sums.counts[i] += (masks[i] >> word.type()) & 1U;
  }
}

#ifdef SLOTD_VECTOR_SCAN

inline bool has_avx2() noexcept { return __builtin_cpu_supports("avx2") != 0; }

/// The sums of the lanes of four vectors of 32-bit counts.
[[gnu::target("avx2")]] inline __m128i add_lanes(__m256i a, __m256i b, __m256i c,
                                                 __m256i d) noexcept {
  const __m256i sums = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
  return _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256(sums, 1));
}

/// The totals of a vector scan. Those of up to two classes travel in two registers.
struct FewTotals {
  std::uint64_t slots_and_costs;  // low half, high half
  std::uint64_t first_counts;
};
struct ManyTotals : FewTotals {
  std::uint64_t more_counts;
};
template <unsigned kClasses>
using LaneTotals = std::conditional_t<(kClasses > 2), ManyTotals, FewTotals>;

static_assert(std::uint64_t{kMaxSlots} * kMaxCostMilli <= 0xffff'ffffU, "costs fit a lane");

/// What is added up of eight slots at a time, in lanes of 32 bits.
template <unsigned kClasses>
struct LaneSums {
  __m256i slots;
  __m256i costs;
  __m256i counts[kQuickClasses];
  __m256i masks[kClasses];
  __m256i below;

  [[gnu::target("avx2")]] inline void start(SlotState from_state,
                                            const QuickMasks& types) noexcept {
    slots = costs = _mm256_setzero_si256();
    for (__m256i& count : counts) count = _mm256_setzero_si256();
    for (unsigned i = 0; i < kClasses; ++i)
      masks[i] = _mm256_set1_epi32(static_cast<int>(types[i]));
    below = _mm256_set1_epi32((static_cast<int>(from_state) - 1) << kStateShift);
  }

  /// Adds the slots whose words have these low halves; returns which of them count.
  [[gnu::target("avx2")]] inline __m256i add(__m256i half) noexcept {
    constexpr int kStateMask = ((1 << kStateBits) - 1) << kStateShift;
    const __m256i state = _mm256_and_si256(half, _mm256_set1_epi32(kStateMask));
    const __m256i counted = _mm256_cmpgt_epi32(state, below);
    slots = _mm256_sub_epi32(slots, counted);
    const __m256i type = _mm256_and_si256(_mm256_srli_epi32(half, kTypeShift),
                                          _mm256_set1_epi32((1 << kTypeBits) - 1));
    const __m256i unit = _mm256_srli_epi32(counted, 31);
    for (unsigned i = 0; i < kClasses; ++i) {
      const __m256i member = _mm256_and_si256(_mm256_srlv_epi32(masks[i], type), unit);
      counts[i] = _mm256_add_epi32(counts[i], member);
    }
    return counted;
  }
  [[gnu::target("avx2")]] inline void add_costs(__m256i half, __m256i counted) noexcept {
    const __m256i cost = _mm256_and_si256(half, _mm256_set1_epi32(kMaxCostMilli));
    costs = _mm256_add_epi32(costs, _mm256_and_si256(cost, counted));
  }

  [[gnu::target("avx2")]] inline LaneTotals<kClasses> finish() const noexcept {
    const __m128i first = add_lanes(slots, costs, counts[0], counts[1]);
    LaneTotals<kClasses> totals;
    totals.slots_and_costs = static_cast<std::uint64_t>(_mm_cvtsi128_si64(first));
    totals.first_counts = static_cast<std::uint64_t>(_mm_extract_epi64(first, 1));
    if constexpr (kClasses > 2) {
      const __m128i second = add_lanes(counts[2], counts[3], slots, costs);
      totals.more_counts = static_cast<std::uint64_t>(_mm_cvtsi128_si64(second));
    }
    return totals;
  }
};

[[gnu::target("avx2")]] inline __m256i load_lanes(Words words) noexcept {
  return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(words));
}

/// The low halves of eight words, in an order that is the same for all of them.
[[gnu::target("avx2")]] inline __m256i low_halves(__m256i first, __m256i second) noexcept {
  return _mm256_castps_si256(
      _mm256_shuffle_ps(_mm256_castsi256_ps(first), _mm256_castsi256_ps(second), 0x88));
}

template <unsigned kClasses>
[[gnu::target("avx2")]] inline LaneTotals<kClasses> add_words_avx2(
    Words words, std::uint32_t begin, std::uint32_t end, SlotState from_state,
    const QuickMasks& masks) noexcept {
  LaneSums<kClasses> lanes;
  lanes.start(from_state, masks);
  for (std::uint32_t slot = begin; slot < end; slot += 8) {
    const __m256i half = low_halves(load_lanes(words + slot), load_lanes(words + slot + 4));
    lanes.add_costs(half, lanes.add(half));
  }
  return lanes.finish();
}

template <unsigned kClasses>
inline void add_totals(const LaneTotals<kClasses>& totals, QuickSums& sums) noexcept {
  sums.slots += static_cast<std::uint32_t>(totals.slots_and_costs);
  sums.cost_milli += totals.slots_and_costs >> 32;
  sums.counts[0] += static_cast<std::uint32_t>(totals.first_counts);
  if constexpr (kClasses > 1)
    sums.counts[1] += static_cast<std::uint32_t>(totals.first_counts >> 32);
  if constexpr (kClasses > 2) sums.counts[2] += static_cast<std::uint32_t>(totals.more_counts);
  if constexpr (kClasses > 3)
    sums.counts[3] += static_cast<std::uint32_t>(totals.more_counts >> 32);
}

/// QuickCharges::micro() of four slots.
[[gnu::target("avx2")]] inline __m256i charge_lanes(__m256i word, __m256i charge) noexcept {
  const __m256i cost = _mm256_and_si256(word, _mm256_set1_epi64x(kMaxCostMilli));
  const __m256i reserved = _mm256_mul_epu32(cost, _mm256_set1_epi64x(1000));
  const __m256i other = _mm256_srli_epi64(_mm256_xor_si256(word, charge), kGenerationShift);
  const __m256i same = _mm256_cmpeq_epi64(other, _mm256_setzero_si256());
  // ChargeWord::kValid, above the figure, becomes the sign of the lower half and so a mask.
  const __m256i valid = _mm256_srai_epi32(_mm256_slli_epi64(charge, 1), 31);
  const __m256i figure = _mm256_and_si256(charge, _mm256_set1_epi64x(ChargeWord::kMaxMicro));
  return _mm256_max_epu32(reserved, _mm256_and_si256(figure, _mm256_and_si256(same, valid)));
}

template <unsigned kClasses>
[[gnu::target("avx2")]] inline void add_charged_words_avx2(Words words, Words charges,
                                                           std::uint32_t end, SlotState from_state,
                                                           const QuickMasks& masks,
                                                           QuickSums& sums) noexcept {
  LaneSums<kClasses> lanes;
  lanes.start(from_state, masks);
  __m256i micro = _mm256_setzero_si256();
  for (std::uint32_t slot = 0; slot < end; slot += 8) {
    const __m256i first = load_lanes(words + slot);
    const __m256i second = load_lanes(words + slot + 4);
    const __m256i counted = lanes.add(low_halves(first, second));
    // low_halves() put slots 0 1 4 5 | 2 3 6 7 side by side; their masks are widened back.
    const __m256i charge0 = charge_lanes(first, load_lanes(charges + slot));
    const __m256i charge1 = charge_lanes(second, load_lanes(charges + slot + 4));
    const __m256i counted0 = _mm256_unpacklo_epi32(counted, counted);
    const __m256i counted1 = _mm256_unpackhi_epi32(counted, counted);
    micro = _mm256_add_epi64(micro, _mm256_and_si256(charge0, counted0));
    micro = _mm256_add_epi64(micro, _mm256_and_si256(charge1, counted1));
  }
  alignas(32) std::array<std::uint64_t, 4> out;
  _mm256_store_si256(reinterpret_cast<__m256i*>(out.data()), micro);
  add_totals<kClasses>(lanes.finish(), sums);
  sums.measured_micro += out[0] + out[1] + out[2] + out[3];
}

[[gnu::target("avx2")]] inline std::uint32_t count_equal_avx2(Words words, std::uint32_t end,
                                                              std::uint64_t wanted) noexcept {
  const __m256i value = _mm256_set1_epi64x(static_cast<long long>(wanted));
  __m256i equal = _mm256_setzero_si256();
  for (std::uint32_t slot = 0; slot < end; slot += 8) {
    equal = _mm256_sub_epi64(equal, _mm256_cmpeq_epi64(load_lanes(words + slot), value));
    equal = _mm256_sub_epi64(equal, _mm256_cmpeq_epi64(load_lanes(words + slot + 4), value));
  }
  alignas(32) std::array<std::uint64_t, 4> out;
  _mm256_store_si256(reinterpret_cast<__m256i*>(out.data()), equal);
  return static_cast<std::uint32_t>(out[0] + out[1] + out[2] + out[3]);
}

#endif

/// So few words are added faster one by one.
inline constexpr std::uint32_t kFewWords = 4;

/// Sums words[0, mark) whose state is at least `from_state`.
template <unsigned kClasses>
inline void add_words(Words words, std::uint32_t mark, const QuickCharges& charges,
                      SlotState from_state, const QuickMasks& masks, QuickSums& sums) noexcept {
#ifdef SLOTD_VECTOR_SCAN
  if (mark > kFewWords && has_avx2()) {
    const std::uint32_t end = (mark + 7U) & ~7U;
    const std::uint32_t charged = charges.mark < end ? charges.mark : end;
    if (charged == 0) {
      return add_totals<kClasses>(add_words_avx2<kClasses>(words, 0, end, from_state, masks), sums);
    }
    // A step that has slots with and without charges is done slot by slot.
    const std::uint32_t whole = charged & ~7U;
    const std::uint32_t next = (charged + 7U) & ~7U;
    add_charged_words_avx2<kClasses>(words, charges.words, whole, from_state, masks, sums);
    add_charged_words_scalar<kClasses>(words, charges, whole, charged, from_state, masks, sums);
    add_words_scalar<kClasses>(words, charged, next, from_state, masks, sums);
    return add_totals<kClasses>(add_words_avx2<kClasses>(words, next, end, from_state, masks),
                                sums);
  }
#endif
  const std::uint32_t charged = charges.mark < mark ? charges.mark : mark;
  add_charged_words_scalar<kClasses>(words, charges, 0, charged, from_state, masks, sums);
  add_words_scalar<kClasses>(words, charged, mark, from_state, masks, sums);
}

}  // namespace detail

/// Sums over the words [0, mark) in state `from_state` or later, for the first kClasses classes.
template <unsigned kClasses>
inline QuickSums scan_quick(const SegmentView& view, const QuickMasks& masks,
                            const QuickCharges& charges, SlotState from_state) noexcept {
  QuickSums sums;
  detail::add_words<kClasses>(view.words(), view.mark(), charges, from_state, masks, sums);
  return sums;
}

/// May another held or tentative slot carry this key? Asked after the scan of the words: whoever
/// claims the same key either has its fingerprint written by now or will find the caller's. False
/// is certain, true is for a full pass to settle.
inline bool may_have_key(const SegmentView& view, std::uint64_t fingerprint,
                         std::uint32_t own_slot) noexcept {
  // Acquire: the fingerprints are read after the words.
  std::atomic_thread_fence(std::memory_order_acquire);
  const std::uint32_t mark = view.mark();
#ifdef SLOTD_VECTOR_SCAN
  if (detail::has_avx2()) {
    const std::uint32_t own = own_slot < mark ? 1U : 0U;
    if (detail::count_equal_avx2(&view.key_fingerprint(0), (mark + 7U) & ~7U, fingerprint) == own)
      return false;
  }
#endif
  for (std::uint32_t slot = 0; slot < mark; ++slot) {
    if (slot == own_slot) continue;
    if (view.key_fingerprint(slot).load(std::memory_order_acquire) != fingerprint) continue;
    // A free slot keeps the fingerprint of its last claim.
    if (SlotWord{view.word(slot).load(std::memory_order_acquire)}.is_counted()) return true;
  }
  return false;
}

}  // namespace slotd::inline v0_1
