// The two 64-bit words that scans read: the slot word (the truth about one slot) and the charge
// word (what the broker says that the slot costs now). Pure values; no atomics, no I/O.
//
//   slot word    63            38 37      28 27   25 24    20 19             0
//               +----------------+----------+-------+--------+---------------+
//               | generation  26 | owner 10 | st  3 | type 5 | cpu milli  20 |
//               +----------------+----------+-------+--------+---------------+
//   charge word  63            38 37      30 29                              0
//               +----------------+----------+--------------------------------+
//               | generation  26 | flags  8 | figure, microcores          30 |
//               +----------------+----------+--------------------------------+
//
// A free slot keeps its generation and has zero in every other field, so a zeroed table is an empty
// table. The generation grows by one at every claim and at every change of owner and wraps at 2^26;
// a charge whose generation is another one belongs to an earlier job and is ignored.
#pragma once

#include <cstdint>

namespace slotd::inline v0_1 {

/// Life of a slot. kPending, kActive and kEnding are the held states. Values are part of the
/// layout.
enum class SlotState : std::uint8_t {
  kFree = 0,       ///< nobody's
  kClaiming = 1,   ///< the claimer is writing the record; no scan counts it
  kTentative = 2,  ///< published, being decided; counts for admission, not for refusal
  kPending = 3,    ///< admitted, its job is not running yet
  kActive = 4,     ///< its job runs
  kEnding = 5,     ///< its job has ended and may still burn CPU; charged until freed
};

inline constexpr unsigned kCostBits = 20;
inline constexpr unsigned kTypeBits = 5;
inline constexpr unsigned kStateBits = 3;
inline constexpr unsigned kOwnerBits = 10;
inline constexpr unsigned kGenerationBits = 26;
inline constexpr unsigned kTypeShift = kCostBits;
inline constexpr unsigned kStateShift = kTypeShift + kTypeBits;
inline constexpr unsigned kOwnerShift = kStateShift + kStateBits;
inline constexpr unsigned kGenerationShift = kOwnerShift + kOwnerBits;
static_assert(kGenerationShift + kGenerationBits == 64);

inline constexpr std::uint32_t kMaxCostMilli = (1U << kCostBits) - 1U;  ///< 1048.575 cores
inline constexpr std::uint32_t kGenerationMask = (1U << kGenerationBits) - 1U;

/// Is generation `a` of a slot the same as `b`, or later? They wrap around.
constexpr bool is_same_or_later(std::uint32_t a, std::uint32_t b) noexcept {
  return ((a - b) & kGenerationMask) < kGenerationMask / 2;
}

/// One slot word, decoded on demand. Every field of an arbitrary 64-bit value is in range of its
/// own type; whether an index is in range of a table is for the reader to check.
struct SlotWord {
  std::uint64_t raw = 0;

  static constexpr SlotWord make(std::uint32_t owner, SlotState state, std::uint32_t type,
                                 std::uint32_t cost_milli, std::uint32_t generation) noexcept {
    return SlotWord{(static_cast<std::uint64_t>(generation & kGenerationMask) << kGenerationShift) |
                    (static_cast<std::uint64_t>(owner & ((1U << kOwnerBits) - 1U)) << kOwnerShift) |
                    (static_cast<std::uint64_t>(state) << kStateShift) |
                    (static_cast<std::uint64_t>(type & ((1U << kTypeBits) - 1U)) << kTypeShift) |
                    (cost_milli & kMaxCostMilli)};
  }

  constexpr std::uint32_t cost_milli() const noexcept {
    return static_cast<std::uint32_t>(raw) & kMaxCostMilli;
  }
  constexpr std::uint32_t type() const noexcept {
    return static_cast<std::uint32_t>(raw >> kTypeShift) & ((1U << kTypeBits) - 1U);
  }
  constexpr SlotState state() const noexcept {
    return static_cast<SlotState>((raw >> kStateShift) & ((1U << kStateBits) - 1U));
  }
  constexpr std::uint32_t owner() const noexcept {
    return static_cast<std::uint32_t>(raw >> kOwnerShift) & ((1U << kOwnerBits) - 1U);
  }
  constexpr std::uint32_t generation() const noexcept {
    return static_cast<std::uint32_t>(raw >> kGenerationShift);
  }

  constexpr bool is_free() const noexcept { return state() == SlotState::kFree; }
  /// Held: admitted and not yet freed. The two unused state values count as held, which is the safe
  /// reading of a scribble.
  constexpr bool is_held() const noexcept { return state() >= SlotState::kPending; }
  /// Held, and its job was activated: what it uses is its own from then on.
  constexpr bool has_begun() const noexcept { return state() > SlotState::kPending; }
  /// Counted by an admission: held or tentative.
  constexpr bool is_counted() const noexcept { return state() >= SlotState::kTentative; }
  constexpr bool is_valid() const noexcept {
    return state() <= SlotState::kEnding && (is_free() ? freed().raw == raw : owner() != 0);
  }

  /// The same slot in another state.
  constexpr SlotWord with_state(SlotState state) const noexcept {
    constexpr std::uint64_t kMask = ((1ULL << kStateBits) - 1U) << kStateShift;
    return SlotWord{(raw & ~kMask) | (static_cast<std::uint64_t>(state) << kStateShift)};
  }
  /// The word after the slot is given back: only the generation stays.
  constexpr SlotWord freed() const noexcept {
    return SlotWord{(raw >> kGenerationShift) << kGenerationShift};
  }
  /// The word after a change of owner: the generation grows, so that the old token is stale.
  constexpr SlotWord transferred(std::uint32_t owner) const noexcept {
    return make(owner, state(), type(), cost_milli(), generation() + 1U);
  }
  /// True when both words speak of the same held claim; the state may have moved among the held
  /// ones.
  constexpr bool same_claim(SlotWord other) const noexcept {
    return with_state(SlotState::kPending).raw == other.with_state(SlotState::kPending).raw;
  }

  friend constexpr bool operator==(SlotWord a, SlotWord b) noexcept { return a.raw == b.raw; }
};

/// What one slot is charged, as published by the broker in a sample block.
struct ChargeWord {
  std::uint64_t raw = 0;

  static constexpr std::uint32_t kValid = 1;  ///< the figure is meant; zero words are not
  static constexpr std::uint32_t kMemorySampled =
      2;  ///< the slot counts the block's bytes for it, not the cost in its record
  static constexpr std::uint32_t kMeasured =
      4;  ///< the figure comes from a measurement (for display)
  static constexpr std::uint32_t kReported = 8;  ///< likewise, from the job's own report
  static constexpr std::uint32_t kMaxMicro = (1U << 30) - 1U;

  /// figure_micro saturates at kMaxMicro (1073.741823 cores).
  static constexpr ChargeWord make(std::uint32_t generation, std::uint32_t flags,
                                   std::uint64_t figure_micro) noexcept {
    const std::uint64_t figure = figure_micro > kMaxMicro ? kMaxMicro : figure_micro;
    return ChargeWord{
        (static_cast<std::uint64_t>(generation & kGenerationMask) << kGenerationShift) |
        (static_cast<std::uint64_t>(flags & 0xffU) << 30) | figure};
  }
  constexpr std::uint32_t figure_micro() const noexcept {
    return static_cast<std::uint32_t>(raw) & kMaxMicro;
  }
  constexpr std::uint32_t flags() const noexcept {
    return static_cast<std::uint32_t>(raw >> 30) & 0xffU;
  }
  /// True when the figure speaks of the claim that the word shows.
  constexpr bool matches(SlotWord word) const noexcept {
    return (flags() & kValid) != 0 &&
           static_cast<std::uint32_t>(raw >> kGenerationShift) == word.generation();
  }
};

/// A figure that says whose it is: what a broker or a job writes for one claim or one process
/// beside the truth, in one store, to be ignored by everybody else's.
///
///   63            38 37 36                                       0
///   +----------------+--+------------------------------------------+
///   | tag         26 | 1| figure                               37  |
///   +----------------+--+------------------------------------------+
struct TaggedFigure {
  std::uint64_t raw = 0;

  static constexpr std::uint64_t kValid = 1ULL << 37;
  static constexpr std::uint64_t kMost = kValid - 1U;

  /// Of the tag only the low 26 bits are kept. The figure saturates at kMost.
  static constexpr TaggedFigure make(std::uint64_t tag, std::uint64_t figure) noexcept {
    return {((tag & kGenerationMask) << kGenerationShift) | kValid |
            (figure > kMost ? kMost : figure)};
  }
  constexpr bool is_of(std::uint64_t tag) const noexcept {
    return (raw & kValid) != 0 && (raw >> kGenerationShift) == (tag & kGenerationMask);
  }
  constexpr std::uint64_t figure() const noexcept { return raw & kMost; }
};

/// Bytes as the KiB of a TaggedFigure, rounded up, and back.
constexpr std::uint64_t kib_of_bytes(std::uint64_t bytes) noexcept {
  return bytes / 1024U + (bytes % 1024U != 0 ? 1U : 0U);
}
constexpr std::uint64_t bytes_of_kib(std::uint64_t kib) noexcept { return kib * 1024U; }

constexpr std::uint64_t reserved_micro(SlotWord word) noexcept {
  return std::uint64_t{word.cost_milli()} * 1000U;
}

/// Charge of a held or tentative slot in microcores: the published figure when it speaks of this
/// claim, else the reserved cost. While the broker is down a figure below the reserved cost is not
/// believed.
constexpr std::uint64_t charge_micro(SlotWord word, ChargeWord charge, bool broker_down) noexcept {
  const std::uint64_t reserved = reserved_micro(word);
  if (!charge.matches(word)) return reserved;
  const std::uint64_t figure = charge.figure_micro();
  return broker_down && figure < reserved ? reserved : figure;
}

}  // namespace slotd::inline v0_1
