// The quick scan and the full pass are two ways to one sum, on any table whatever: random words,
// marks, rules and own words.
#include "slotd/scan.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>

#include "tests/support/heap_segment.hpp"

namespace slotd::testing {
namespace {

constexpr int kTables = 100'000;

/// Rules that the quick scan can answer: up to three groups, each with one weight for all its
/// members.
Rules draw_rules(std::mt19937_64& random) {
  Rules rules;
  rules.known = true;
  rules.family_mask = static_cast<std::uint32_t>(random() & random());
  rules.group_count = static_cast<std::uint32_t>(random() % (kQuickGroups + 1));
  for (std::uint32_t i = 0; i < rules.group_count; ++i) {
    Rules::Group& group = rules.groups[i];
    group.index = i;
    group.limit = kNoLimit;
    group.uniform_weight = 1 + static_cast<std::uint32_t>(random() % 65'535);
    group.member_mask = static_cast<std::uint32_t>(random() | random());
    group.weight = group.weight_of(0);
    group.external_use = 0;
  }
  return rules;
}

/// Any 64-bit value now and then; else a word with fields in range, mostly taken.
SlotWord draw_word(std::mt19937_64& random) {
  if (random() % 16 == 0) return SlotWord{random()};
  const auto state = static_cast<SlotState>(random() % 6);
  return SlotWord::make(static_cast<std::uint32_t>(random()), state,
                        static_cast<std::uint32_t>(random()), static_cast<std::uint32_t>(random()),
                        static_cast<std::uint32_t>(random()));
}

TEST(Scan, quick_scan_equals_the_sum_of_a_full_pass_on_random_tables) {
  std::mt19937_64 random(20'260'801);
  constexpr std::uint32_t kSlots = 70;  // not a multiple of the vector's four
  const HeapSegment segment(make_spec(64'000'000), {kSlots, 4});
  const SegmentView view = segment.view();
  PassWords pass;
  for (int table = 0; table < kTables; ++table) {
    const auto mark = static_cast<std::uint32_t>(random() % (kSlots + 1));
    view.header().mark.store(mark);
    for (std::uint32_t slot = 0; slot < kSlots; ++slot)
      view.word(slot).store(draw_word(random).raw);
    const Rules rules = draw_rules(random);
    // An own word among them, or none; the quick scan takes it out by its value, the full pass by
    // its place.
    const bool has_own = mark > 0 && random() % 2 == 0;
    const auto own_slot = has_own ? static_cast<std::uint32_t>(random() % mark) : kNoSlot;
    SlotWord own;
    if (has_own) {
      own = SlotWord::make(3, SlotState::kTentative, static_cast<std::uint32_t>(random()),
                           static_cast<std::uint32_t>(random()), 9);
      view.word(own_slot).store(own.raw);
    }
    for (const SlotState from : {SlotState::kTentative, SlotState::kPending}) {
      const Usage quick = scan_quick(view, rules, mark, from, own);
      load_pass(view, own_slot, pass);
      PassContext context;
      context.view = &view;
      context.rules = &rules;
      context.stamp = load_stamp(view, 0);
      const Usage full =
          sum_pass(context, pass, [&](auto, SlotWord word) { return word.state() >= from; });
      ASSERT_EQ(quick.slots, full.slots) << "table " << table;
      ASSERT_EQ(quick.in_family, full.in_family) << "table " << table;
      ASSERT_EQ(quick.charged_micro, full.charged_micro) << "table " << table;
      for (std::uint32_t i = 0; i < rules.group_count; ++i)
        ASSERT_EQ(quick.by_group[i], full.by_group[i]) << table;
    }
  }
}

/// The same, against a sum that shares no code with either.
TEST(Scan, quick_scan_equals_plain_addition) {
  std::mt19937_64 random(42);
  constexpr std::uint32_t kSlots = 4096;
  const HeapSegment segment(make_spec(64'000'000), {kSlots, 4});
  const SegmentView view = segment.view();
  for (int table = 0; table < 200; ++table) {
    const auto mark = static_cast<std::uint32_t>(random() % (kSlots + 1));
    const Rules rules = draw_rules(random);
    std::uint64_t slots = 0;
    std::uint64_t family = 0;
    std::uint64_t cost = 0;
    std::uint64_t groups[kQuickGroups] = {};
    for (std::uint32_t slot = 0; slot < kSlots; ++slot) {
      const std::uint64_t raw = draw_word(random).raw;
      view.word(slot).store(raw);
      const std::uint64_t state = (raw >> 25) & 7;
      const std::uint64_t type = (raw >> 20) & 31;
      if (slot >= mark || state < 2) continue;
      slots += 1;
      family += (rules.family_mask >> type) & 1;
      cost += raw & 0xf'ffff;
      for (std::uint32_t i = 0; i < rules.group_count; ++i)
        groups[i] += ((rules.groups[i].member_mask >> type) & 1) * rules.groups[i].uniform_weight;
    }
    const Usage quick = scan_quick(view, rules, mark, SlotState::kTentative, SlotWord{});
    ASSERT_EQ(quick.slots, slots);
    ASSERT_EQ(quick.in_family, family);
    ASSERT_EQ(quick.charged_micro, cost * 1000);
    for (std::uint32_t i = 0; i < rules.group_count; ++i) ASSERT_EQ(quick.by_group[i], groups[i]);
  }
}

}  // namespace
}  // namespace slotd::testing
