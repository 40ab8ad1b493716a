// Exactness: what is admitted is what exact rational arithmetic admits, for every size of node,
// utilisation and cost that people write, from the decimal texts of the config to the last refusal.
//
// The expected numbers are computed here with whole tenths alone: cores c, utilisation u/10 and
// cost k/10 admit floor(c * u / k) jobs. Beside them runs a sum of doubles, as a service would keep
// it that charges, adds and compares in floating point: in how many of these configurations it is
// wrong is printed, and that it is wrong at all is what integers are for.
#include <gtest/gtest.h>

#include <cstdint>
#include <iostream>
#include <string>

#include "broker/config/parse_config.hpp"
#include "slotd/admission.hpp"
#include "slotd/units.hpp"

namespace slotd::testing {
namespace {

std::string tenths_text(std::uint32_t tenths) {
  return std::to_string(tenths / 10) + "." + std::to_string(tenths % 10);
}

Rules make_rules(std::int64_t capacity_micro, std::uint32_t utilization_ppb, bool idle_rule) {
  Rules rules;
  rules.known = true;
  rules.idle_rule = idle_rule;
  rules.capacity_micro = static_cast<std::uint64_t>(capacity_micro);
  rules.budget_micro = static_cast<std::uint64_t>(budget_micro(capacity_micro, utilization_ppb));
  return rules;
}

// Jobs of one cost until the first refusal.
std::uint32_t count_admitted(const Rules& rules, std::uint32_t cost_milli) {
  Request request;
  request.cost_milli = cost_milli;
  Usage usage;
  while (decide(rules, request, usage))
    usage.add(rules, request.type, std::uint64_t{cost_milli} * 1000, 0);
  return usage.slots;
}

// The same in floating point, available = cores * utilisation - sum of costs.
std::uint32_t count_admitted_in_doubles(double cores, double utilization, double cost) {
  std::uint32_t admitted = 0;
  double used = 0;
  while (cores * utilization - used >= cost) {
    used += cost;
    ++admitted;
  }
  return admitted;
}

struct Differences {
  int configurations = 0;
  int fewer = 0;
  int more = 0;

  void compare(std::uint32_t exact, std::uint32_t in_doubles) {
    ++configurations;
    fewer += in_doubles < exact ? 1 : 0;
    more += in_doubles > exact ? 1 : 0;
  }
};

TEST(Exactness, WholeCoresAdmitWhatRationalArithmeticAdmits) {
  Differences doubles;
  for (std::uint32_t cores = 1; cores <= 64; ++cores) {
    for (const std::uint32_t util_tenths : {7U, 8U, 9U, 10U}) {
      const auto capacity = parse_cores_micro(std::to_string(cores));
      const auto utilization = parse_ratio_ppb(tenths_text(util_tenths));
      ASSERT_TRUE(capacity.ok() && utilization.ok());
      const Rules rules = make_rules(capacity.value, utilization.value, false);
      for (std::uint32_t cost_tenths = 1; cost_tenths <= 40; ++cost_tenths) {
        const auto cost = parse_cores_milli(tenths_text(cost_tenths));
        ASSERT_TRUE(cost.ok());
        const std::uint32_t exact = cores * util_tenths / cost_tenths;
        ASSERT_EQ(count_admitted(rules, cost.value), exact)
            << cores << " cores, " << tenths_text(util_tenths) << ", cost "
            << tenths_text(cost_tenths);
        doubles.compare(exact,
                        count_admitted_in_doubles(cores, util_tenths / 10.0, cost_tenths / 10.0));
      }
    }
  }
  EXPECT_EQ(doubles.configurations, 64 * 4 * 40);
  std::cout << "sums of doubles: " << doubles.fewer << " of " << doubles.configurations
            << " configurations admit too few, " << doubles.more << " too many\n";
  EXPECT_GT(doubles.fewer + doubles.more, 0);
}

// Fractions of a core, as containers have them, and jobs of three sizes in turn: no rounding adds
// up.
TEST(Exactness, MixedCostsAddUpExactly) {
  for (std::uint32_t cores_tenths = 1; cores_tenths <= 640; ++cores_tenths) {
    const auto capacity = parse_cores_micro(tenths_text(cores_tenths));
    ASSERT_TRUE(capacity.ok());
    const Rules rules = make_rules(capacity.value, 800'000'000, false);
    Usage usage;
    std::uint32_t used_tenths = 0;
    for (std::uint32_t cost_tenths : {3U, 1U, 7U, 2U, 6U, 9U, 1U, 3U, 3U, 1U, 1U, 1U}) {
      for (int times = 0; times < 20; ++times) {
        Request request;
        request.cost_milli = cost_tenths * 100;
        // (used + cost) / 10 <= cores / 10 * 8 / 10
        const bool fits = 10 * (used_tenths + cost_tenths) <= 8 * cores_tenths;
        ASSERT_EQ(static_cast<bool>(decide(rules, request, usage)), fits)
            << tenths_text(cores_tenths) << " cores, " << tenths_text(used_tenths) << " used, "
            << tenths_text(cost_tenths) << " asked";
        if (!fits) continue;
        usage.add(rules, request.type, std::uint64_t{cost_tenths} * 100'000, 0);
        used_tenths += cost_tenths;
      }
    }
  }
}

// With the idle rule an idle node takes one job up to its whole capacity; beside it, what the
// budget leaves.
TEST(Exactness, FractionalCoresAndTheIdleRule) {
  for (std::uint32_t cores_tenths = 1; cores_tenths <= 40; ++cores_tenths) {
    for (const std::uint32_t util_tenths : {7U, 8U, 9U, 10U}) {
      const auto capacity = parse_cores_micro(tenths_text(cores_tenths));
      const auto utilization = parse_ratio_ppb(tenths_text(util_tenths));
      ASSERT_TRUE(capacity.ok() && utilization.ok());
      const Rules rules = make_rules(capacity.value, utilization.value, true);
      for (std::uint32_t cost_tenths = 1; cost_tenths <= 50; ++cost_tenths) {
        const auto cost = parse_cores_milli(tenths_text(cost_tenths));
        ASSERT_TRUE(cost.ok());
        // In hundredths of a core: budget = cores_tenths * util_tenths, cost = 10 * cost_tenths.
        const std::uint32_t by_budget = cores_tenths * util_tenths / (10 * cost_tenths);
        const bool fits_idle = cost_tenths <= cores_tenths;
        const std::uint32_t exact = by_budget > 0 ? by_budget : fits_idle ? 1 : 0;
        ASSERT_EQ(count_admitted(rules, cost.value), exact)
            << tenths_text(cores_tenths) << " cores, " << tenths_text(util_tenths) << ", cost "
            << tenths_text(cost_tenths);
      }
    }
  }
}

// The same figures through a whole config file, as the broker reads it.
TEST(Exactness, AConfigFilesDecimalsArriveUnchanged) {
  for (std::uint32_t tenths = 1; tenths <= 40; ++tenths) {
    for (const std::uint32_t util_tenths : {7U, 8U, 9U, 10U}) {
      const std::string text = "cpu: { capacity: " + tenths_text(tenths) +
                               ", max_utilization: " + tenths_text(util_tenths) +
                               ", idle_rule: false }\ntypes: { job: { cpu: " + tenths_text(tenths) +
                               " } }\n";
      const auto parsed = broker::parse_config(text, "exact.yaml");
      ASSERT_TRUE(parsed.config.has_value()) << text;
      const broker::Config& config = *parsed.config;
      EXPECT_EQ(config.cpu.capacity_micro, std::int64_t{tenths} * 100'000);
      EXPECT_EQ(config.types[0].cpu_milli, tenths * 100);
      const Rules rules = make_rules(config.cpu.capacity_micro, config.cpu.max_utilization_ppb,
                                     config.cpu.idle_rule);
      EXPECT_EQ(rules.budget_micro, std::uint64_t{tenths} * util_tenths * 10'000);
      EXPECT_EQ(count_admitted(rules, config.types[0].cpu_milli), util_tenths == 10 ? 1U : 0U);
    }
  }
}

}  // namespace
}  // namespace slotd::testing
