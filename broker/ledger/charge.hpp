// What a slot is charged, from what it reserved, what its owner was measured to use, what its job
// reports, and how long it has been active. Pure: values in, values out; times and figures are the
// caller's.
//
// Rules (design, section 7): a PENDING slot costs what it reserved, or a larger report; its owner's
// use is never put on it. From activation until `hold` has passed: the larger of reserved and
// measured, since a job that warms up looks cheap. Afterwards as the mode says. A process that owns
// several active slots has its use split over them by what they reserved. A report counts beside
// the sampled figure, the larger of both.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "slotd/layout.hpp"
#include "slotd/slot_table.hpp"
#include "slotd/slot_word.hpp"

namespace slotd::broker {

struct ChargeRules {
  ChargeMode mode = ChargeMode::kMax;
  std::uint64_t hold_ns = 15 * kNsPerSecond;
  bool is_memory_ruled = false;  ///< memory.max is set
};

/// What is known of one owner's process tree at a sample. Nothing where it was not measured.
struct OwnerFigures {
  std::optional<std::uint64_t> measured_micro;  ///< microcores, over the last interval
  std::optional<std::uint64_t> smoothed_micro;  ///< see smooth_micro()
  std::optional<std::uint64_t> memory_bytes;
};

/// One held slot of that owner.
struct SlotFacts {
  std::uint32_t slot = 0;
  SlotWord word;
  std::uint64_t active_ns = 0;  ///< since its activation; meant for ACTIVE and ENDING
  std::uint64_t memory_cost_bytes = 0;
  Report reported;     ///< as far as it still counts
  ChargeWord charged;  ///< at the last sample, by this broker or the one before
};

struct SlotCharge {
  std::uint32_t slot = 0;
  ChargeWord charge;                         ///< zero where it says no more than the word itself
  std::uint64_t memory_bytes = 0;            ///< counted; meant where it has kMemorySampled
  std::optional<std::uint64_t> share_micro;  ///< of its owner's use; none while PENDING
  std::optional<std::uint64_t> share_bytes;  ///< of its memory; while PENDING too where no slot of
                                             ///< the owner is active
};

/// Charges of all held slots of one owner, in their order.
std::vector<SlotCharge> charge_owner(const ChargeRules& rules, const OwnerFigures& owner,
                                     std::span<const SlotFacts> slots);

/// The microcores that a claim with this word is charged.
constexpr std::uint64_t charged_micro(const SlotCharge& charge, SlotWord word) noexcept {
  return charge_micro(word, charge.charge, false);
}

/// Exponential smoothing: a sample of `elapsed_ns` weighs elapsed / (kSmoothingNs + elapsed). At
/// one sample a second a step in use is seen by 59 % after 4 s and by 97 % after 16 s. `before`
/// none: the sample itself.
inline constexpr std::uint64_t kSmoothingNs = 4 * kNsPerSecond;
std::uint64_t smooth_micro(std::optional<std::uint64_t> before, std::uint64_t sample_micro,
                           std::uint64_t elapsed_ns) noexcept;

/// `total` in parts proportional to `weights` that add up to it exactly; equal parts where all
/// weights are zero.
std::vector<std::uint64_t> split_by_weight(std::uint64_t total,
                                           std::span<const std::uint64_t> weights);

}  // namespace slotd::broker
