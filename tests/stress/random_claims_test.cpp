// P2 in any interleaving: 8 processes claim and release at random near all limits at once. The
// observer is no scan of the segment: whoever is admitted adds its slot to counters of the test's
// own and takes it off before it releases, so what they show was held at that instant, and a sum
// above a limit is a limit broken.
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <ostream>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/team.hpp"

namespace slotd::testing {
namespace {

constexpr std::uint32_t kMembers = 8;
constexpr std::uint32_t kKeys = 24;
constexpr std::uint32_t kMostHeld = 6;  ///< by one process

struct TypeRule {
  const char* name;
  std::uint32_t family;      ///< type whose limit it shares
  std::uint32_t limit;       ///< of the family; 0 = none
  std::uint32_t cost_milli;  ///< default
  std::uint32_t web;         ///< weight in group web
  std::uint32_t pulse;       ///< weight in group pulse
};
// The same figures stand in the configs below.
constexpr std::array<TypeRule, 5> kTypes = {{{"composite", 0, 3, 4000, 1, 4},
                                             {"audio", 0, 3, 1000, 1, 2},
                                             {"web", 2, 5, 3000, 1, 4},
                                             {"participant", 3, 7, 2000, 0, 0},
                                             {"track", 4, 0, 300, 0, 0}}};
constexpr std::uint32_t kWebLimit = 6;
constexpr std::uint32_t kPulseLimit = 21;
constexpr std::uint32_t kBudgetMilli = 16'000;
constexpr std::uint32_t kMemoryRoom =
    3'000;  ///< max - headroom, bytes; the sum of costs stays below it

/// What differs between the runs: with unequal weights and memory every claim takes full passes,
/// without them the quick scan.
struct Variant {
  const char* name;
  bool weights_and_memory;
  bool idle_rule;
};

std::ostream& operator<<(std::ostream& out, const Variant& value) { return out << value.name; }

std::string make_config(const Variant& variant) {
  const bool full = variant.weights_and_memory;
  const std::string pulse_4 = full ? ", pulse: 4" : "";
  const std::string pulse_2 = full ? ", pulse: 2" : "";
  return std::string("cpu: { capacity: 20, max_utilization: 0.8, idle_rule: ") +
         (variant.idle_rule ? "true" : "false") + " }\nmemory: { max: " + (full ? "4000" : "0") +
         ", headroom: 1000 }\n" +
         "types:\n"
         "  composite: { max: 3, cpu: 4.0, groups: { web: 1" +
         pulse_4 +
         " } }\n"
         "  audio: { counts_as: composite, cpu: 1.0, groups: { web: 1" +
         pulse_2 +
         " } }\n"
         "  web: { max: 5, cpu: 3.0, groups: { web: 1" +
         pulse_4 +
         " } }\n"
         "  participant: { max: 7, cpu: 2.0 }\n"
         "  track: { cpu: 0.3 }\n"
         "groups: { web: { max: 6 }" +
         (full ? ", pulse: { max: 21 }" : "") +
         " }\n"
         "segment: { slots: 100, processes: 16 }\n";
}

struct Observer {
  std::atomic<std::uint32_t> by_family[kTypes.size()];
  std::atomic<std::uint32_t> web;
  std::atomic<std::uint32_t> pulse;
  std::atomic<std::uint64_t>
      slots_and_cpu;  ///< slots << 32 | millicores: a lone slot may be above the budget
  std::atomic<std::uint32_t> memory;
  std::atomic<std::uint32_t> keys[kKeys];

  std::atomic<std::uint64_t> broken_family, broken_group, broken_cpu, broken_memory, broken_key,
      lost;
  std::atomic<std::uint64_t> admitted, released;
  std::atomic<std::uint64_t> refused[kReasons];
};

struct Job {
  Slot slot;
  std::uint32_t type = 0;
  std::uint32_t cost_milli = 0;
  std::uint32_t memory = 0;
  std::uint32_t key = kKeys;
};

class Member {
 public:
  Member(const std::string& segment, const Variant& variant, Observer& observer, std::uint64_t seed)
      : variant_(variant), observer_(observer), random_(seed), client_({segment, "member"}) {
    for (std::size_t i = 0; i < kTypes.size(); ++i) ids_[i] = client_.type(kTypes[i].name);
  }

  bool run(std::uint32_t steps) {
    for (std::uint32_t step = 0; step < steps; ++step) {
      const bool claims = jobs_.empty() || (jobs_.size() < kMostHeld && pick(100) < 55);
      if (claims) {
        claim();
      } else {
        release(pick(jobs_.size()));
      }
    }
    while (!jobs_.empty()) release(0);
    return true;
  }

 private:
  std::size_t pick(std::size_t below) { return random_() % below; }

  void claim() {
    Job job;
    job.type = static_cast<std::uint32_t>(pick(kTypes.size()));
    job.cost_milli = kTypes[job.type].cost_milli;
    ClaimOptions options;
    if (pick(4) ==
        0) {  // up to above the budget, which only a lone slot under the idle rule may have
      job.cost_milli =
          static_cast<std::uint32_t>(pick(20) == 0 ? 15'000 + pick(5'000) : pick(6'000));
      options.cost_milli = job.cost_milli;
    }
    if (variant_.weights_and_memory && pick(2) == 0) {
      job.memory = static_cast<std::uint32_t>(pick(900));
      options.memory_bytes = job.memory;
    }
    std::string key;
    if (pick(3) == 0) {
      job.key = static_cast<std::uint32_t>(pick(kKeys));
      key = "EG_" + std::to_string(job.key);
      options.key = key;
    }
    std::error_code ec;
    job.slot = client_.try_claim(ids_[job.type], options, ec);
    if (ec) observer_.lost.fetch_add(1);
    if (!job.slot) {
      observer_.refused[static_cast<std::size_t>(job.slot.refusal().reason())].fetch_add(1);
      return;
    }
    observer_.admitted.fetch_add(1);
    add(job);
    if (pick(3) == 0) job.slot.activate(ec);
    jobs_.push_back(std::move(job));
  }

  void release(std::size_t index) {
    Job job = std::move(jobs_[index]);
    jobs_.erase(jobs_.begin() + static_cast<std::ptrdiff_t>(index));
    std::error_code ec;
    if (pick(3) == 0) job.slot.end(ec);
    take_off(job);
    job.slot.release(ec);
    if (ec) observer_.lost.fetch_add(1);  // nobody but this process may free it
    observer_.released.fetch_add(1);
  }

  void add(const Job& job) {
    const TypeRule& type = kTypes[job.type];
    const TypeRule& family = kTypes[type.family];
    if (observer_.by_family[type.family].fetch_add(1) + 1 > family.limit && family.limit != 0)
      observer_.broken_family.fetch_add(1);
    if (observer_.web.fetch_add(type.web) + type.web > kWebLimit && type.web != 0)
      observer_.broken_group.fetch_add(1);
    const std::uint64_t now = observer_.slots_and_cpu.fetch_add((1ULL << 32) | job.cost_milli) +
                              ((1ULL << 32) | job.cost_milli);
    const bool lone = variant_.idle_rule && (now >> 32) == 1;
    if ((now & 0xffff'ffffU) > (lone ? 20'000U : kBudgetMilli)) observer_.broken_cpu.fetch_add(1);
    if (job.key < kKeys && observer_.keys[job.key].exchange(1) != 0)
      observer_.broken_key.fetch_add(1);
    if (!variant_.weights_and_memory) return;
    if (observer_.pulse.fetch_add(type.pulse) + type.pulse > kPulseLimit && type.pulse != 0)
      observer_.broken_group.fetch_add(1);
    // Without a cost of its own a claim looks at memory too, but there was room before it or it is
    // refused like all others.
    if (observer_.memory.fetch_add(job.memory) + job.memory >= kMemoryRoom)
      observer_.broken_memory.fetch_add(1);
  }

  void take_off(const Job& job) {
    const TypeRule& type = kTypes[job.type];
    observer_.by_family[type.family].fetch_sub(1);
    observer_.web.fetch_sub(type.web);
    observer_.slots_and_cpu.fetch_sub((1ULL << 32) | job.cost_milli);
    if (job.key < kKeys) observer_.keys[job.key].store(0);
    if (!variant_.weights_and_memory) return;
    observer_.pulse.fetch_sub(type.pulse);
    observer_.memory.fetch_sub(job.memory);
  }

  const Variant& variant_;
  Observer& observer_;
  std::mt19937_64 random_;
  Client client_;
  std::array<TypeId, kTypes.size()> ids_;
  std::vector<Job> jobs_;
};

class RandomClaims : public ::testing::TestWithParam<Variant> {
 protected:
  void run(std::uint32_t steps) {
    BrokerProcess broker(make_config(GetParam()));
    Shared<Observer> observer;
    Team team;
    for (std::uint32_t i = 0; i < kMembers; ++i) {
      team.add(
          [&, i] { return Member(broker.segment(), GetParam(), *observer, 1000 + i).run(steps); });
    }
    EXPECT_TRUE(team.join());
    EXPECT_EQ(observer->broken_family.load(), 0U);
    EXPECT_EQ(observer->broken_group.load(), 0U);
    EXPECT_EQ(observer->broken_cpu.load(), 0U);
    EXPECT_EQ(observer->broken_memory.load(), 0U);
    EXPECT_EQ(observer->broken_key.load(), 0U);
    EXPECT_EQ(observer->lost.load(), 0U) << "an error, or a slot that somebody else took away";
    expect_all_free_and_counted(broker, *observer);
    expect_all_limits_met(*observer, steps);
  }

 private:
  static void expect_all_free_and_counted(const BrokerProcess& broker, const Observer& observer) {
    const SegmentProbe probe(broker.segment());
    EXPECT_EQ(probe.taken(), 0U);
    const Snapshot snapshot = probe.snapshot();
    EXPECT_EQ(snapshot.available_micro(), 16'000'000);
    EXPECT_EQ(snapshot.counters.claims, observer.admitted.load());
    EXPECT_EQ(snapshot.counters.releases, observer.released.load());
    EXPECT_EQ(snapshot.counters.reaped, 0U);
    EXPECT_EQ(snapshot.counters.stale, 0U);
    for (std::size_t reason = 0; reason < kReasons; ++reason) {
      EXPECT_EQ(snapshot.counters.refusals[reason], observer.refused[reason].load())
          << reason_name(static_cast<Reason>(reason));
    }
  }

  /// The run was near the limits, or it would show nothing.
  static void expect_all_limits_met(const Observer& observer, std::uint32_t steps) {
    EXPECT_GT(observer.admitted.load(), std::uint64_t{kMembers} * steps / 20);
    for (const Reason reason :
         {Reason::kTypeLimit, Reason::kGroupLimit, Reason::kCpu, Reason::kDuplicateKey}) {
      EXPECT_GT(observer.refused[static_cast<std::size_t>(reason)].load(), 100U)
          << reason_name(reason);
    }
    EXPECT_GE(observer.refused[static_cast<std::size_t>(Reason::kMemory)].load(),
              GetParam().weights_and_memory ? 100U : 0U);
    std::string counts = "admitted=" + std::to_string(observer.admitted.load());
    for (std::size_t reason = 0; reason < kReasons; ++reason) {
      const std::uint64_t refused = observer.refused[reason].load();
      if (refused != 0)
        counts += std::string(" ") + reason_name(static_cast<Reason>(reason)) + "=" +
                  std::to_string(refused);
    }
    std::puts(counts.c_str());
  }
};

INSTANTIATE_TEST_SUITE_P(Rules, RandomClaims,
                         ::testing::Values(Variant{"quick", false, true},
                                           Variant{"quick_without_idle_rule", false, false},
                                           Variant{"full", true, true},
                                           Variant{"full_without_idle_rule", true, false}),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_P(RandomClaims, eight_processes_break_no_limit) { run(200'000); }

}  // namespace
}  // namespace slotd::testing
