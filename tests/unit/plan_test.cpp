// From a Config to the ledger's rules: indices that stay, names that retire, limits that are used
// up.
#include "broker/ledger/plan.hpp"

#include <gtest/gtest.h>

namespace slotd::broker {
namespace {

TypeSpec make_type(const std::string& name, std::uint32_t cpu_milli) {
  TypeSpec type;
  type.name = name;
  type.cpu_milli = cpu_milli;
  return type;
}

TEST(PlanLedger, SeedDefaultsOnTwelveCores) {
  const LedgerPlan plan = plan_ledger(Config{}, 12'000'000, {});
  ASSERT_TRUE(plan.spec);
  const LedgerSpec& spec = *plan.spec;
  ASSERT_EQ(spec.types.size(), 5U);
  EXPECT_EQ(spec.types[0].name, "room_composite");
  EXPECT_EQ(spec.types[0].limit, 5U);
  EXPECT_EQ(spec.types[0].cost_milli, 4000U);
  EXPECT_EQ(spec.types[2].limit, 3U);
  EXPECT_EQ(spec.types[4].limit, 10U);
  EXPECT_EQ(spec.types[4].cost_milli, 500U);
  ASSERT_EQ(spec.groups.size(), 1U);
  EXPECT_EQ(spec.groups[0].limit, 18U);
  EXPECT_EQ(spec.groups[0].weights[0], 1U);
  EXPECT_EQ(spec.groups[0].weights[2], 0U);
  EXPECT_EQ(spec.budget_micro, 9'600'000U);
}

TEST(PlanLedger, NamesKeepTheirIndicesAndLeavingOnesRetireWithTheirLastWeights) {
  Config config;
  config.groups = {GroupSpec{}};
  config.groups[0].name = "web";
  config.types = {make_type("a", 1000), make_type("b", 2000), make_type("c", 3000)};
  config.types[1].groups = {{"web", 3}};
  const LedgerSpec first = *plan_ledger(config, 12'000'000, {}).spec;
  config.types = {make_type("d", 500), make_type("c", 3500)};
  const LedgerSpec second = *plan_ledger(config, 12'000'000, first).spec;
  ASSERT_EQ(second.types.size(), 4U);
  EXPECT_EQ(second.types[1].name, "b");
  EXPECT_EQ(second.types[1].standing, Standing::kRetired);
  EXPECT_EQ(second.groups[0].weights[1], 3U);
  EXPECT_EQ(second.types[2].name, "c");
  EXPECT_EQ(second.types[2].cost_milli, 3500U);
  EXPECT_EQ(second.types[3].name, "d");
  config.types = {make_type("b", 2500)};
  const LedgerSpec third = *plan_ledger(config, 12'000'000, second).spec;
  EXPECT_EQ(third.types[1].standing, Standing::kKnown);
  EXPECT_EQ(third.groups[0].weights[1], 0U) << "a known type has the weights of its config";
}

TEST(PlanLedger, RefusesTheThirtyThirdNameNamingItsKey) {
  Config config;
  config.types.clear();
  config.groups.clear();
  for (int i = 0; i < 32; ++i) config.types.push_back(make_type("t" + std::to_string(i), 100));
  const LedgerSpec full = *plan_ledger(config, 12'000'000, {}).spec;
  config.types = {make_type("new", 100)};
  const LedgerPlan plan = plan_ledger(config, 12'000'000, full);
  EXPECT_FALSE(plan.spec);
  ASSERT_EQ(plan.problems.size(), 1U);
  EXPECT_EQ(plan.problems[0].key, "types.new");
}

TEST(PlanLedger, DerivedTypesTakeTheirBasesLimit) {
  Config config;
  config.types = {make_type("room_composite", 4000), make_type("audio", 1000)};
  config.types[0].max = 5;
  config.types[1].counts_as = "room_composite";
  config.types[0].aliases = {"template"};
  config.groups.clear();
  const LedgerSpec spec = *plan_ledger(config, 12'000'000, {}).spec;
  EXPECT_EQ(spec.types[1].base, 0U);
  EXPECT_EQ(spec.types[1].limit, 5U);
  ASSERT_EQ(spec.aliases.size(), 1U);
  EXPECT_EQ(spec.aliases[0], (LedgerAlias{"template", 0}));
}

TEST(CheckFit, CountsTheMinimumsOfOthersAsTaken) {
  Config config;
  config.groups.clear();
  config.types = {make_type("sure", 1000), make_type("large", 8000)};
  config.types[0].min = 2;
  LedgerSpec spec = *plan_ledger(config, 12'000'000, {}).spec;
  EXPECT_EQ(check_fit(spec).minimum_micro, 2'000'000U);
  EXPECT_TRUE(check_fit(spec).minimums_fit);
  EXPECT_EQ(check_fit(spec).never, std::vector<std::string>{"large"}) << "8 of 9.6 - 2";
  config.types[1].cpu_milli = 7600;
  spec = *plan_ledger(config, 12'000'000, {}).spec;
  EXPECT_TRUE(check_fit(spec).never.empty());
}

TEST(CheckFit, MinimumsBeyondTheBudgetAreTold) {
  Config config;
  config.groups.clear();
  config.types = {make_type("one", 2000), make_type("two", 1000)};
  config.types[0].min = 3;
  config.types[1].min = 3;
  // 3 x 2 + 3 x 1 of a budget of 0.8 x 11.25.
  EXPECT_TRUE(check_fit(*plan_ledger(config, 11'250'000, {}).spec).minimums_fit);
  EXPECT_FALSE(check_fit(*plan_ledger(config, 11'000'000, {}).spec).minimums_fit);
}

TEST(CheckFit, NamesTypesThatNeverFitByTheRuleInForce) {
  Config config;
  config.groups.clear();
  config.types = {make_type("small", 3000), make_type("large", 4000)};
  LedgerSpec spec = *plan_ledger(config, 3'900'000, {}).spec;  // budget 3.12
  EXPECT_EQ(check_fit(spec).never, std::vector<std::string>{"large"});
  EXPECT_FALSE(check_fit(spec).none_fits);
  config.cpu.idle_rule = false;
  spec = *plan_ledger(config, 3'000'000, {}).spec;  // budget 2.4
  EXPECT_EQ(check_fit(spec).never.size(), 2U);
  EXPECT_TRUE(check_fit(spec).none_fits);
}

}  // namespace
}  // namespace slotd::broker
