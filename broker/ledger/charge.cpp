#include "broker/ledger/charge.hpp"

#include <algorithm>

#include "slotd/admission.hpp"

namespace slotd::broker {

namespace {

__extension__ using Wide = unsigned __int128;

/// The parts of the owner's figure that the slots get which `takes_part`; nothing for the others.
template <typename TakesPart, typename Weight>
std::vector<std::optional<std::uint64_t>> share(std::optional<std::uint64_t> total,
                                                std::span<const SlotFacts> slots,
                                                TakesPart takes_part, Weight weight) {
  std::vector<std::optional<std::uint64_t>> shares(slots.size());
  std::vector<std::uint64_t> weights;
  for (const SlotFacts& slot : slots) {
    if (takes_part(slot)) weights.push_back(weight(slot));
  }
  if (!total || weights.empty()) return shares;
  const std::vector<std::uint64_t> parts = split_by_weight(*total, weights);
  std::size_t next = 0;
  for (std::size_t i = 0; i < slots.size(); ++i) {
    if (takes_part(slots[i])) shares[i] = parts[next++];
  }
  return shares;
}

struct Figure {
  std::uint64_t micro = 0;
  std::uint32_t flags = 0;  ///< kMeasured, kReported: where it comes from; 0: reserved
};

void raise(Figure& figure, std::optional<std::uint64_t> micro, std::uint32_t flag) {
  if (micro && *micro > figure.micro) figure = {*micro, flag};
}

Figure decide_figure(const ChargeRules& rules, const SlotFacts& slot,
                     std::optional<std::uint64_t> measured, std::optional<std::uint64_t> smoothed) {
  Figure reserved{reserved_micro(slot.word), 0};
  if (!slot.word.has_begun()) {
    raise(reserved, slot.reported.cpu_micro, ChargeWord::kReported);
    return reserved;
  }
  const bool is_held = slot.active_ns < rules.hold_ns;
  if (!measured) {
    // Not measured yet: what was published before stays, so that a new broker's first beat gives
    // nothing away.
    if (slot.charged.matches(slot.word))
      raise(reserved, slot.charged.figure_micro(), ChargeWord::kMeasured);
    if (is_held || rules.mode != ChargeMode::kReserved)
      raise(reserved, slot.reported.cpu_micro, ChargeWord::kReported);
    return reserved;
  }
  if (!is_held && rules.mode == ChargeMode::kReserved) return reserved;
  const bool is_measured_alone = !is_held && rules.mode == ChargeMode::kMeasured;
  Figure figure = is_measured_alone ? Figure{*measured, ChargeWord::kMeasured} : reserved;
  const bool is_smooth = !is_held && rules.mode == ChargeMode::kMax;
  raise(figure, is_smooth ? smoothed : measured, ChargeWord::kMeasured);
  raise(figure, slot.reported.cpu_micro, ChargeWord::kReported);
  return figure;
}

struct Memory {
  bool is_sampled = false;
  std::uint64_t bytes = 0;
};

/// An active slot counts its share of what is in use, and until `hold` has passed no less than its
/// cost. A PENDING one counts its cost, and its owner's use too where that has no active slot.
Memory decide_memory(const ChargeRules& rules, const SlotFacts& slot,
                     std::optional<std::uint64_t> share_bytes) {
  if (!rules.is_memory_ruled) return {};
  const std::uint64_t reported = slot.reported.memory_bytes.value_or(0);
  const std::uint64_t cost = std::max(slot.memory_cost_bytes, reported);
  if (!slot.word.has_begun()) {
    const bool is_more = share_bytes || reported > slot.memory_cost_bytes;
    return {is_more, is_more ? add_saturating(cost, share_bytes.value_or(0)) : 0};
  }
  if (!share_bytes) return {reported > slot.memory_cost_bytes, cost};
  const bool is_held = slot.active_ns < rules.hold_ns;
  return {true, std::max(*share_bytes, is_held ? cost : reported)};
}

}  // namespace

std::vector<std::uint64_t> split_by_weight(std::uint64_t total,
                                           std::span<const std::uint64_t> weights) {
  Wide sum = 0;
  for (const std::uint64_t weight : weights) sum += weight;
  const bool is_equal = sum == 0;
  if (is_equal) sum = weights.size();
  std::vector<std::uint64_t> parts;
  parts.reserve(weights.size());
  Wide reached = 0;
  std::uint64_t given = 0;
  for (const std::uint64_t weight : weights) {
    reached += is_equal ? 1 : weight;
    // total and sum are below 2^64 each, so the product fits.
    const auto until = static_cast<std::uint64_t>(Wide{total} * reached / sum);
    parts.push_back(until - given);
    given = until;
  }
  return parts;
}

std::uint64_t smooth_micro(std::optional<std::uint64_t> before, std::uint64_t sample_micro,
                           std::uint64_t elapsed_ns) noexcept {
  if (!before) return sample_micro;
  const Wide weighted = Wide{*before} * kSmoothingNs + Wide{sample_micro} * elapsed_ns +
                        (kSmoothingNs + elapsed_ns) / 2;
  return static_cast<std::uint64_t>(weighted / (kSmoothingNs + elapsed_ns));
}

std::vector<SlotCharge> charge_owner(const ChargeRules& rules, const OwnerFigures& owner,
                                     std::span<const SlotFacts> slots) {
  const auto is_active = [](const SlotFacts& slot) { return slot.word.has_begun(); };
  const bool none_active = std::none_of(slots.begin(), slots.end(), is_active);
  const auto has_memory = [&](const SlotFacts& slot) { return none_active || is_active(slot); };
  const auto cpu_weight = [](const SlotFacts& slot) { return reserved_micro(slot.word); };
  const auto memory_weight = [](const SlotFacts& slot) { return slot.memory_cost_bytes; };
  const auto measured = share(owner.measured_micro, slots, is_active, cpu_weight);
  const auto smoothed = share(owner.smoothed_micro, slots, is_active, cpu_weight);
  const auto memory = share(owner.memory_bytes, slots, has_memory, memory_weight);
  std::vector<SlotCharge> charges;
  charges.reserve(slots.size());
  for (std::size_t i = 0; i < slots.size(); ++i) {
    const SlotFacts& slot = slots[i];
    const Figure figure = decide_figure(rules, slot, measured[i], smoothed[i]);
    const Memory held = decide_memory(rules, slot, memory[i]);
    SlotCharge charge{slot.slot, {}, held.bytes, measured[i], memory[i]};
    if (held.is_sampled || figure.micro != reserved_micro(slot.word)) {
      const std::uint32_t flags =
          ChargeWord::kValid | figure.flags | (held.is_sampled ? ChargeWord::kMemorySampled : 0U);
      charge.charge = ChargeWord::make(slot.word.generation(), flags, figure.micro);
    }
    charges.push_back(charge);
  }
  return charges;
}

}  // namespace slotd::broker
