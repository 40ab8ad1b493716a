// decide(): every reason that the ledger itself gives, with its figures, and the order of the
// reasons.
#include "slotd/admission.hpp"

#include <gtest/gtest.h>

namespace slotd {
namespace {

constexpr std::uint64_t kGiB = 1ULL << 30;

Rules make_rules() {
  Rules rules;
  rules.known = true;
  rules.family_mask = 1;
  rules.capacity_micro = 12'000'000;
  rules.budget_micro = 9'600'000;
  return rules;
}

void add_group(Rules& rules, std::uint32_t limit, std::uint32_t weight) {
  Rules::Group& group = rules.groups[rules.group_count++];
  group = {};
  group.index = 3;
  group.limit = limit;
  group.weight = weight;
  group.uniform_weight = weight;
  group.member_mask = 1;
}

Usage make_usage(const Rules& rules, std::uint32_t slots, std::uint64_t charge_each) {
  Usage usage;
  for (std::uint32_t i = 0; i < slots; ++i) usage.add(rules, 0, charge_each, 0);
  return usage;
}

TEST(Decide, AdmitsWhatFits) {
  const Rules rules = make_rules();
  const Verdict verdict = decide(rules, {0, 2000, 0}, make_usage(rules, 1, 2'000'000));
  EXPECT_TRUE(verdict);
  EXPECT_EQ(verdict.available_micro, 7'600'000);
  EXPECT_EQ(verdict.required_micro, 2'000'000);
}

TEST(Decide, CpuIsAcceptedWhenAvailableEqualsRequired) {
  const Rules rules = make_rules();
  EXPECT_TRUE(decide(rules, {0, 1600, 0}, make_usage(rules, 4, 2'000'000)));
  const Verdict verdict = decide(rules, {0, 1601, 0}, make_usage(rules, 4, 2'000'000));
  EXPECT_EQ(verdict.reason, Reason::kCpu);
  EXPECT_EQ(verdict.available_micro, 1'600'000);
  EXPECT_EQ(verdict.required_micro, 1'601'000);
}

TEST(Decide, NegativeAvailableIsKept) {
  Rules rules = make_rules();
  rules.capacity_micro = 4'000'000;
  rules.budget_micro = 3'200'000;
  const Verdict verdict = decide(rules, {0, 500, 0}, make_usage(rules, 1, 4'000'000));
  EXPECT_EQ(verdict.reason, Reason::kCpu);
  EXPECT_EQ(verdict.available_micro, -800'000);
}

TEST(Decide, IdleNodeOffersItsWholeCapacity) {
  Rules rules = make_rules();
  EXPECT_TRUE(decide(rules, {0, 12000, 0}, {}));
  EXPECT_EQ(decide(rules, {0, 12000, 0}, make_usage(rules, 1, 0)).reason, Reason::kCpu);
  rules.idle_rule = false;
  EXPECT_EQ(decide(rules, {0, 12000, 0}, {}).reason, Reason::kTooLarge);
}

TEST(Decide, TenTimesATenthOfACoreIsExactlyOneCore) {
  Rules rules = make_rules();
  rules.budget_micro = 1'000'000;
  rules.idle_rule = false;
  EXPECT_TRUE(decide(rules, {0, 100, 0}, make_usage(rules, 9, 100'000)));
  EXPECT_EQ(decide(rules, {0, 100, 0}, make_usage(rules, 10, 100'000)).reason, Reason::kCpu);
}

TEST(Decide, TypeLimitCountsTheWholeFamily) {
  Rules rules = make_rules();
  rules.limit = 3;
  rules.family_mask = 0b101;
  Usage usage;
  usage.add(rules, 0, 0, 0);
  usage.add(rules, 1, 0, 0);
  usage.add(rules, 2, 0, 0);
  EXPECT_TRUE(decide(rules, {0, 1, 0}, usage));
  usage.add(rules, 2, 0, 0);
  const Verdict verdict = decide(rules, {0, 1, 0}, usage);
  EXPECT_EQ(verdict.reason, Reason::kTypeLimit);
  EXPECT_EQ(verdict.limit, 3U);
  EXPECT_EQ(verdict.in_use, 3U);
}

TEST(Decide, LimitZeroAdmitsNoneAndNoLimitAdmitsAll) {
  Rules rules = make_rules();
  rules.limit = 0;
  EXPECT_EQ(decide(rules, {0, 1, 0}, {}).reason, Reason::kTypeLimit);
  rules.limit = kNoLimit;
  EXPECT_TRUE(decide(rules, {0, 0, 0}, make_usage(rules, 4000, 0)));
}

// livekit.md, case 5: pool of 60, weight 4.
TEST(Decide, GroupWithWeightsAtItsEdge) {
  Rules rules = make_rules();
  add_group(rules, 60, 4);
  rules.groups[0].external_use = 56;
  EXPECT_TRUE(decide(rules, {0, 1, 0}, {}));
  rules.groups[0].external_use = 57;
  const Verdict verdict = decide(rules, {0, 1, 0}, {});
  EXPECT_EQ(verdict.reason, Reason::kGroupLimit);
  EXPECT_EQ(verdict.limit, 60U);
  EXPECT_EQ(verdict.in_use, 57U);
  EXPECT_EQ(verdict.weight, 4U);
  EXPECT_EQ(verdict.group, 3U);
}

TEST(Decide, GroupWithDifferentWeightsAMember) {
  Rules rules = make_rules();
  add_group(rules, 10, 4);
  rules.groups[0].uniform_weight = 0;
  rules.groups[0].weights = {};
  rules.groups[0].weights[0] = 4;
  rules.groups[0].weights[1] = 1;
  Usage usage;
  usage.add(rules, 0, 0, 0);
  usage.add(rules, 1, 0, 0);
  usage.add(rules, 1, 0, 0);
  EXPECT_EQ(group_use(rules, usage, 0), 6U);
  EXPECT_TRUE(decide(rules, {0, 1, 0}, usage));
  usage.add(rules, 1, 0, 0);
  EXPECT_EQ(decide(rules, {0, 1, 0}, usage).reason, Reason::kGroupLimit);
}

TEST(Decide, MemoryRefusesAtEquality) {
  Rules rules = make_rules();
  rules.memory_max_bytes = 16 * kGiB;
  rules.memory_headroom_bytes = kGiB;
  rules.memory_used_bytes = 10 * kGiB;
  Usage usage;
  usage.memory_pending_bytes = 2 * kGiB;
  EXPECT_TRUE(decide(rules, {0, 1, 3 * kGiB - 1}, usage));
  const Verdict verdict = decide(rules, {0, 1, 3 * kGiB}, usage);
  EXPECT_EQ(verdict.reason, Reason::kMemory);
  EXPECT_EQ(verdict.memory_required, 3 * kGiB);
  EXPECT_EQ(verdict.memory_used, 12 * kGiB);
  EXPECT_EQ(verdict.memory_max, 16 * kGiB);
}

TEST(Decide, TooLargeInEachOfItsThreeWays) {
  Rules rules = make_rules();
  EXPECT_EQ(decide(rules, {0, 12001, 0}, {}).reason, Reason::kTooLarge);
  rules.memory_max_bytes = 4 * kGiB;
  rules.memory_headroom_bytes = kGiB;
  EXPECT_EQ(decide(rules, {0, 1, 3 * kGiB}, {}).reason, Reason::kTooLarge);
  EXPECT_TRUE(decide(rules, {0, 1, 3 * kGiB - 1}, {}));
  add_group(rules, 3, 4);
  const Verdict verdict = decide(rules, {0, 1, 0}, {});
  EXPECT_EQ(verdict.reason, Reason::kTooLarge);
  EXPECT_EQ(verdict.weight, 4U);
  EXPECT_EQ(verdict.limit, 3U);
}

TEST(Decide, OrderOfReasons) {
  Rules rules = make_rules();
  rules.limit = 0;
  add_group(rules, 0, 1);
  rules.memory_max_bytes = 1;
  rules.draining = true;
  rules.known = false;
  Usage usage = make_usage(rules, 5, 9'000'000);
  usage.duplicate_key = true;
  const Request request{0, 13000, 5};
  const auto reason = [&] { return decide(rules, request, usage).reason; };
  EXPECT_EQ(reason(), Reason::kUnknownType);
  rules.known = true;
  EXPECT_EQ(reason(), Reason::kDraining);
  rules.draining = false;
  EXPECT_EQ(reason(), Reason::kDuplicateKey);
  usage.duplicate_key = false;
  EXPECT_EQ(reason(), Reason::kTooLarge);
  rules.capacity_micro = 20'000'000;
  rules.memory_max_bytes = 1000;
  rules.groups[0].limit = 1;
  EXPECT_EQ(reason(), Reason::kTypeLimit);
  rules.limit = kNoLimit;
  EXPECT_EQ(reason(), Reason::kGroupLimit);
  rules.group_count = 0;
  rules.memory_used_bytes = 1000;
  EXPECT_EQ(reason(), Reason::kMemory);
  rules.memory_used_bytes = 0;
  EXPECT_EQ(reason(), Reason::kCpu);
  EXPECT_EQ(decide(rules, {0, 0, 5}, usage).reason,
            Reason::kCpu);  // available is negative: not even for nothing
  rules.budget_micro = 100'000'000;
  EXPECT_EQ(reason(), Reason::kNone);
}

TEST(Decide, ScribbledFiguresSaturateInsteadOfWrappingIntoRoom) {
  Rules rules = make_rules();
  rules.memory_max_bytes = ~0ULL;
  rules.memory_headroom_bytes = ~0ULL;
  EXPECT_FALSE(decide(rules, {0, 1, 1}, {}));
  rules.memory_headroom_bytes = 0;
  rules.memory_used_bytes = ~0ULL - 1;
  EXPECT_FALSE(decide(rules, {0, 1, 1}, {}));
  rules.memory_max_bytes = 0;
  Usage usage;
  usage.charged_micro = ~0ULL;
  usage.slots = 1;
  EXPECT_EQ(decide(rules, {0, 1, 0}, usage).reason, Reason::kCpu);
}

TEST(InTheWay, OnlyWordsThatAddToWhatFails) {
  Rules rules = make_rules();
  rules.limit = 1;
  Usage usage = make_usage(rules, 1, 1'000'000);
  EXPECT_TRUE(is_in_the_way(rules, {0, 1000, 0}, usage, 0, 1000, 0));
  EXPECT_FALSE(
      is_in_the_way(rules, {0, 1000, 0}, usage, 1, 1000, 0));  // another type; CPU does not fail
  usage.charged_micro = 9'600'000;
  EXPECT_TRUE(is_in_the_way(rules, {0, 1000, 0}, usage, 1, 1000, 0));
}

TEST(ReasonNames, AreTheContracts) {
  const char* names[] = {"none",      "unknown_type", "draining",     "duplicate_key",
                         "too_large", "type_limit",   "group_limit",  "memory",
                         "cpu",       "table_full",   "queued_ahead", "contended"};
  for (std::size_t i = 0; i < kReasons; ++i)
    EXPECT_STREQ(reason_name(static_cast<Reason>(i)), names[i]);
}

}  // namespace
}  // namespace slotd
