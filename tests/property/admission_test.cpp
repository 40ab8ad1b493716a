// The admission rule against an oracle that was written from the specification alone, in 128-bit
// integers: no sum of it can wrap, round or saturate. And what must hold of any such rule: another
// slot never makes room.
#include "slotd/admission.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <vector>

namespace slotd::testing {
namespace {

using Big = __int128;

constexpr int kCases = 300'000;

struct Slot {
  std::uint32_t type;
  std::uint64_t charge_micro;
  std::uint64_t memory_pending;
  bool same_key;
};

struct Case {
  Rules rules;
  Request request;
  std::vector<Slot> slots;
};

/// Small figures so that equality is hit often, and now and then the largest that the types hold.
std::uint64_t draw_figure(std::mt19937_64& random, std::uint64_t small, std::uint64_t large) {
  const auto kind = random() % 16;
  if (kind == 0) return large;
  if (kind == 1) return random() % (large / 2 + 1);
  return random() % small;
}

Case draw_case(std::mt19937_64& random) {
  Case one;
  Rules& rules = one.rules;
  rules.known = random() % 32 != 0;
  rules.draining = random() % 32 == 0;
  rules.idle_rule = random() % 2 == 0;
  rules.limit = random() % 3 == 0 ? kNoLimit : static_cast<std::uint32_t>(random() % 6);
  rules.family_mask = static_cast<std::uint32_t>(random());
  rules.capacity_micro =
      draw_figure(random, 20, 1'000'000'000'000) * (random() % 4 == 0 ? 1 : 1000);
  rules.budget_micro = rules.capacity_micro / (1 + random() % 3);
  rules.memory_max_bytes = random() % 2 == 0 ? 0 : draw_figure(random, 40, ~std::uint64_t{0});
  rules.memory_headroom_bytes = draw_figure(random, 10, ~std::uint64_t{0});
  rules.memory_used_bytes = draw_figure(random, 10, ~std::uint64_t{0});
  rules.group_count = static_cast<std::uint32_t>(random() % 4);
  one.request.type = static_cast<std::uint32_t>(random() % kMaxTypes);
  one.request.cost_milli = static_cast<std::uint32_t>(draw_figure(random, 20, (1U << 20) - 1));
  one.request.memory_bytes = draw_figure(random, 20, ~std::uint64_t{0});
  for (std::uint32_t i = 0; i < rules.group_count; ++i) {
    Rules::Group& group = rules.groups[i];
    group.index = i;
    group.limit = random() % 4 == 0 ? kNoLimit : static_cast<std::uint32_t>(random() % 20);
    group.member_mask = static_cast<std::uint32_t>(random());
    group.uniform_weight = random() % 2 == 0 ? 0 : 1 + static_cast<std::uint32_t>(random() % 4);
    for (std::uint32_t type = 0; type < kMaxTypes; ++type)
      group.weights[type] = static_cast<std::uint32_t>(random() % 5);
    group.weight = group.weight_of(one.request.type);
    group.external_use = random() % 4 == 0 ? draw_figure(random, 10, ~std::uint64_t{0}) : 0;
  }
  for (auto left = random() % 8; left > 0; --left) {
    one.slots.push_back({static_cast<std::uint32_t>(random() % kMaxTypes),
                         draw_figure(random, 20'000, 1'048'575'000),
                         draw_figure(random, 10, ~std::uint64_t{0} / 8), random() % 64 == 0});
  }
  return one;
}

Usage make_usage(const Case& one, std::size_t count) {
  Usage usage;
  for (std::size_t i = 0; i < count; ++i) {
    usage.add(one.rules, one.slots[i].type, one.slots[i].charge_micro, one.slots[i].memory_pending);
    usage.duplicate_key = usage.duplicate_key || one.slots[i].same_key;
  }
  return usage;
}

// ---- The oracle

Big weight_in(const Rules::Group& group, std::uint32_t type) {
  if (group.uniform_weight == 0) return group.weights[type];
  return ((group.member_mask >> type) & 1U) != 0 ? group.uniform_weight : 0;
}

bool is_too_large(const Case& one) {
  const Rules& rules = one.rules;
  const Big room = rules.idle_rule ? rules.capacity_micro : rules.budget_micro;
  if (Big{one.request.cost_milli} * 1000 > room) return true;
  const Big memory = Big{one.request.memory_bytes} + rules.memory_headroom_bytes;
  if (rules.memory_max_bytes != 0 && memory >= rules.memory_max_bytes) return true;
  for (std::uint32_t i = 0; i < rules.group_count; ++i) {
    const Rules::Group& group = rules.groups[i];
    if (group.limit != kNoLimit && weight_in(group, one.request.type) > group.limit) return true;
  }
  return false;
}

Reason judge(const Case& one) {
  const Rules& rules = one.rules;
  if (!rules.known) return Reason::kUnknownType;
  if (rules.draining) return Reason::kDraining;
  for (const Slot& slot : one.slots) {
    if (slot.same_key) return Reason::kDuplicateKey;
  }
  if (is_too_large(one)) return Reason::kTooLarge;
  Big family = 0;
  Big charged = 0;
  Big memory = rules.memory_used_bytes;
  for (const Slot& slot : one.slots) {
    family += (rules.family_mask >> slot.type) & 1U;
    charged += slot.charge_micro;
    memory += slot.memory_pending;
  }
  if (rules.limit != kNoLimit && family + 1 > rules.limit) return Reason::kTypeLimit;
  for (std::uint32_t i = 0; i < rules.group_count; ++i) {
    const Rules::Group& group = rules.groups[i];
    Big use = group.external_use;
    for (const Slot& slot : one.slots) use += weight_in(group, slot.type);
    if (group.limit != kNoLimit && use + weight_in(group, one.request.type) > group.limit)
      return Reason::kGroupLimit;
  }
  memory += Big{one.request.memory_bytes} + rules.memory_headroom_bytes;
  if (rules.memory_max_bytes != 0 && memory >= rules.memory_max_bytes) return Reason::kMemory;
  const bool idle = rules.idle_rule && one.slots.empty();
  const Big available = idle ? Big{rules.capacity_micro} : Big{rules.budget_micro} - charged;
  return available >= Big{one.request.cost_milli} * 1000 ? Reason::kNone : Reason::kCpu;
}

TEST(Admission, decides_as_the_oracle_does) {
  std::mt19937_64 random(1);
  std::uint64_t by_reason[kReasons] = {};
  for (int i = 0; i < kCases; ++i) {
    const Case one = draw_case(random);
    const Verdict verdict = decide(one.rules, one.request, make_usage(one, one.slots.size()));
    const Reason expected = judge(one);
    ASSERT_EQ(reason_name(verdict.reason), reason_name(expected)) << "case " << i;
    by_reason[static_cast<std::size_t>(expected)] += 1;
  }
  for (const Reason reason : {Reason::kNone, Reason::kUnknownType, Reason::kDraining,
                              Reason::kDuplicateKey, Reason::kTooLarge, Reason::kTypeLimit,
                              Reason::kGroupLimit, Reason::kMemory, Reason::kCpu}) {
    EXPECT_GT(by_reason[static_cast<std::size_t>(reason)], 200U)
        << reason_name(reason) << " is hardly ever met";
  }
}

/// One more slot never turns a refusal into an admission; the first one may, where a node stops
/// being idle, only the other way.
TEST(Admission, another_slot_never_makes_room) {
  std::mt19937_64 random(2);
  for (int i = 0; i < kCases / 3; ++i) {
    Case one = draw_case(random);
    if (one.rules.budget_micro > one.rules.capacity_micro) continue;
    bool refused = false;
    for (std::size_t count = 0; count <= one.slots.size(); ++count) {
      const bool admitted =
          static_cast<bool>(decide(one.rules, one.request, make_usage(one, count)));
      ASSERT_FALSE(refused && admitted) << "case " << i << ", slot " << count;
      refused = !admitted;
    }
  }
}

/// Nor does a larger claim, or a lower limit.
TEST(Admission, asking_for_more_or_allowing_less_never_makes_room) {
  std::mt19937_64 random(3);
  for (int i = 0; i < kCases / 3; ++i) {
    const Case one = draw_case(random);
    const Usage usage = make_usage(one, one.slots.size());
    if (decide(one.rules, one.request, usage)) continue;
    Case other = one;
    other.request.cost_milli = std::min(
        other.request.cost_milli + static_cast<std::uint32_t>(random() % 50), (1U << 20) - 1);
    other.request.memory_bytes = add_saturating(other.request.memory_bytes, random() % 50);
    if (other.rules.limit != kNoLimit && other.rules.limit > 0) --other.rules.limit;
    other.rules.budget_micro -= std::min<std::uint64_t>(other.rules.budget_micro, random() % 1000);
    ASSERT_FALSE(decide(other.rules, other.request, usage)) << "case " << i;
  }
}

/// Whoever is in the way: without its word something is eased; and if nobody is, no tentative word
/// is to blame.
TEST(Admission, words_that_are_in_the_way_are_those_whose_limit_fails) {
  std::mt19937_64 random(4);
  int met = 0;
  for (int i = 0; i < kCases / 3; ++i) {
    const Case one = draw_case(random);
    if (one.slots.empty() || judge(one) == Reason::kNone) continue;
    const Usage counted = make_usage(one, one.slots.size());
    Usage without = make_usage(one, one.slots.size() - 1);
    if (without.duplicate_key) continue;
    const Slot& last = one.slots.back();
    if (last.same_key || last.charge_micro % 1000 != 0 || !decide(one.rules, one.request, without))
      continue;
    ++met;
    ASSERT_TRUE(is_in_the_way(one.rules, one.request, counted, last.type,
                              static_cast<std::uint32_t>(last.charge_micro / 1000),
                              last.memory_pending))
        << "case " << i << ": it fits without this word, and yet the word would not be waited for";
  }
  EXPECT_GT(met, 5);
}

}  // namespace
}  // namespace slotd::testing
