// slotd_step_harness [--full] [--list] [OPERATION...]: the table of the step harness. Without names
// all operations, and then the programs with the seeded faults that stand beside it.
//
// Exits 0 when nothing was violated and every fault was caught, 3 with violations, 77 where
// processes cannot be traced.
#include <algorithm>
#include <cstdio>
#include <string>
#include <vector>

#include "tests/crash/faults.hpp"
#include "tests/crash/runner.hpp"

namespace slotd::crash {
namespace {

constexpr int kExitSkipped = 77;

struct Order {
  Extent extent = Extent::kSampled;
  bool list = false;
  std::vector<std::string> names;
};

Order read_order(int count, char** arguments) {
  Order order;
  for (int i = 1; i < count; ++i) {
    const std::string argument = arguments[i];
    if (argument == "--full") {
      order.extent = Extent::kFull;
    } else if (argument == "--list") {
      order.list = true;
    } else {
      order.names.push_back(argument);
    }
  }
  return order;
}

void print_result(const Operation& operation, const Result& result) {
  std::printf("%-36s %8llu %7llu %6llu %7llu %7llu %11llu", result.name.c_str(),
              static_cast<unsigned long long>(result.instructions),
              static_cast<unsigned long long>(result.writes),
              static_cast<unsigned long long>(result.system_calls),
              static_cast<unsigned long long>(result.kills),
              static_cast<unsigned long long>(result.stops),
              static_cast<unsigned long long>(result.findings.count()));
  if (operation.meanwhile) {
    std::printf(" %9s %9s %9s %9s\n", "-", "-", "-", "-");
  } else {
    std::printf(" %9.0f %9.0f %9.1f %9.1f\n", result.stopped.worst_us, result.control.worst_us,
                result.stopped.steady_us, result.control.steady_us);
  }
  if (result.drifted != 0) {
    std::printf("    (%llu runs took another path than the counted one)\n",
                static_cast<unsigned long long>(result.drifted));
  }
  for (const std::string& line : result.findings.lines()) std::printf("    ! %s\n", line.c_str());
  std::fflush(stdout);
}

int run(const Order& order) {
  std::printf("%-36s %8s %7s %6s %7s %7s %11s %9s %9s %9s %9s\n", "operation", "instr.", "writes",
              "calls", "kills", "stops", "violations", "stop us", "ctrl us", "stop us*",
              "ctrl us*");
  std::uint64_t violations = 0;
  std::uint64_t kills = 0;
  std::uint64_t stops = 0;
  for (const Operation& operation : list_operations()) {
    const bool wanted = order.names.empty() || std::find(order.names.begin(), order.names.end(),
                                                         operation.name) != order.names.end();
    if (!wanted) continue;
    const Result result = run_operation(operation, order.extent);
    print_result(operation, result);
    violations += result.findings.count();
    kills += result.kills;
    stops += result.stops;
  }
  std::printf("%llu kills, %llu stops, %llu violations\n", static_cast<unsigned long long>(kills),
              static_cast<unsigned long long>(stops), static_cast<unsigned long long>(violations));
  return violations == 0 ? 0 : kExitViolated;
}

bool run_faults() {
  unsigned caught = 0;
  for (const SeededFault& fault : kSeededFaults) {
    const bool found = run_fault(fault) == kExitViolated;
    std::printf("seeded fault %-24s %s by '%s'\n", fault.name, found ? "caught" : "NOT CAUGHT",
                fault.operation);
    caught += found ? 1U : 0U;
  }
  std::printf("seeded faults caught %u of %zu\n", caught, kSeededFaults.size());
  return caught == kSeededFaults.size();
}

}  // namespace
}  // namespace slotd::crash

int main(int argc, char** argv) {
  using namespace slotd::crash;  // NOLINT(google-build-using-namespace): the program's own names
  const Order order = read_order(argc, argv);
  if (order.list) {
    for (const Operation& operation : list_operations()) std::puts(operation.name.c_str());
    return 0;
  }
  const std::string obstacle = find_trace_obstacle();
  if (!obstacle.empty()) {
    std::printf("skipped: %s\n", obstacle.c_str());
    return kExitSkipped;
  }
  const int status = run(order);
  if (!order.names.empty()) return status;
  return run_faults() ? status : kExitViolated;
}
