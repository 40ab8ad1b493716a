// The quick scan and the full pass are two ways to one answer, on any table whatever: random words,
// marks, charges and rules.
#include "slotd/scan.hpp"

#include <gtest/gtest.h>

#include <cstdint>
#include <cstdlib>
#include <random>
#include <vector>

#include "broker/ledger/publish.hpp"
#include "slotd/quick_rules.hpp"
#include "tests/support/heap_segment.hpp"

namespace slotd::testing {
namespace {

using Random = std::mt19937_64;

/// Any 64-bit value now and then; else a word with fields in range, mostly taken.
SlotWord draw_word(Random& random) {
  if (random() % 16 == 0) return SlotWord{random()};
  const auto state = static_cast<SlotState>(random() % 6);
  return SlotWord::make(static_cast<std::uint32_t>(random()), state,
                        static_cast<std::uint32_t>(random()), static_cast<std::uint32_t>(random()),
                        static_cast<std::uint32_t>(random()));
}

/// A charge that mostly speaks of the claim that the word shows.
ChargeWord draw_charge(Random& random, SlotWord word) {
  if (random() % 8 == 0) return ChargeWord{random()};
  const auto flags = static_cast<std::uint32_t>(random());
  return ChargeWord::make(word.generation(), flags, random() % 4'000'000'000U);
}

/// Publishes charges for the first slots of the table; returns how many.
std::uint32_t publish_charges(Random& random, const SegmentView& view) {
  std::vector<ChargeWord> charges(random() % (view.slot_count() + 1));
  for (std::uint32_t slot = 0; slot < charges.size(); ++slot)
    charges[slot] = draw_charge(random, SlotWord{view.word(slot).load()});
  broker::Sample sample;
  sample.charges = charges;
  sample.memory_used_bytes = random() % 8;
  broker::publish_sample(view, sample);
  return static_cast<std::uint32_t>(charges.size());
}

/// Sums that share no code with the scan. Words above the mark may be counted, as far as the step
/// of eight goes that reaches it.
QuickSums add_plainly(const SegmentView& view, const QuickMasks& masks, std::uint32_t charged,
                      std::uint32_t end, unsigned lowest_state) {
  QuickSums sums;
  const std::atomic<std::uint64_t>* charges = view.charges(view.header().sample_epoch.load());
  for (std::uint32_t slot = 0; slot < end; ++slot) {
    const std::uint64_t raw = view.word(slot).load();
    const std::uint64_t type = (raw >> 20) & 31;
    if (((raw >> 25) & 7) < lowest_state) continue;
    sums.slots += 1;
    for (unsigned i = 0; i < kQuickClasses; ++i) sums.counts[i] += (masks[i] >> type) & 1;
    const std::uint64_t reserved = (raw & 0xf'ffff) * 1000;
    if (slot >= charged) {
      sums.cost_milli += reserved / 1000;
      continue;
    }
    const std::uint64_t charge = charges[slot].load();
    const bool meant = (charge >> 38) == (raw >> 38) && ((charge >> 30) & 1) != 0;
    const std::uint64_t figure = charge & 0x3fff'ffff;
    sums.measured_micro += meant && figure > reserved ? figure : reserved;
  }
  return sums;
}

template <unsigned kClasses>
void expect_plain_sums(const SegmentView& view, const QuickMasks& masks, std::uint32_t charged,
                       SlotState from) {
  const QuickCharges charges{view.charges(view.header().sample_epoch.load()), charged};
  const QuickSums quick = scan_quick<kClasses>(view, masks, charges, from);
  const std::uint32_t mark = view.mark();
#ifdef SLOTD_VECTOR_SCAN
  const bool in_steps = mark > detail::kFewWords && detail::has_avx2();
#else
  const bool in_steps = false;
#endif
  const std::uint32_t step_end = std::min((mark + 7U) / 8U * 8U, view.slot_count());
  const QuickSums plain =
      add_plainly(view, masks, charged, in_steps ? step_end : mark, static_cast<unsigned>(from));
  ASSERT_EQ(quick.slots, plain.slots) << kClasses << " classes, mark " << mark;
  ASSERT_EQ(quick.cost_milli, plain.cost_milli) << "mark " << mark << ", charged " << charged;
  ASSERT_EQ(quick.measured_micro, plain.measured_micro) << "mark " << mark;
  for (unsigned i = 0; i < kClasses; ++i) ASSERT_EQ(quick.counts[i], plain.counts[i]) << i;
}

/// Tables of each small size: 20,000, or as many as SLOTD_SCAN_TABLES says.
long wanted_tables() {
  const char* wanted = std::getenv("SLOTD_SCAN_TABLES");
  return wanted == nullptr ? 20'000 : std::atol(wanted);
}

TEST(Scan, quick_scan_equals_plain_addition) {
  Random random(42);
  for (const std::uint32_t slots : {1U, 5U, 70U, 4096U}) {
    const HeapSegment segment(make_spec(64'000'000), {slots, 4});
    const SegmentView view = segment.view();
    const long tables = slots > 1000 ? wanted_tables() / 100 : wanted_tables();
    for (long table = 0; table < tables; ++table) {
      for (std::uint32_t slot = 0; slot < slots; ++slot)
        view.word(slot).store(draw_word(random).raw);
      view.header().mark.store(random() % (slots + 1));
      const std::uint32_t charged = random() % 2 == 0 ? 0 : publish_charges(random, view);
      QuickMasks masks;
      for (std::uint32_t& mask : masks) mask = static_cast<std::uint32_t>(random());
      for (const SlotState from : {SlotState::kTentative, SlotState::kPending}) {
        expect_plain_sums<1>(view, masks, charged, from);
        expect_plain_sums<2>(view, masks, charged, from);
        expect_plain_sums<3>(view, masks, charged, from);
        expect_plain_sums<4>(view, masks, charged, from);
        if (::testing::Test::HasFatalFailure()) return;
      }
    }
  }
}

/// Costs that are all as large as they can be, in a table that is as large as it can be.
TEST(Scan, sums_of_the_largest_costs_do_not_wrap) {
  const HeapSegment segment(make_spec(64'000'000), {kMaxSlots, 4});
  const SegmentView view = segment.view();
  for (std::uint32_t slot = 0; slot < kMaxSlots; ++slot)
    segment.put_word(slot, SlotWord::make(1, SlotState::kActive, 4, kMaxCostMilli, 1));
  const QuickSums sums = scan_quick<1>(view, {1U << kTrack}, {}, SlotState::kTentative);
  EXPECT_EQ(sums.cost_milli, std::uint64_t{4096} * 1'048'575);
  EXPECT_EQ(sums.counts[0], 4096U);
}

/// A ledger of one to six types, up to three groups, limits and budgets near what the table takes.
broker::LedgerSpec draw_spec(Random& random) {
  broker::LedgerSpec spec;
  const bool sure = random() % 4 == 0;
  const auto types = static_cast<std::uint32_t>(1 + random() % 6);
  for (std::uint32_t i = 0; i < types; ++i) {
    broker::LedgerType type;
    type.name = "type" + std::to_string(i);
    type.base = i != 0 && random() % 4 == 0 ? 0 : i;
    type.cost_milli = static_cast<std::uint32_t>(random() % 4) * 500;
    type.memory_bytes = random() % 3;
    type.limit = random() % 3 == 0 ? kNoLimit : static_cast<std::uint32_t>(random() % 24);
    if (random() % 16 == 0) type.standing = broker::Standing::kRetired;
    spec.types.push_back(type);
  }
  for (broker::LedgerType& type : spec.types) type.limit = spec.types[type.base].limit;
  // Now and then some types are sure of room: then the quick scan may leave more open.
  for (broker::LedgerType& type : spec.types)
    type.minimum = sure && random() % 3 == 0 ? static_cast<std::uint32_t>(random() % 4) : 0;
  const auto groups = static_cast<std::uint32_t>(random() % 5);
  for (std::uint32_t i = 0; i < groups; ++i) {
    broker::LedgerGroup group;
    group.name = "group" + std::to_string(i);
    group.limit = random() % 4 == 0 ? kNoLimit : static_cast<std::uint32_t>(random() % 60);
    const auto weight = static_cast<std::uint32_t>(1 + random() % 4);
    for (std::uint32_t type = 0; type < types; ++type) {
      if (random() % 2 == 0) group.weights[type] = random() % 8 == 0 ? weight + 1 : weight;
    }
    spec.groups.push_back(group);
  }
  spec.idle_rule = random() % 2 == 0;
  spec.budget_micro = random() % 24'000'000;
  spec.capacity_micro = spec.budget_micro + random() % 2'000'000;
  spec.memory_max_bytes = random() % 4 == 0 ? 1 + random() % 40 : 0;
  spec.memory_headroom_bytes = random() % 4;
  return spec;
}

struct Decisions {
  bool quick = false;
  bool full = false;
};

/// The same claim, without a word of its own, judged both ways.
Decisions judge(const SegmentView& view, Request request, SlotState from) {
  Decisions decisions;
  QuickRules quick_rules;
  if (update_quick_rules(view, request.type, quick_rules) &&
      request.cost_milli * std::uint64_t{1000} <= quick_rules.room_micro) {
    decisions.quick = admits_quickly(view, quick_rules, from, OwnWord::kNone, request.cost_milli) &&
                      has_memory_quickly(view, quick_rules, from, request.memory_bytes);
  }
  const std::uint64_t epoch = view.header().config_epoch.load();
  const LedgerStamp stamp = load_stamp(view, load_base(view, epoch, request.type));
  Rules rules;
  load_rules(view, stamp, request.type, rules);
  PassWords pass;
  load_pass(view, kNoSlot, pass);
  PassContext context;
  context.view = &view;
  context.rules = &rules;
  context.stamp = stamp;
  context.cost_milli = request.cost_milli;
  context.broker_down = true;
  const auto counts = [&](auto, SlotWord word) { return word.state() >= from; };
  decisions.full = static_cast<bool>(decide(rules, request, sum_pass(context, pass, counts)));
  return decisions;
}

/// Where the quick rules serve at all (one weight a group, three groups a type), they admit exactly
/// what decide() admits; where they do not, they never admit.
TEST(Scan, quick_rules_admit_what_decide_admits) {
  Random random(20'260'801);
  constexpr std::uint32_t kSlots = 32;
  std::uint64_t admitted = 0;
  std::uint64_t left_open = 0;
  for (int ledger = 0; ledger < 20'000; ++ledger) {
    const broker::LedgerSpec spec = draw_spec(random);
    const HeapSegment segment(spec, {kSlots, 4});
    const SegmentView view = segment.view();
    const auto taken = static_cast<std::uint32_t>(random() % kSlots);
    for (std::uint32_t slot = 0; slot < taken; ++slot) {
      const auto type = static_cast<std::uint32_t>(random() % spec.types.size());
      const auto state = static_cast<SlotState>(2 + random() % 4);
      if (random() % 4 == 0) continue;
      segment.put_word(slot, SlotWord::make(1, state, type, spec.types[type].cost_milli, 7));
      view.record(slot).memory_bytes.set(spec.types[type].memory_bytes);
    }
    if (random() % 2 == 0) publish_charges(random, view);
    if (random() % 8 == 0) view.limit_override(0).word.store(1 + random() % 8);
    if (random() % 16 == 0) view.header().drain.store(random() % 8);
    for (std::uint32_t type = 0; type < spec.types.size(); ++type) {
      const Request request = make_request(view, type);
      for (const SlotState from : {SlotState::kTentative, SlotState::kPending}) {
        const Decisions decisions = judge(view, request, from);
        if (decisions.quick) {
          ASSERT_TRUE(decisions.full) << "ledger " << ledger << " type " << type;
        }
        admitted += decisions.quick ? 1U : 0U;
        left_open += decisions.full && !decisions.quick ? 1U : 0U;
        bool serves = true;
        for (std::uint32_t other = 0; other < spec.types.size(); ++other)
          serves = serves && (other == type || spec.types[other].minimum == 0);
        unsigned groups = 0;
        for (const broker::LedgerGroup& group : spec.groups) {
          if (group.weights[type] == 0) continue;
          ++groups;
          for (const std::uint32_t weight : group.weights)
            serves = serves && (weight == 0 || weight == group.weights[type]);
        }
        if (serves && groups <= 3) {
          ASSERT_EQ(decisions.quick, decisions.full) << ledger;
        }
      }
    }
  }
  EXPECT_GT(admitted, 1000U);  // the drawn ledgers are neither all full
  EXPECT_GT(left_open, 100U);  // nor all for the quick scan
}

}  // namespace
}  // namespace slotd::testing
