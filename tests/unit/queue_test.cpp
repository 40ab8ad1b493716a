// The order of those who wait, and who of them may go: every rule of queue.hpp with queues made by
// hand and results by arithmetic.
#include "slotd/queue.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <vector>

namespace slotd {
namespace {

constexpr std::uint64_t kWindowMs = 1000;
constexpr std::uint64_t kGiB = 1ULL << 30;

using Places = std::vector<QueuePlace>;
constexpr QueuePlace kGoes = QueuePlace::kGoes;
constexpr QueuePlace kKept = QueuePlace::kKept;
constexpr QueuePlace kPassedOver = QueuePlace::kPassedOver;

/// Ten cores, all of them budget, no idle rule, no limit; type t counts against itself.
std::array<Rules, kMaxTypes> make_rules() {
  std::array<Rules, kMaxTypes> rules;
  for (std::uint32_t type = 0; type < kMaxTypes; ++type) {
    rules[type].known = true;
    rules[type].idle_rule = false;
    rules[type].family_mask = 1U << type;
    rules[type].capacity_micro = 10'000'000;
    rules[type].budget_micro = 10'000'000;
  }
  return rules;
}

/// One who has just confirmed that it runs.
QueuedClaim make_claim(std::uint32_t cost_milli, std::uint64_t ticket, std::uint64_t waited_ms = 0,
                       std::uint32_t type = 0) {
  QueuedClaim claim;
  claim.request.type = type;
  claim.request.cost_milli = cost_milli;
  claim.ticket = ticket;
  claim.waited_ms = waited_ms;
  claim.is_confirmed = true;
  return claim;
}

class Queue : public ::testing::Test {
 protected:
  void hold(std::uint32_t type, std::uint32_t cost_milli, std::uint64_t memory_bytes = 0) {
    held_.add(type, std::uint64_t{cost_milli} * 1000U, memory_bytes);
  }
  /// Places by ticket: the queue has tickets 0, 1, 2, ...
  Places walk(std::vector<QueuedClaim> queue) {
    std::sort(queue.begin(), queue.end(), [&](const QueuedClaim& a, const QueuedClaim& b) {
      return comes_before(a, b, queue_rules_);
    });
    Places places(queue.size(), kPassedOver);
    order_.clear();
    Totals held = held_;
    walk_queue(
        queue, queue_rules_, [&](std::uint32_t type) -> const Rules& { return rules_[type]; }, held,
        [&](const QueuedClaim& claim, QueuePlace place) {
          places[claim.ticket] = place;
          order_.push_back(claim.ticket);
        });
    return places;
  }

  std::array<Rules, kMaxTypes> rules_ = make_rules();
  QueueRules queue_rules_{kWindowMs, kMaxSlots};
  Totals held_;
  std::vector<std::uint64_t> order_;  ///< tickets, as the last walk came to them
};

TEST_F(Queue, EqualPrioritiesGoByTicket) {
  EXPECT_TRUE(comes_before(make_claim(1, 3), make_claim(1, 4), queue_rules_));
  EXPECT_FALSE(comes_before(make_claim(1, 4), make_claim(1, 3), queue_rules_));
  EXPECT_FALSE(comes_before(make_claim(1, 3), make_claim(1, 3), queue_rules_));
}

TEST_F(Queue, AHigherPriorityComesFirst) {
  QueuedClaim late = make_claim(1, 9);
  late.priority = 1;
  EXPECT_TRUE(comes_before(late, make_claim(1, 3), queue_rules_));
}

TEST_F(Queue, PriorityGrowsByOneEveryWindowWaited) {
  QueuedClaim urgent = make_claim(1, 9);
  urgent.priority = 2;
  EXPECT_EQ(effective_priority(make_claim(1, 3, 999), queue_rules_), 0U);
  EXPECT_EQ(effective_priority(make_claim(1, 3, 1000), queue_rules_), 1U);
  EXPECT_EQ(effective_priority(make_claim(1, 3, 2500), queue_rules_), 2U);
  EXPECT_TRUE(comes_before(urgent, make_claim(1, 3, 1999), queue_rules_));
  // Level with it: the ticket decides.
  EXPECT_TRUE(comes_before(make_claim(1, 3, 2000), urgent, queue_rules_));
}

TEST_F(Queue, AWindowOfNothingDividesByNothing) {
  const QueueRules rules{0, kMaxSlots};
  EXPECT_EQ(effective_priority(make_claim(1, 0, 7), rules), 7U);
}

TEST_F(Queue, AllGoThatFitBesideThoseBeforeThem) {
  hold(0, 4000);
  // 6 cores free: 3 + 3 fit, the third does not, the fourth has no cost.
  EXPECT_EQ(walk({make_claim(3000, 0), make_claim(3000, 1), make_claim(1, 2), make_claim(0, 3)}),
            (Places{kGoes, kGoes, kPassedOver, kGoes}));
  EXPECT_EQ(order_, (std::vector<std::uint64_t>{0, 1, 2, 3}));
}

TEST_F(Queue, NobodyGoesWhereNothingIsFree) {
  hold(0, 10'000);
  EXPECT_EQ(walk({make_claim(1000, 0), make_claim(1000, 1)}), (Places{kPassedOver, kPassedOver}));
}

TEST_F(Queue, SmallOnesPassALargeOneWithinTheWindow) {
  hold(0, 4000);
  EXPECT_EQ(walk({make_claim(8000, 0, kWindowMs - 1), make_claim(3000, 1), make_claim(3000, 2),
                  make_claim(3000, 3)}),
            (Places{kPassedOver, kGoes, kGoes, kPassedOver}));
}

TEST_F(Queue, AfterTheWindowItsRoomIsKept) {
  hold(0, 4000);
  // 4 held and 8 kept: over the budget of 10, so nobody with a cost passes.
  EXPECT_EQ(walk({make_claim(8000, 0, kWindowMs), make_claim(1, 1), make_claim(0, 2)}),
            (Places{kKept, kPassedOver, kPassedOver}));
  // 1 held and 8 kept leave 1... were there room, it would go: 9 are free.
  held_ = {};
  hold(0, 1000);
  EXPECT_EQ(walk({make_claim(8000, 0, kWindowMs), make_claim(1000, 1), make_claim(1, 2)}),
            (Places{kGoes, kGoes, kPassedOver}));
}

TEST_F(Queue, OnlyWhatItLacksIsKept) {
  // One of type 1 runs, for hours it may be; a second one waits for it. Its 8 cores are not
  // lacking.
  rules_[1].limit = 1;
  hold(1, 1000);
  EXPECT_EQ(walk({make_claim(8000, 0, 9 * kWindowMs, 1), make_claim(8000, 1, 0, 0)}),
            (Places{kKept, kGoes}));
  // It lacks CPU, no place of its type: one without cost of the same type may pass.
  rules_[1].limit = 3;
  hold(0, 5000);
  EXPECT_EQ(walk({make_claim(8000, 0, 9 * kWindowMs, 1), make_claim(1, 1), make_claim(0, 2, 0, 1)}),
            (Places{kKept, kPassedOver, kPassedOver}))
      << "6 held and 8 kept are more than 10: there is not even nothing left";
  // It lacks memory: that is kept, its CPU is not.
  rules_[1].memory_max_bytes = 4 * kGiB;
  rules_[0].memory_max_bytes = 4 * kGiB;
  held_ = {};
  hold(0, 0, 2 * kGiB);
  QueuedClaim fat = make_claim(8000, 0, 9 * kWindowMs, 1);
  fat.request.memory_bytes = 3 * kGiB;
  QueuedClaim lean = make_claim(10'000, 1);
  EXPECT_EQ(walk({fat, lean}), (Places{kKept, kPassedOver})) << "5 of 4 GiB";
  rules_[0].memory_max_bytes = 0;
  EXPECT_EQ(walk({fat, lean}), (Places{kKept, kGoes}));
}

TEST_F(Queue, RoomIsKeptForOneOnly) {
  hold(0, 5000);
  rules_[1].budget_micro = 20'000'000;  // another type's claims have room beside what is kept
  rules_[1].capacity_micro = 20'000'000;
  // 5 held + 6 kept = 11: the second large one (type 1, cost 15) does not fit and nothing is kept
  // for it; 20 - 11 = 9 are left for the third.
  EXPECT_EQ(walk({make_claim(6000, 0, 5 * kWindowMs), make_claim(15'000, 1, 4 * kWindowMs, 1),
                  make_claim(9000, 2, 0, 1)}),
            (Places{kKept, kPassedOver, kGoes}));
}

TEST_F(Queue, NothingIsKeptForOneThatHasNotShownItRuns) {
  hold(0, 4000);
  QueuedClaim silent = make_claim(8000, 0, 10 * kWindowMs);
  silent.is_confirmed = false;
  EXPECT_EQ(walk({silent, make_claim(6000, 1)}), (Places{kPassedOver, kGoes}));
  // The next one that is due has it then.
  EXPECT_EQ(walk({silent, make_claim(7000, 1, 2 * kWindowMs), make_claim(1000, 2)}),
            (Places{kPassedOver, kKept, kPassedOver}));
}

TEST_F(Queue, NothingIsKeptForOneThatOnlyAnIdleNodeCanHold) {
  for (Rules& rules : rules_) {
    rules.idle_rule = true;
    rules.budget_micro = 8'000'000;
  }
  hold(0, 1000);
  EXPECT_EQ(walk({make_claim(8001, 0, 9 * kWindowMs), make_claim(7000, 1)}),
            (Places{kPassedOver, kGoes}));
  EXPECT_EQ(walk({make_claim(8000, 0, 9 * kWindowMs), make_claim(7000, 1)}),
            (Places{kKept, kPassedOver}));
  held_ = {};
  // Idle: the whole capacity. Beside it 8 - 10 are left, less than nothing.
  EXPECT_EQ(walk({make_claim(10'000, 0), make_claim(0, 1)}), (Places{kGoes, kPassedOver}));
}

TEST_F(Queue, NothingIsKeptForOneThatCanNeverGo) {
  hold(0, 4000);
  EXPECT_EQ(walk({make_claim(10'001, 0, 9 * kWindowMs), make_claim(6000, 1)}),
            (Places{kPassedOver, kGoes}));
  rules_[1].draining = true;
  EXPECT_EQ(walk({make_claim(8000, 0, 9 * kWindowMs, 1), make_claim(6000, 1)}),
            (Places{kPassedOver, kGoes}));
  rules_[2].known = false;
  EXPECT_EQ(walk({make_claim(8000, 0, 9 * kWindowMs, 2), make_claim(6000, 1)}),
            (Places{kPassedOver, kGoes}));
}

TEST_F(Queue, AMissedTurnHasNoPlace) {
  QueuedClaim missed = make_claim(10'000, 0, 9 * kWindowMs);
  missed.has_missed = true;
  EXPECT_EQ(walk({missed, make_claim(10'000, 1)}), (Places{kPassedOver, kGoes}));
  hold(0, 4000);
  EXPECT_EQ(walk({missed, make_claim(6000, 1)}), (Places{kPassedOver, kGoes}))
      << "nothing is kept for it either";
}

TEST_F(Queue, TypeLimitsCountThoseThatGo) {
  rules_[0].limit = 3;
  hold(0, 0);
  EXPECT_EQ(walk({make_claim(0, 0), make_claim(0, 1), make_claim(0, 2), make_claim(0, 3, 0, 1)}),
            (Places{kGoes, kGoes, kPassedOver, kGoes}));
}

TEST_F(Queue, FamiliesShareALimit) {
  for (const std::uint32_t type : {0U, 5U}) {
    rules_[type].family_mask = (1U << 0) | (1U << 5);
    rules_[type].limit = 2;
  }
  hold(5, 0);
  EXPECT_EQ(walk({make_claim(0, 0), make_claim(0, 1, 0, 5)}), (Places{kGoes, kPassedOver}));
}

TEST_F(Queue, GroupsTakeTheirWeights) {
  // A limit of 10; type 0 takes 4, type 1 takes 1, type 2 nothing.
  const auto add_group = [&](std::uint32_t type, std::uint32_t weight) {
    Rules::Group& group = rules_[type].groups[rules_[type].group_count++];
    group = {};
    group.limit = 10;
    group.weight = weight;
    group.member_mask = 0b11;
    group.weights[0] = 4;
    group.weights[1] = 1;
  };
  add_group(0, 4);
  add_group(1, 1);
  hold(1, 0);
  // 1 held, 4, 4: nine; the third of weight 4 does not fit, one of weight 1 does, a second does
  // not.
  EXPECT_EQ(walk({make_claim(0, 0), make_claim(0, 1), make_claim(0, 2), make_claim(0, 3, 0, 1),
                  make_claim(0, 4, 0, 1), make_claim(0, 5, 0, 2)}),
            (Places{kGoes, kGoes, kPassedOver, kGoes, kPassedOver, kGoes}));
}

TEST_F(Queue, UseFromOutsideCountsInAGroup) {
  Rules::Group& group = rules_[0].groups[rules_[0].group_count++];
  group = {};
  group.limit = 3;
  group.weight = 1;
  group.uniform_weight = 1;
  group.member_mask = 1;
  group.external_use = 2;
  EXPECT_EQ(walk({make_claim(0, 0), make_claim(0, 1)}), (Places{kGoes, kPassedOver}));
}

TEST_F(Queue, MemoryOfThoseThatGoCounts) {
  rules_[0].memory_max_bytes = 8 * kGiB;
  rules_[0].memory_headroom_bytes = 1 * kGiB;
  hold(0, 0, 2 * kGiB);
  const auto with_memory = [&](std::uint64_t ticket, std::uint64_t bytes) {
    QueuedClaim claim = make_claim(0, ticket);
    claim.request.memory_bytes = bytes;
    return claim;
  };
  // Refused when used + pending + cost + headroom >= max: 2 + 4 + 1 = 7 fits; then 6 + 1 + 1 = 8
  // does not, 6 + 1/2 + 1 does.
  EXPECT_EQ(walk({with_memory(0, 4 * kGiB), with_memory(1, kGiB), with_memory(2, kGiB / 2)}),
            (Places{kGoes, kPassedOver, kGoes}));
}

TEST_F(Queue, AFullTableLetsNobodyGo) {
  queue_rules_.slots = 3;
  hold(0, 0);
  EXPECT_EQ(walk({make_claim(0, 0), make_claim(0, 1), make_claim(0, 2)}),
            (Places{kGoes, kGoes, kPassedOver}));
  hold(0, 0);
  hold(0, 0);
  EXPECT_EQ(walk({make_claim(0, 0, 5 * kWindowMs)}), (Places{kKept}));
}

TEST_F(Queue, AnEmptyQueueIsWalkedToItsEnd) {
  EXPECT_EQ(walk({}), Places{});
  EXPECT_TRUE(order_.empty());
}

TEST_F(Queue, HugeFiguresDoNotWrapIntoFitting) {
  held_.add(0, ~std::uint64_t{0} - 1, ~std::uint64_t{0} - 1);
  rules_[0].memory_max_bytes = ~std::uint64_t{0};
  QueuedClaim claim = make_claim(kMaxCostMilli, 0, ~std::uint64_t{0});
  claim.request.memory_bytes = ~std::uint64_t{0};
  EXPECT_EQ(walk({claim}), (Places{kPassedOver}));
}

}  // namespace
}  // namespace slotd
