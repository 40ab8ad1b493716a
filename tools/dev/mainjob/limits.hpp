// The limits that the main job holds the ledger to, and what a set of slot words uses of them.
// Written from the specification and from the segment's layout alone: nothing here calls the code
// that decides claims, so that a mistake in that code shows.
//
// Pure, read_limits() aside; thread-safe; never blocks.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "slotd/layout.hpp"
#include "slotd/segment_view.hpp"
#include "slotd/slot_word.hpp"

namespace slotd::mainjob {

struct TypeLimit {
  std::string name;
  std::uint32_t limit = kNoLimit;
  std::uint32_t base = 0;  ///< index of the type whose limit it shares; its own for most

  bool operator==(const TypeLimit&) const = default;
};

struct GroupLimit {
  std::string name;
  std::uint32_t limit = kNoLimit;
  std::array<std::uint32_t, kMaxTypes> weights{};

  bool operator==(const GroupLimit&) const = default;
};

/// Indices are those of the segment.
struct Limits {
  std::vector<TypeLimit> types;
  std::vector<GroupLimit> groups;
  std::uint64_t capacity_micro = 0;
  std::uint64_t budget_micro = 0;
  bool idle_rule = true;
  /// False when the configuration charges what was measured: then reserved costs may add up to more
  /// than the budget.
  bool reserved_is_bound = true;

  bool operator==(const Limits&) const = default;
};

/// The configuration that the main job writes when it is given none: the five types on 32 cores,
/// whatever the machine has.
std::string make_default_config();
/// What that text means.
Limits make_default_limits();

/// The limits in force, as the broker has published them. An operator's override counts where it is
/// the higher one: a lowered limit revokes nothing.
Limits read_limits(const SegmentView& view);

/// What a set of held slots uses.
struct Tally {
  std::uint32_t slots = 0;
  std::array<std::uint32_t, kMaxTypes> by_type{};  ///< by their own type
  std::array<std::uint32_t, kMaxTypes> by_base{};  ///< by the type whose limit they use
  std::vector<std::uint64_t> by_group;
  std::uint64_t reserved_micro = 0;
};
Tally count_words(const Limits& limits, std::span<const SlotWord> held);

/// What is exceeded, a text each; empty when all is well. Precondition: the slots were all held at
/// one instant.
std::vector<std::string> find_excess(const Limits& limits, const Tally& tally);

}  // namespace slotd::mainjob
