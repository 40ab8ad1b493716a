// The guarantee of a minimum, on random ledgers: whatever others were admitted to, a type that is
// below its minimum is admitted at once. And every answer against an oracle that was written from
// the specification alone.
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "slotd/claim.hpp"
#include "tests/support/heap_segment.hpp"

namespace slotd::testing {
namespace {

using Random = std::mt19937_64;
using Big = __int128;

/// Two to six types, some sure of room, all of which fits the budget and the one group.
broker::LedgerSpec draw_ledger(Random& random) {
  broker::LedgerSpec spec;
  broker::LedgerGroup group;
  group.name = "group";
  std::uint64_t sure_milli = 0;
  std::uint32_t sure_weight = 0;
  const auto types = static_cast<std::uint32_t>(2 + random() % 5);
  for (std::uint32_t i = 0; i < types; ++i) {
    broker::LedgerType type;
    type.name = "type" + std::to_string(i);
    type.base = i;
    type.cost_milli = static_cast<std::uint32_t>(random() % 8) * 500;
    type.minimum = random() % 2 == 0 ? 0 : static_cast<std::uint32_t>(random() % 4);
    type.limit =
        random() % 2 == 0 ? kNoLimit : type.minimum + static_cast<std::uint32_t>(random() % 4);
    group.weights[i] = random() % 2 == 0 ? 0 : static_cast<std::uint32_t>(1 + random() % 4);
    sure_milli += std::uint64_t{type.minimum} * type.cost_milli;
    sure_weight += type.minimum * group.weights[i];
    spec.types.push_back(type);
  }
  group.limit =
      random() % 3 == 0 ? kNoLimit : sure_weight + 4 + static_cast<std::uint32_t>(random() % 8);
  spec.groups.push_back(group);
  spec.idle_rule = random() % 2 == 0;
  spec.budget_micro = sure_milli * 1000 + random() % 8'000'000;
  spec.capacity_micro = spec.budget_micro + random() % 4'000'000;
  return spec;
}

struct Held {
  std::uint32_t type;
  SlotRef ref;
};

/// What section 7 and the minimum say, in integers that cannot wrap.
Reason judge(const broker::LedgerSpec& spec, std::uint32_t type, const std::vector<Held>& held) {
  std::vector<std::uint32_t> counts(spec.types.size());
  for (const Held& slot : held) ++counts[slot.type];
  Big charged = 0;
  Big weight = 0;
  Big kept = 0;
  Big kept_weight = 0;
  bool keeps_room = false;
  for (std::uint32_t other = 0; other < counts.size(); ++other) {
    const broker::LedgerType& spec_of = spec.types[other];
    charged += Big{counts[other]} * spec_of.cost_milli;
    weight += Big{counts[other]} * spec.groups[0].weights[other];
    if (other == type || counts[other] >= spec_of.minimum) continue;
    keeps_room = true;
    kept += Big{spec_of.minimum - counts[other]} * spec_of.cost_milli;
    kept_weight += Big{spec_of.minimum - counts[other]} * spec.groups[0].weights[other];
  }
  const broker::LedgerType& own = spec.types[type];
  const std::uint32_t own_weight = spec.groups[0].weights[type];
  Big sure = 0;
  Big sure_weight = 0;
  bool others_are_sure = false;
  for (std::uint32_t other = 0; other < counts.size(); ++other) {
    if (other == type || spec.types[other].minimum == 0) continue;
    others_are_sure = true;
    sure += Big{spec.types[other].minimum} * spec.types[other].cost_milli;
    sure_weight += Big{spec.types[other].minimum} * spec.groups[0].weights[other];
  }
  // A claim within its own minimum leaves nothing to others.
  if (own.minimum != 0) sure = sure_weight = 0;
  const bool by_capacity = spec.idle_rule && (own.minimum != 0 || !others_are_sure);
  const Big room =
      static_cast<Big>(by_capacity ? spec.capacity_micro : spec.budget_micro) - sure * 1000;
  if (Big{own.cost_milli} * 1000 > room) return Reason::kTooLarge;
  if (own_weight != 0 && own_weight + sure_weight > spec.groups[0].limit) return Reason::kTooLarge;
  if (counts[type] < own.minimum) {
    kept = kept_weight = 0;
    keeps_room = false;
  }
  if (counts[type] >= own.limit) return Reason::kTypeLimit;
  if (own_weight != 0 && spec.groups[0].limit != kNoLimit &&
      weight + kept_weight + own_weight > spec.groups[0].limit)
    return Reason::kGroupLimit;
  Big available = static_cast<Big>(spec.budget_micro) - (charged + kept) * 1000;
  if (spec.idle_rule && held.empty() && !keeps_room)
    available = static_cast<Big>(spec.capacity_micro);
  return available >= Big{own.cost_milli} * 1000 ? Reason::kNone : Reason::kCpu;
}

bool is_sure(const broker::LedgerSpec& spec, std::uint32_t type, const std::vector<Held>& held) {
  std::uint32_t count = 0;
  for (const Held& slot : held) count += slot.type == type ? 1 : 0;
  return count < spec.types[type].minimum;
}

TEST(Minimum, whoever_is_below_it_is_admitted_whatever_others_hold) {
  Random random(20'261'125);
  std::uint64_t sure = 0;
  std::uint64_t refused_for_it = 0;
  for (int ledger = 0; ledger < 3000; ++ledger) {
    const broker::LedgerSpec spec = draw_ledger(random);
    const HeapSegment segment(spec, {64, 4});
    const ProcessRef me = segment.add_process();
    std::vector<Held> held;
    for (int step = 0; step < 40; ++step) {
      if (!held.empty() && random() % 3 == 0) {
        const std::size_t at = random() % held.size();
        ASSERT_EQ(release_slot(segment.view(), held[at].ref).code, Errc::kOk);
        held.erase(held.begin() + static_cast<std::ptrdiff_t>(at));
        continue;
      }
      const auto type = static_cast<std::uint32_t>(random() % spec.types.size());
      const bool must = is_sure(spec, type, held);
      const Reason expected = judge(spec, type, held);
      const ClaimResult result = segment.claim(me, type, 0, {}, 0, random() % 2 == 0);
      ASSERT_EQ(reason_name(result.verdict.reason), reason_name(expected))
          << "ledger " << ledger << " step " << step;
      if (must) {
        ASSERT_TRUE(result.verdict) << "ledger " << ledger << " step " << step;
      }
      sure += must ? 1 : 0;
      refused_for_it += result.verdict.kept_micro != 0 || result.verdict.kept_weight != 0 ? 1 : 0;
      if (result.verdict)
        held.push_back({type, {result.slot, result.word.generation(), result.nonce}});
    }
  }
  EXPECT_GT(sure, 5000U);
  EXPECT_GT(refused_for_it, 1000U);
}

}  // namespace
}  // namespace slotd::testing
