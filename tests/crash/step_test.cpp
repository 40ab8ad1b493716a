// P3 and P7 instruction by instruction: every operation is killed and stopped in its course, and
// others check what it left; see runner.hpp. Sampled unless SLOTD_STEP_FULL is set; the table of
// figures is printed by slotd_step_harness --full.
#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "tests/crash/faults.hpp"
#include "tests/crash/runner.hpp"

namespace slotd::crash {
namespace {

class EveryInstruction : public ::testing::TestWithParam<Operation> {};

std::string name_case(const ::testing::TestParamInfo<Operation>& param) {
  std::string name = param.param.name;
  for (char& letter : name) {
    if (std::isalnum(static_cast<unsigned char>(letter)) == 0) letter = '_';
  }
  return name;
}

INSTANTIATE_TEST_SUITE_P(Step, EveryInstruction, ::testing::ValuesIn(list_operations()), name_case);

TEST_P(EveryInstruction, may_be_the_last_or_a_long_stop) {
  const std::string obstacle = find_trace_obstacle();
  if (!obstacle.empty()) GTEST_SKIP() << obstacle;
  const bool full = std::getenv("SLOTD_STEP_FULL") != nullptr;
  const Result result = run_operation(GetParam(), full ? Extent::kFull : Extent::kSampled);
  EXPECT_GT(result.instructions, 0U);
  EXPECT_GT(result.stops, 10U);
  EXPECT_EQ(result.findings.count(), 0U);
  for (const std::string& line : result.findings.lines()) ADD_FAILURE() << line;
  // P7 with a wide margin: the best of three tries, so that only a delay that comes every time
  // counts.
  EXPECT_LT(result.stopped.steady_us, result.control.steady_us + 50'000.0);
}

class SeededFaults : public ::testing::TestWithParam<SeededFault> {};

INSTANTIATE_TEST_SUITE_P(Step, SeededFaults, ::testing::ValuesIn(kSeededFaults),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_P(SeededFaults, fault_is_caught) {
  const std::string obstacle = find_trace_obstacle();
  if (!obstacle.empty()) GTEST_SKIP() << obstacle;
  EXPECT_EQ(run_fault(GetParam()), kExitViolated);
}

/// The list that the faults name is the one that exists.
TEST(FaultList, operations_exist) {
  for (const SeededFault& fault : kSeededFaults) {
    bool found = false;
    for (const Operation& operation : list_operations()) found |= operation.name == fault.operation;
    EXPECT_TRUE(found) << fault.operation;
  }
}

}  // namespace
}  // namespace slotd::crash
