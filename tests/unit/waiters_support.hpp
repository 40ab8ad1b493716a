// What the tests of waiters' entries share: a node on the heap and two processes that wait there.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <vector>

#include "slotd/waiter_seat.hpp"
#include "slotd/waiters.hpp"
#include "tests/support/heap_segment.hpp"

namespace slotd::testing {

inline constexpr std::uint32_t kPid = 0x3ffff0;
inline constexpr std::uint32_t kOtherPid = 0x3ffff1;
inline constexpr std::uint32_t kTurnMs = 60'000;  // no turn ends while a test runs

inline broker::LedgerSpec make_waiting_spec() {
  broker::LedgerSpec spec = make_spec(10'000'000);
  spec.budget_micro = 10'000'000;
  spec.idle_rule = false;
  spec.turn_ms = kTurnMs;
  spec.overtake_window_ms = 20'000;  // longer than a test, shorter than a machine is up
  return spec;
}

/// A node of 10 cores with two processes that may wait.
class Waiters : public ::testing::Test {
 protected:
  Request request(std::uint32_t type, std::uint32_t cost_milli) const {
    return make_request(segment_.view(), type, cost_milli, std::nullopt);
  }
  std::unique_ptr<WaiterSeat> sit(ProcessRef owner, std::uint32_t cost_milli,
                                  std::uint32_t priority = 0) const {
    auto seat = std::make_unique<WaiterSeat>(processes_, owner);
    EXPECT_TRUE(seat->take(request(kTrack, cost_milli), priority));
    return seat;
  }
  WaiterTold told(const WaiterSeat& seat) const { return {seat.told().load()}; }
  std::uint64_t bits() const { return segment_.view().header().waiting.load(); }
  std::uint64_t now_ms() const { return processes_.clock().coarse_ns() / kNsPerMs; }
  /// Held by `owner`, without a claim.
  void hold(std::uint32_t slot, ProcessRef owner, std::uint32_t cost_milli) const {
    segment_.put_word(slot,
                      SlotWord::make(owner.index, SlotState::kPending, kTrack, cost_milli, 1));
  }
  std::vector<std::uint32_t> queue_entries() const {
    const WaiterQueue queue(processes_, now_ms());
    std::vector<std::uint32_t> entries;
    for (const QueuedClaim& claim : queue) entries.push_back(claim.entry);
    return entries;
  }

  HeapSegment segment_{make_waiting_spec()};
  ProcessTable processes_ = segment_.processes();
  ProcessRef me_ = segment_.add_process(kPid);
  ProcessRef other_ = segment_.add_process(kOtherPid);
};

}  // namespace slotd::testing
