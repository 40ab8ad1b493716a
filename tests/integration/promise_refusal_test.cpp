// P11's first half, and P2 one limit at a time: every reason for a refusal that a claim can meet,
// with exact figures, through the real client.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

/// A broker, a client of it, and slots that stay held.
class Node {
 public:
  explicit Node(const std::string& config)
      : broker(config), client({broker.segment(), "node"}), probe(broker.segment()) {}

  /// Claims `count` slots that have to be admitted.
  void hold(const std::string& type, int count, const ClaimOptions& options = {}) {
    for (int i = 0; i < count; ++i) {
      held.push_back(client.try_claim(type, options));
      ASSERT_TRUE(held.back()) << held.back().refusal().text();
    }
  }
  /// Claims one that has to be refused; the same answer comes from a dry run.
  Verdict refused(const std::string& type, const ClaimOptions& options = {}) {
    std::error_code ec;
    const Verdict dry = client.can_accept(client.type(type), options, ec);
    const std::uint32_t before = probe.taken();
    const Slot slot = client.try_claim(type, options);
    EXPECT_FALSE(slot);
    EXPECT_EQ(probe.taken(), before) << "nothing stays behind";
    const Verdict& verdict = slot.refusal().verdict();
    EXPECT_EQ(dry.reason, verdict.reason);
    EXPECT_EQ(dry.in_use, verdict.in_use);
    EXPECT_EQ(dry.available_micro, verdict.available_micro);
    EXPECT_EQ(dry.memory_used, verdict.memory_used);
    return verdict;
  }

  BrokerProcess broker;
  Client client;
  SegmentProbe probe;
  std::vector<Slot> held;
};

TEST(Refusal, unknown_type) {
  Node node("cpu: { capacity: 8 }\ntypes: { plain: { cpu: 0.5 } }\n");
  EXPECT_EQ(node.refused("nothing").reason, Reason::kUnknownType);
  EXPECT_EQ(node.refused("").reason, Reason::kUnknownType);
  EXPECT_EQ(node.refused("plai").reason, Reason::kUnknownType);
  EXPECT_EQ(node.refused("plain2").reason, Reason::kUnknownType);
  node.hold("plain", 1);
}

TEST(Refusal, type_limit) {
  Node node(
      "cpu: { capacity: 8 }\ntypes: { plain: { max: 3, cpu: 0.5 }, none: { max: 0 }, kin: { "
      "counts_as: plain, cpu: 0.1 } }\n");
  node.hold("plain", 2);
  node.hold("kin", 1);
  for (const char* type : {"plain", "kin"}) {
    const Verdict verdict = node.refused(type);
    EXPECT_EQ(verdict.reason, Reason::kTypeLimit);
    EXPECT_EQ(verdict.limit, 3U);
    EXPECT_EQ(verdict.in_use, 3U);
  }
  const Verdict none = node.refused("none");
  EXPECT_EQ(none.reason, Reason::kTypeLimit);
  EXPECT_EQ(none.limit, 0U);
  EXPECT_EQ(none.in_use, 0U);
}

TEST(Refusal, operator_override_lowers_the_limit_below_use_and_revokes_nothing) {
  Node node("cpu: { capacity: 8 }\ntypes: { plain: { max: 3, cpu: 0.5 } }\n");
  node.hold("plain", 3);
  const SegmentProbe operator_s(node.broker.segment(), Access::kReadWrite);
  operator_s.view().limit_override(0).word.store(1 + 1);
  EXPECT_EQ(node.probe.held(), 3U);
  EXPECT_EQ(node.probe.type("plain").limit, 1U);
  for (int left = 3; left > 0; --left) {
    const Verdict verdict = node.refused("plain");
    EXPECT_EQ(verdict.reason, Reason::kTypeLimit);
    EXPECT_EQ(verdict.limit, 1U);
    EXPECT_EQ(verdict.in_use, static_cast<std::uint64_t>(left)) << "debt is shown";
    node.held.pop_back();
  }
  node.hold("plain", 1);
  operator_s.view().limit_override(0).word.store(0);
  node.hold("plain", 2);
  operator_s.view().limit_override(0).word.store(std::uint64_t{kNoLimit} + 1);
  node.hold("plain", 5);
}

TEST(Refusal, group_limit_with_weights) {
  Node node(
      "cpu: { capacity: 64 }\n"
      "types:\n"
      "  heavy: { cpu: 0.1, groups: { web: 1, pulse: 4 } }\n"
      "  light: { cpu: 0.1, groups: { pulse: 1 } }\n"
      "  free: { cpu: 0.1 }\n"
      "groups: { web: { max: 10 }, pulse: { max: 11 } }\n");
  node.hold("heavy", 2);
  const Verdict verdict = node.refused("heavy");
  EXPECT_EQ(verdict.reason, Reason::kGroupLimit);
  EXPECT_EQ(verdict.limit, 11U);
  EXPECT_EQ(verdict.in_use, 8U);
  EXPECT_EQ(verdict.weight, 4U);
  const Slot refused = node.client.try_claim("heavy");
  EXPECT_EQ(refused.refusal().group(), "pulse");
  EXPECT_EQ(refused.refusal().text(), "heavy: group_limit (pulse: 8 of 11, weight 4)");
  node.hold("light", 3);
  EXPECT_EQ(node.refused("light").in_use, 11U);
  node.hold("free", 3);
}

/// 0.1 ten times is 1, whatever floating point makes of it.
TEST(Refusal, cpu_is_exact_to_the_millicore) {
  Node node(
      "cpu: { capacity: 1, max_utilization: 1.0 }\ntypes: { tenth: { cpu: 0.1 }, milli: { cpu: "
      "0.001 } }\n");
  node.hold("tenth", 10);
  EXPECT_EQ(node.probe.available_micro(), 0);
  const Verdict verdict = node.refused("milli");
  EXPECT_EQ(verdict.reason, Reason::kCpu);
  EXPECT_EQ(verdict.required_micro, 1'000);
  EXPECT_EQ(verdict.available_micro, 0);
  node.held.pop_back();
  node.hold("milli", 100);
  EXPECT_EQ(node.refused("milli").available_micro, 0);
}

TEST(Refusal, cpu_of_the_costs_that_floating_point_gets_wrong) {
  // 5 x 1.6 = 8.0 exactly; in doubles the fifth does not fit 10 x 0.8.
  Node node("cpu: { capacity: 10, max_utilization: 0.8 }\ntypes: { job: { cpu: 1.6 } }\n");
  node.hold("job", 5);
  EXPECT_EQ(node.refused("job").available_micro, 0);
}

TEST(Refusal, cpu_budget_is_floored_to_the_microcore) {
  // 1.001001 x 0.333 = 0.333333333: the budget is 333333 microcores.
  Node node(
      "cpu: { capacity: 1.001001, max_utilization: 0.333, idle_rule: false }\ntypes: { job: { cpu: "
      "0.333 } }\n");
  EXPECT_EQ(node.probe.snapshot().budget_micro, 333'333U);
  node.hold("job", 1);
  EXPECT_EQ(node.refused("job").available_micro, 333);
}

TEST(Refusal, cpu_with_an_override_reserves_the_figure_that_was_checked) {
  Node node("cpu: { capacity: 10, max_utilization: 1.0 }\ntypes: { job: { cpu: 1.0 } }\n");
  node.hold("job", 1, {.cost_milli = 7'500});
  EXPECT_EQ(node.probe.available_micro(), 2'500'000);
  EXPECT_EQ(node.refused("job", {.cost_milli = 2'501}).available_micro, 2'500'000);
  node.hold("job", 1, {.cost_milli = 2'500});
  EXPECT_EQ(node.probe.available_micro(), 0);
  EXPECT_EQ(node.refused("job").reason, Reason::kCpu);
  node.hold("job", 1, {.cost_milli = 0});
}

TEST(Refusal, cpu_available_may_be_negative) {
  Node node(
      "cpu: { capacity: 4, max_utilization: 0.5 }\ntypes: { job: { cpu: 4.0 }, free: { cpu: 0 } "
      "}\n");
  node.hold("job", 1);
  EXPECT_EQ(node.refused("job").available_micro, -2'000'000);
  const Verdict free = node.refused("free");
  EXPECT_EQ(free.reason, Reason::kCpu) << "0 required, but less than 0 available";
  EXPECT_EQ(free.available_micro, -2'000'000);
  EXPECT_NE(node.client.try_claim("job").refusal().text().find("available -2"), std::string::npos);
}

TEST(Refusal, memory_by_reserved_cost) {
  // used 0; refused when pending + cost + headroom >= max.
  Node node(
      "cpu: { capacity: 8 }\nmemory: { max: 1000, headroom: 100 }\ntypes: { job: { memory: 300 }, "
      "free: {} }\n");
  node.hold("job", 2);
  const Verdict verdict = node.refused("job");  // 600 + 300 + 100 = 1000
  EXPECT_EQ(verdict.reason, Reason::kMemory);
  EXPECT_EQ(verdict.memory_required, 300U);
  EXPECT_EQ(verdict.memory_used, 600U);
  EXPECT_EQ(verdict.memory_max, 1000U);
  node.hold("job", 1, {.memory_bytes = 299});  // 999
  EXPECT_EQ(node.refused("job", {.memory_bytes = 1}).memory_used, 899U);
  node.hold("free", 1);  // 899 + 0 + 100 < 1000
  node.held.erase(node.held.begin());
  node.hold("job", 1, {.memory_bytes = 300});
  EXPECT_EQ(node.probe.snapshot().memory_pending_bytes, 899U);
}

TEST(Refusal, memory_at_the_limit_refuses_jobs_without_a_cost_too) {
  Node node(
      "cpu: { capacity: 8 }\nmemory: { max: 1000, headroom: 100 }\ntypes: { job: { memory: 450 }, "
      "free: {} }\n");
  node.hold("job", 1);
  node.hold("job", 1, {.memory_bytes = 449});
  node.hold("free", 1);  // 899 + 100 < 1000
  node.held.erase(node.held.begin() + 1);
  node.hold("job", 1, {.memory_bytes = 449});
  EXPECT_EQ(node.refused("job", {.memory_bytes = 1}).reason, Reason::kMemory);
}

TEST(Refusal, too_large_for_the_capacity) {
  Node node("cpu: { capacity: 4 }\ntypes: { job: { max: 5, cpu: 1.0 } }\n");
  const Verdict verdict = node.refused("job", {.cost_milli = 4'001});
  EXPECT_EQ(verdict.reason, Reason::kTooLarge);
  EXPECT_EQ(verdict.required_micro, 4'001'000);
  EXPECT_EQ(verdict.available_micro, 4'000'000);
  node.hold("job", 1, {.cost_milli = 4'000});
  EXPECT_EQ(node.refused("job", {.cost_milli = 4'001}).reason, Reason::kTooLarge)
      << "not a matter of what is held";
}

TEST(Refusal, too_large_for_the_budget_without_idle_rule) {
  Node node("cpu: { capacity: 4, idle_rule: false }\ntypes: { job: { cpu: 1.0 } }\n");
  const Verdict verdict = node.refused("job", {.cost_milli = 3'201});
  EXPECT_EQ(verdict.reason, Reason::kTooLarge);
  EXPECT_EQ(verdict.available_micro, 3'200'000);
  node.hold("job", 1, {.cost_milli = 3'200});
}

TEST(Refusal, too_large_for_the_memory) {
  Node node("cpu: { capacity: 4 }\nmemory: { max: 1000, headroom: 100 }\ntypes: { job: {} }\n");
  const Verdict verdict = node.refused("job", {.memory_bytes = 900});
  EXPECT_EQ(verdict.reason, Reason::kTooLarge);
  EXPECT_EQ(verdict.memory_required, 900U);
  EXPECT_EQ(verdict.memory_max, 1000U);
  EXPECT_EQ(node.refused("job", {.memory_bytes = ~std::uint64_t{0}}).reason, Reason::kTooLarge)
      << "no overflow";
  node.hold("job", 1, {.memory_bytes = 899});
}

TEST(Refusal, too_large_for_a_group) {
  Node node(
      "cpu: { capacity: 4 }\ntypes: { job: { groups: { g: 5 } }, fits: { groups: { g: 4 } } "
      "}\ngroups: { g: { max: 4 } }\n");
  const Verdict verdict = node.refused("job");
  EXPECT_EQ(verdict.reason, Reason::kTooLarge);
  EXPECT_EQ(verdict.weight, 5U);
  EXPECT_EQ(verdict.limit, 4U);
  EXPECT_EQ(node.client.try_claim("job").refusal().group(), "g");
  node.hold("fits", 1);
}

TEST(Refusal, duplicate_key) {
  Node node("cpu: { capacity: 8 }\ntypes: { job: { cpu: 0.1 }, other: { cpu: 0.1 } }\n");
  WorkerProcess worker(node.broker.segment());
  const Reply first = worker.ask("claim job key=EG_1");
  EXPECT_EQ(node.refused("job", {.key = "EG_1"}).reason, Reason::kDuplicateKey);
  EXPECT_EQ(node.refused("other", {.key = "EG_1"}).reason, Reason::kDuplicateKey)
      << "unique on the node";
  node.hold("job", 1, {.key = "EG_2"});
  node.hold("job", 1, {.key = "EG_"});
  node.hold("job", 2);
  worker.ask("release " + first.handle());
  node.hold("job", 1, {.key = "EG_1"});
  const std::string longest(63, 'k');
  node.hold("job", 1, {.key = longest});
  EXPECT_EQ(node.refused("job", {.key = longest}).reason, Reason::kDuplicateKey);
  node.hold("job", 1, {.key = std::string_view(longest).substr(1)});
}

TEST(Refusal, draining) {
  Node node("cpu: { capacity: 8 }\ntypes: { job: { max: 9, cpu: 0.1 }, other: { cpu: 0.1 } }\n");
  node.hold("job", 1);
  const SegmentProbe operator_s(node.broker.segment(), Access::kReadWrite);
  auto& drain = operator_s.view().header().drain;
  drain.store(1U << node.client.type("job").index);
  EXPECT_EQ(node.refused("job").reason, Reason::kDraining);
  node.hold("other", 1);
  drain.store(kDrainAll);
  EXPECT_EQ(node.refused("other").reason, Reason::kDraining);
  EXPECT_EQ(node.refused("nothing").reason, Reason::kUnknownType) << "comes first";
  EXPECT_EQ(node.probe.snapshot().broker.state, BrokerState::kDraining);
  EXPECT_EQ(node.probe.held(), 2U) << "what runs goes on";
  node.held[0].activate();
  node.held[0].release();
  drain.store(0);
  node.hold("job", 1);
}

TEST(Refusal, table_full) {
  Node node(
      "cpu: { capacity: 8 }\ntypes: { job: { cpu: 0.1 }, limited: { max: 2, cpu: 0.1 } }\nsegment: "
      "{ slots: 5 }\n");
  node.hold("limited", 2);
  node.hold("job", 3);
  const Slot slot = node.client.try_claim("job");
  ASSERT_FALSE(slot);
  EXPECT_EQ(slot.refusal().reason(), Reason::kTableFull);
  EXPECT_EQ(slot.refusal().verdict().limit, 5U);
  EXPECT_EQ(slot.refusal().verdict().in_use, 5U);
  EXPECT_EQ(node.client.try_claim("limited").refusal().reason(), Reason::kTypeLimit)
      << "an earlier reason is told first";
  node.held.pop_back();
  node.hold("job", 1);
}

TEST(Refusal, dry_run_of_a_full_table_says_what_a_claim_would_be_told) {
  Node node("cpu: { capacity: 8 }\ntypes: { job: { cpu: 0.1 } }\nsegment: { slots: 2 }\n");
  node.hold("job", 2);
  EXPECT_EQ(node.refused("job").reason, Reason::kTableFull);
}

/// A process that is stopped while its word is TENTATIVE keeps the room it asked for: who needs
/// exactly that is told `contended`, at once, and all others are admitted.
TEST(Refusal, contended) {
  Node node("cpu: { capacity: 8 }\ntypes: { single: { max: 1, cpu: 1.0 }, other: { cpu: 1.0 } }\n");
  WorkerProcess stopped(node.broker.segment());
  stopped.freeze();
  const SegmentProbe hand(node.broker.segment(), Access::kReadWrite);
  const std::uint32_t owner = hand.find_process(stopped.pid()).index;
  const TypeId single = node.client.type("single");
  hand.view().header().mark.store(1);
  hand.view().word(0).store(
      SlotWord::make(owner, SlotState::kTentative, single.index, 1000, 1).raw);

  const Slot refused = node.client.try_claim("single");
  EXPECT_EQ(refused.refusal().reason(), Reason::kContended);
  EXPECT_EQ(node.client.try_claim("single").refusal().reason(), Reason::kContended)
      << "again, looking first";
  EXPECT_TRUE(node.client.can_accept("single")) << "nothing is held";
  node.hold("other", 1);
  EXPECT_EQ(node.probe.word(0).state(), SlotState::kTentative)
      << "the stopped process lost nothing";

  stopped.kill_now();
  EXPECT_TRUE(wait_until([&] { return static_cast<bool>(node.client.try_claim("single")); }))
      << "a dead one does";
}

TEST(Refusal, contended_by_key) {
  Node node("cpu: { capacity: 8 }\ntypes: { job: { cpu: 0.1 } }\n");
  WorkerProcess stopped(node.broker.segment());
  stopped.freeze();
  const SegmentProbe hand(node.broker.segment(), Access::kReadWrite);
  hand.view().header().mark.store(1);
  store_text(hand.view().record(0).key, "EG_1");
  hand.view().key_fingerprint(0).store(key_fingerprint("EG_1"));
  hand.view().word(0).store(
      SlotWord::make(hand.find_process(stopped.pid()).index, SlotState::kTentative, 0, 100, 1).raw);
  EXPECT_EQ(node.client.try_claim("job", {.key = "EG_1"}).refusal().reason(), Reason::kContended);
  node.hold("job", 1, {.key = "EG_2"});
}

TEST(Refusal, order_of_the_reasons) {
  // All that can be wrong at once: they are told in the order of the enumeration.
  Node node(
      "cpu: { capacity: 4 }\n"
      "memory: { max: 1000, headroom: 100 }\n"
      "types: { job: { max: 1, cpu: 4.0, memory: 500, groups: { g: 1 } }, other: { cpu: 4.0, "
      "memory: 500, groups: { g: 1 } },\n"
      "  third: { cpu: 1.0, memory: 500 }, fourth: { cpu: 1.0 } }\n"
      "groups: { g: { max: 1 } }\n"
      "segment: { slots: 1 }\n");
  node.hold("job", 1, {.key = "EG_1"});
  EXPECT_EQ(node.refused("job", {.key = "EG_1", .cost_milli = 5'000}).reason,
            Reason::kDuplicateKey);
  EXPECT_EQ(node.refused("job", {.cost_milli = 5'000}).reason, Reason::kTooLarge);
  EXPECT_EQ(node.refused("job").reason, Reason::kTypeLimit);
  EXPECT_EQ(node.refused("other").reason, Reason::kGroupLimit);
  EXPECT_EQ(node.refused("third").reason, Reason::kMemory);
  EXPECT_EQ(node.refused("fourth").reason, Reason::kCpu);
}

TEST(Refusal, bad_arguments_are_errors_and_no_refusals) {
  Node node("cpu: { capacity: 8 }\ntypes: { job: { cpu: 0.1 } }\n");
  const std::string too_long(64, 'k');
  for (const std::string_view key :
       {std::string_view(too_long), std::string_view("a\nb"), std::string_view("a\0b", 3)}) {
    std::error_code ec;
    const Slot slot = node.client.try_claim("job", {.key = key}, ec);
    EXPECT_EQ(ec, Errc::kInvalidArgument);
    EXPECT_EQ(slot.refusal().reason(), Reason::kNone);
  }
  std::error_code ec;
  EXPECT_FALSE(node.client.try_claim("job", {.cost_milli = kMaxCostMilli + 1}, ec));
  EXPECT_EQ(ec, Errc::kInvalidArgument);
  EXPECT_THROW(node.client.try_claim("job", {.key = "a\nb"}), Error);
  EXPECT_EQ(node.probe.counters().refused(), 0U);
}

}  // namespace
}  // namespace slotd::testing
