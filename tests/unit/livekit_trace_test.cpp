// The simulation behind docs/livekit.md: that it is what it says, and what holds of its figures by
// arithmetic. How much better one rule is than another is for the document to show, not for a test.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/bench/livekit_trace/report.hpp"
#include "tests/bench/livekit_trace/simulate.hpp"
#include "tests/bench/livekit_trace/workload.hpp"

namespace slotd::livekit_trace {
namespace {

constexpr std::uint32_t kShortS = 1'200;

// Jobs of one steady demand, one every `gap_s`, for the whole of the trace.
Workload make_steady(std::uint32_t jobs, std::uint32_t gap_s, std::uint32_t demand_micro) {
  Workload workload;
  workload.seconds = jobs * gap_s + 60;
  for (std::uint32_t i = 0; i < jobs; ++i) {
    workload.jobs.push_back(
        {i * gap_s, std::vector<std::uint32_t>(workload.seconds, demand_micro)});
  }
  return workload;
}

enum : std::size_t { kUpstream, kMaxOf3, kMax, kMeasuredOf3 };

TEST(LivekitTrace, TheWorkloadIsTheComplaints) {
  const Workload workload = make_workload(1, 7'200);
  EXPECT_NEAR(workload.mean_demand_cores(), 1.75, 0.02);
  std::uint32_t most = 0;
  for (const TraceJob& job : workload.jobs) {
    ASSERT_THAT(job.demand_micro, testing::Each(testing::AllOf(testing::Ge(250'000U),
                                                               testing::Le(kMostDemandMicro))));
    for (std::size_t age_s = 0; age_s < 20; ++age_s) ASSERT_LE(job.demand_micro[age_s], 500'000U);
    for (const std::uint32_t micro : job.demand_micro) most = std::max(most, micro);
  }
  EXPECT_GT(most, 4'900'000U);
}

TEST(LivekitTrace, IsTheSameForTheSameSeed) {
  const Workload one = make_workload(7, kShortS);
  const Workload other = make_workload(7, kShortS);
  ASSERT_EQ(one.jobs.size(), other.jobs.size());
  for (std::size_t i = 0; i < one.jobs.size(); ++i) {
    EXPECT_EQ(one.jobs[i].arrival_s, other.jobs[i].arrival_s);
    EXPECT_EQ(one.jobs[i].demand_micro, other.jobs[i].demand_micro);
  }
  EXPECT_NE(make_workload(8, kShortS).jobs[0].demand_micro, one.jobs[0].demand_micro);
}

// 12 cores, 0.8: worked case 2, every job settles at 1.5 before the next claim.
TEST(LivekitTrace, WorkedCase2) {
  const Workload workload = make_steady(8, 20, 1'500'000);
  const std::vector<Policy> policies = make_policies();
  EXPECT_EQ(simulate(workload, policies[kUpstream]).admitted, 6U);
  EXPECT_EQ(simulate(workload, policies[kMax]).admitted, 4U);
  EXPECT_EQ(simulate(workload, policies[kMaxOf3]).admitted, 3U);
  Policy measured = policies[kMeasuredOf3];
  measured.limit = kNoLimit;
  EXPECT_EQ(simulate(workload, measured).admitted, 6U);
}

// The service's rule, written anew in floating point, and `charge: measured` without a type limit
// are the same rule.
TEST(LivekitTrace, TheServicesRuleIsChargeMeasuredWithoutALimit) {
  const std::vector<Policy> policies = make_policies();
  Policy measured = policies[kMeasuredOf3];
  measured.limit = kNoLimit;
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    const Workload workload = make_workload(seed, kShortS);
    const Result upstream = simulate(workload, policies[kUpstream]);
    const Result parity = simulate(workload, measured);
    EXPECT_EQ(upstream.verdicts, parity.verdicts) << "seed " << seed;
    EXPECT_EQ(upstream.demand_micro, parity.demand_micro) << "seed " << seed;
  }
}

// With charge max a job is charged 2 at least, so 9.6 promised cores are four jobs at most; three
// by the type limit. Each demands 5 at most.
TEST(LivekitTrace, WhatSlotdPromisesIsWithinTheBudget) {
  const std::vector<Policy> policies = make_policies();
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const Workload workload = make_workload(seed, kShortS);
    for (const std::size_t policy : {kMaxOf3, kMax, kMeasuredOf3}) {
      const Result result = simulate(workload, policies[policy]);
      const std::uint32_t most_jobs = policy == kMax ? 4 : 3;
      EXPECT_EQ(result.admitted + result.refused, workload.jobs.size());
      EXPECT_EQ(result.beyond_budget, 0U) << policies[policy].name;
      EXPECT_LE(result.most_jobs, most_jobs) << policies[policy].name;
      EXPECT_LE(result.peak_micro, most_jobs * kMostDemandMicro) << policies[policy].name;
    }
    EXPECT_GT(simulate(workload, policies[kUpstream]).most_jobs, 4U);
  }
}

// Three jobs that keep to their cost of 2 use 6 of 12 cores at most: no second is over-committed
// and nobody is stopped.
TEST(LivekitTrace, NothingIsOverCommittedWhileCostsAreKept) {
  const Result result = simulate(make_steady(20, 15, 2'000'000), make_policies()[kMaxOf3]);
  EXPECT_EQ(result.admitted, 3U);
  EXPECT_EQ(result.over_seconds, 0U);
  EXPECT_EQ(result.peak_micro, 6'000'000U);
  EXPECT_EQ(result.stopped, 0U);
}

// And what no admission by cost can prevent: three peaks of 5 at once are 15.
TEST(LivekitTrace, ThreePeaksAtOnceAreMoreThanTheNodeHas) {
  const Workload workload = make_steady(3, 0, 5'000'000);
  const Result result = simulate(workload, make_policies()[kMaxOf3]);
  EXPECT_EQ(result.admitted, 3U);
  EXPECT_EQ(result.peak_micro, 15'000'000U);
  EXPECT_EQ(result.over_seconds, 10U) << "then pressure stops one of them, and 10 fit";
  EXPECT_EQ(result.over_micro, 30'000'000U);
  EXPECT_EQ(result.stopped, 1U);
}

TEST(LivekitTrace, TheReportNamesEveryRuleAndDrawsTheCapacity) {
  const std::vector<Policy> policies = make_policies();
  const Workload workload = make_workload(1, kShortS);
  SeedResults seed;
  seed.seed = 1;
  seed.arrivals = workload.jobs.size();
  for (const Policy& policy : policies) seed.results.push_back(simulate(workload, policy));
  const std::string table = write_table(policies, {seed});
  for (const Policy& policy : policies) EXPECT_THAT(table, testing::HasSubstr(policy.name));
  const std::string plot = write_plot(policies[0], seed.results[0], policies[1], seed.results[1]);
  EXPECT_THAT(plot, testing::StartsWith("<svg "));
  EXPECT_THAT(plot, testing::EndsWith("</svg>\n"));
  EXPECT_THAT(plot, testing::HasSubstr("capacity, 12 cores"));
  EXPECT_THAT(plot, testing::HasSubstr("prefers-color-scheme: dark"));
}

}  // namespace
}  // namespace slotd::livekit_trace
