// What a slot is charged: the rules one by one, with figures from arithmetic.
#include "broker/ledger/charge.hpp"

#include <gtest/gtest.h>

#include <numeric>
#include <random>

namespace slotd::broker {
namespace {

constexpr std::uint64_t kSecond = kNsPerSecond;
constexpr std::uint64_t kGiB = std::uint64_t{1} << 30;

SlotFacts make_slot(SlotState state, std::uint32_t cost_milli, std::uint64_t active_ns,
                    std::uint32_t slot = 0) {
  SlotFacts facts;
  facts.slot = slot;
  facts.word = SlotWord::make(1, state, 0, cost_milli, 7 + slot);
  facts.active_ns = active_ns;
  return facts;
}

OwnerFigures measured(std::uint64_t last_micro, std::uint64_t smoothed_micro) {
  return {last_micro, smoothed_micro, std::nullopt};
}

std::uint64_t charge_one(ChargeMode mode, const SlotFacts& slot, const OwnerFigures& owner) {
  const auto charges = charge_owner({mode, 15 * kSecond, false}, owner, {&slot, 1});
  return charged_micro(charges.at(0), slot.word);
}

TEST(Charge, pending_costs_what_it_reserved_whatever_its_owner_uses) {
  const SlotFacts pending = make_slot(SlotState::kPending, 2000, 0);
  for (const ChargeMode mode : {ChargeMode::kMax, ChargeMode::kMeasured, ChargeMode::kReserved})
    EXPECT_EQ(charge_one(mode, pending, measured(9'000'000, 9'000'000)), 2'000'000U);
}

TEST(Charge, pending_counts_a_larger_report_and_no_smaller_one) {
  SlotFacts pending = make_slot(SlotState::kPending, 2000, 0);
  pending.reported.cpu_micro = 2'500'000;
  EXPECT_EQ(charge_one(ChargeMode::kMax, pending, {}), 2'500'000U);
  pending.reported.cpu_micro = 100'000;
  EXPECT_EQ(charge_one(ChargeMode::kMax, pending, {}), 2'000'000U);
}

TEST(Charge, until_hold_the_larger_of_reserved_and_measured) {
  const SlotFacts fresh = make_slot(SlotState::kActive, 2000, 15 * kSecond - 1);
  for (const ChargeMode mode : {ChargeMode::kMax, ChargeMode::kMeasured, ChargeMode::kReserved}) {
    EXPECT_EQ(charge_one(mode, fresh, measured(300'000, 300'000)), 2'000'000U);
    EXPECT_EQ(charge_one(mode, fresh, measured(3'100'000, 2'400'000)), 3'100'000U);
  }
}

TEST(Charge, after_hold_as_the_mode_says) {
  const SlotFacts old = make_slot(SlotState::kActive, 2000, 15 * kSecond);
  EXPECT_EQ(charge_one(ChargeMode::kMax, old, measured(5'000'000, 2'600'000)), 2'600'000U);
  EXPECT_EQ(charge_one(ChargeMode::kMax, old, measured(5'000'000, 1'400'000)), 2'000'000U);
  EXPECT_EQ(charge_one(ChargeMode::kMeasured, old, measured(500'000, 1'400'000)), 500'000U);
  EXPECT_EQ(charge_one(ChargeMode::kMeasured, old, measured(0, 1'400'000)), 0U);
  EXPECT_EQ(charge_one(ChargeMode::kReserved, old, measured(5'000'000, 5'000'000)), 2'000'000U);
}

TEST(Charge, ending_is_still_charged_as_active) {
  const SlotFacts ending = make_slot(SlotState::kEnding, 2000, 20 * kSecond);
  EXPECT_EQ(charge_one(ChargeMode::kMeasured, ending, measured(700'000, 0)), 700'000U);
}

TEST(Charge, a_job_that_was_never_measured_costs_what_it_reserved) {
  const SlotFacts old = make_slot(SlotState::kActive, 2000, 60 * kSecond);
  EXPECT_EQ(charge_one(ChargeMode::kMeasured, old, {}), 2'000'000U);
  EXPECT_EQ(charge_one(ChargeMode::kMax, old, {}), 2'000'000U);
}

TEST(Charge, what_was_published_stays_until_there_is_a_figure) {
  SlotFacts old = make_slot(SlotState::kActive, 2000, 60 * kSecond);
  old.charged = ChargeWord::make(old.word.generation(), ChargeWord::kValid, 5'000'000);
  EXPECT_EQ(charge_one(ChargeMode::kMax, old, {}), 5'000'000U);
  EXPECT_EQ(charge_one(ChargeMode::kMax, old, measured(1'000'000, 1'000'000)), 2'000'000U);
  old.charged = ChargeWord::make(old.word.generation() + 1, ChargeWord::kValid, 5'000'000);
  EXPECT_EQ(charge_one(ChargeMode::kMax, old, {}), 2'000'000U) << "another claim's";
}

TEST(Charge, a_report_counts_beside_the_sample_the_larger_of_both) {
  SlotFacts old = make_slot(SlotState::kActive, 2000, 60 * kSecond);
  old.reported.cpu_micro = 2'900'000;
  EXPECT_EQ(charge_one(ChargeMode::kMax, old, measured(1'000'000, 1'000'000)), 2'900'000U);
  EXPECT_EQ(charge_one(ChargeMode::kMeasured, old, measured(3'000'000, 0)), 3'000'000U);
  old.reported.cpu_micro = 10'000;
  EXPECT_EQ(charge_one(ChargeMode::kMeasured, old, measured(40'000, 0)), 40'000U);
  EXPECT_EQ(charge_one(ChargeMode::kReserved, old, measured(3'000'000, 0)), 2'000'000U);
}

TEST(Charge, several_slots_of_one_process_share_its_use_by_what_they_reserved) {
  const std::vector<SlotFacts> slots = {make_slot(SlotState::kActive, 1000, 60 * kSecond, 0),
                                        make_slot(SlotState::kPending, 5000, 0, 1),
                                        make_slot(SlotState::kActive, 3000, 60 * kSecond, 2)};
  const auto charges = charge_owner({ChargeMode::kMeasured, 15 * kSecond, false},
                                    measured(2'000'000, 2'000'000), slots);
  EXPECT_EQ(charged_micro(charges[0], slots[0].word), 500'000U);
  EXPECT_EQ(charged_micro(charges[1], slots[1].word), 5'000'000U);
  EXPECT_EQ(charged_micro(charges[2], slots[2].word), 1'500'000U);
  EXPECT_FALSE(charges[1].share_micro.has_value());
}

TEST(Charge, slots_without_cost_share_equally) {
  const std::vector<SlotFacts> slots = {make_slot(SlotState::kActive, 0, 60 * kSecond, 0),
                                        make_slot(SlotState::kActive, 0, 60 * kSecond, 1)};
  const auto charges =
      charge_owner({ChargeMode::kMax, 15 * kSecond, false}, measured(900'000, 900'000), slots);
  EXPECT_EQ(charged_micro(charges[0], slots[0].word), 450'000U);
  EXPECT_EQ(charged_micro(charges[1], slots[1].word), 450'000U);
}

TEST(Charge, a_word_is_published_only_where_it_says_more_than_the_slot_itself) {
  const SlotFacts old = make_slot(SlotState::kActive, 2000, 60 * kSecond);
  const auto same =
      charge_owner({ChargeMode::kMax, 15 * kSecond, false}, measured(100, 100), {&old, 1});
  EXPECT_EQ(same.at(0).charge.raw, 0U);
  EXPECT_EQ(same.at(0).share_micro, 100U);
}

TEST(Charge, parts_add_up_to_the_whole) {
  std::mt19937_64 random(4);
  for (int round = 0; round < 10'000; ++round) {
    std::vector<std::uint64_t> weights(1 + random() % 9);
    for (std::uint64_t& weight : weights)
      weight = random() % 3 == 0 ? 0 : random() >> random() % 64;
    const std::uint64_t total = random() >> random() % 64;
    const auto parts = split_by_weight(total, weights);
    EXPECT_EQ(std::accumulate(parts.begin(), parts.end(), std::uint64_t{0}), total);
    const bool all_zero = std::accumulate(weights.begin(), weights.end(), std::uint64_t{0},
                                          [](auto a, auto b) { return a | b; }) == 0;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      if (weights[i] == 0 && !all_zero) {
        EXPECT_EQ(parts[i], 0U);
      }
    }
  }
}

TEST(Charge, smoothing_starts_at_the_first_sample_and_weighs_by_time) {
  EXPECT_EQ(smooth_micro(std::nullopt, 1'500'000, kSecond), 1'500'000U);
  // 1/5 of the step a second: 2.0 + (3.0 - 2.0) / 5.
  EXPECT_EQ(smooth_micro(2'000'000, 3'000'000, kSecond), 2'200'000U);
  EXPECT_EQ(smooth_micro(2'000'000, 1'000'000, kSecond), 1'800'000U);
  // 4 s weigh one half.
  EXPECT_EQ(smooth_micro(2'000'000, 3'000'000, 4 * kSecond), 2'500'000U);
  EXPECT_EQ(smooth_micro(2'000'000, 3'000'000, 0), 2'000'000U);
}

Report reported_memory(std::uint64_t bytes) { return {std::nullopt, bytes}; }

SlotCharge charge_memory(const SlotFacts& slot, std::optional<std::uint64_t> tree_bytes) {
  OwnerFigures owner;
  owner.memory_bytes = tree_bytes;
  return charge_owner({ChargeMode::kMax, 15 * kSecond, true}, owner, {&slot, 1}).at(0);
}

bool is_sampled(const SlotCharge& charge) {
  return (charge.charge.flags() & ChargeWord::kMemorySampled) != 0;
}

TEST(ChargeMemory, pending_counts_the_cost_in_its_record) {
  SlotFacts pending = make_slot(SlotState::kPending, 2000, 0);
  pending.memory_cost_bytes = 2 * kGiB;
  EXPECT_FALSE(is_sampled(charge_memory(pending, std::nullopt)));
  pending.reported = reported_memory(3 * kGiB);
  EXPECT_TRUE(is_sampled(charge_memory(pending, std::nullopt)));
  EXPECT_EQ(charge_memory(pending, std::nullopt).memory_bytes, 3 * kGiB);
}

TEST(ChargeMemory, a_service_without_active_slots_counts_with_its_pending_ones) {
  std::vector<SlotFacts> slots = {make_slot(SlotState::kPending, 0, 0, 0),
                                  make_slot(SlotState::kPending, 0, 0, 1)};
  slots[0].memory_cost_bytes = 3 * kGiB;
  slots[1].memory_cost_bytes = kGiB;
  OwnerFigures owner;
  owner.memory_bytes = 2 * kGiB;
  const ChargeRules rules{ChargeMode::kMax, 15 * kSecond, true};
  auto charges = charge_owner(rules, owner, slots);
  EXPECT_EQ(charges[0].memory_bytes, 3 * kGiB + 3 * kGiB / 2);
  EXPECT_EQ(charges[1].memory_bytes, kGiB + kGiB / 2);
  slots[0] = make_slot(SlotState::kActive, 0, 60 * kSecond, 0);
  charges = charge_owner(rules, owner, slots);
  EXPECT_EQ(charges[0].memory_bytes, 2 * kGiB) << "all of it is the active one's";
  EXPECT_FALSE(is_sampled(charges[1]));
}

TEST(ChargeMemory, until_hold_no_less_than_the_cost) {
  SlotFacts fresh = make_slot(SlotState::kActive, 2000, 5 * kSecond);
  fresh.memory_cost_bytes = 4 * kGiB;
  EXPECT_EQ(charge_memory(fresh, kGiB).memory_bytes, 4 * kGiB);
  EXPECT_EQ(charge_memory(fresh, 5 * kGiB).memory_bytes, 5 * kGiB);
  EXPECT_TRUE(is_sampled(charge_memory(fresh, kGiB)));
  EXPECT_FALSE(is_sampled(charge_memory(fresh, std::nullopt))) << "not in the sample yet";
}

TEST(ChargeMemory, after_hold_what_is_used_alone) {
  SlotFacts old = make_slot(SlotState::kActive, 2000, 15 * kSecond);
  old.memory_cost_bytes = 4 * kGiB;
  EXPECT_EQ(charge_memory(old, kGiB).memory_bytes, kGiB);
  old.reported = reported_memory(2 * kGiB);
  EXPECT_EQ(charge_memory(old, kGiB).memory_bytes, 2 * kGiB) << "a larger report counts";
}

TEST(ChargeMemory, nothing_is_published_where_memory_is_not_ruled) {
  SlotFacts old = make_slot(SlotState::kActive, 2000, 60 * kSecond);
  OwnerFigures owner;
  owner.memory_bytes = kGiB;
  const auto charges = charge_owner({ChargeMode::kMax, 15 * kSecond, false}, owner, {&old, 1});
  EXPECT_EQ(charges.at(0).charge.raw, 0U);
  EXPECT_EQ(charges.at(0).share_bytes, kGiB);
}

}  // namespace
}  // namespace slotd::broker
