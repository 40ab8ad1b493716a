// Operations for an instruction counter: what they cost apart from the machine that runs them.
//
//   slotd-pair-instructions OPERATION HELD COUNT
//
// OPERATION is pair, keyed_pair, can_accept or refused; HELD slots of this process are held beside
// it. Counted is what happens in counted_operations(), COUNT operations: see
// tools/dev/checks/instructions.
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <functional>
#include <string_view>
#include <vector>

#include "slotd/client.hpp"
#include "tests/bench/bench_segment.hpp"

namespace {

using slotd::bench::kPlainType;

/// The name is what the counter looks for.
extern "C" [[gnu::noinline]] void counted_operations(slotd::Client& client, slotd::TypeId type,
                                                     std::string_view operation, long count) {
  std::error_code error;
  bool right = true;
  const slotd::ClaimOptions options{.key = operation == "keyed_pair" ? "EG_3xS7fLq9aBcD" : ""};
  if (operation == "can_accept") {
    for (; count > 0; --count) right &= static_cast<bool>(client.can_accept(type, {}, error));
  } else if (operation == "refused") {
    for (; count > 0; --count) right &= !client.try_claim(type, {}, error);
  } else {
    for (; count > 0; --count) {
      slotd::Slot slot = client.try_claim(type, options, error);
      right &= static_cast<bool>(slot);
      slot.release(error);
    }
  }
  if (!right || error) std::abort();
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 4) return 64;
  const std::string_view operation = argv[1];
  const long held = std::atol(argv[2]);
  const long count = std::atol(argv[3]);
  slotd::bench::SegmentPlan plan;
  if (operation == "refused") plan.plain_limit = static_cast<std::uint32_t>(held);
  const slotd::bench::BenchSegment segment(plan);
  slotd::Client client({.segment_path = segment.path(), .name = "instructions"});
  const slotd::TypeId type = client.type(kPlainType);
  std::vector<slotd::Slot> slots;
  for (long i = 0; i < held; ++i) slots.push_back(client.try_claim(type));
  counted_operations(client, type, operation, count);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "slotd-pair-instructions: %s\n", error.what());
  return 70;
}
