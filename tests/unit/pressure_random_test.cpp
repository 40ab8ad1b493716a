// The pressure policy: what must hold whatever comes. Jobs come and go, cross their costs, and the
// heat is somebody else's now and then; the rules are those of the config, drawn at random.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <set>
#include <utility>
#include <vector>

#include "broker/pressure/pressure.hpp"

namespace slotd::broker {
namespace {

using testing::IsEmpty;

constexpr std::uint64_t kSecond = 1'000'000'000;

class RandomNode {
 public:
  RandomNode(std::uint64_t seed, bool is_memory) : random_(seed), is_memory_(is_memory) {
    Config config;
    config.pressure.action = static_cast<PressureAction>(below(4));
    config.memory.max_bytes = is_memory ? 1'000 : 0;
    config.pressure.grace_ms = below(40) * 500;
    config.pressure.memory_grace_ms = below(2) * below(10) * 1'000;
    config.pressure.ticks = 1 + static_cast<std::uint32_t>(below(12));
    config.pressure.reset_ticks = 1 + static_cast<std::uint32_t>(below(6));
    rules_ = is_memory ? make_memory_rules(config) : make_cpu_rules(config);
    machine_.configure(rules_);
  }

  void run(int ticks) {
    for (int i = 0; i < ticks && !testing::Test::HasFailure(); ++i) {
      SCOPED_TRACE(i);
      change_jobs();
      const PressureSample sample = draw_sample();
      const PressureOutcome out = machine_.tick(sample, jobs_);
      if (out.is_hot) {
        low_run_ = 0;
      } else {
        ++low_run_;
      }
      check(sample, out);
    }
  }

  [[nodiscard]] std::uint64_t victims() const { return machine_.state().counts.victims; }

 private:
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

  void change_jobs() {
    if (below(10) == 0) {
      const auto slot = static_cast<std::uint32_t>(below(6));
      const bool is_there =
          std::erase_if(jobs_, [slot](const PressureJob& job) { return job.id.slot == slot; }) != 0;
      if (!is_there) {
        jobs_.push_back({{slot, ++generation_}, slot / 2, slot / 2 + 1U, 0, below(8), false});
      }
    }
    for (PressureJob& job : jobs_) {
      if (below(5) == 0) job.used = below(10);
      if (below(60) == 0) job.is_ending = true;
    }
  }

  PressureSample draw_sample() {
    if (below(30) == 0) mood_ = static_cast<int>(below(3));
    const bool is_hot = mood_ == 0 ? below(12) != 0 : mood_ == 1 ? below(12) == 0 : below(2) == 0;
    if (below(100) == 0) {
      now_ns_ += below(2) == 0 ? 600 * kSecond : 0;
      now_ns_ -= below(2) == 0 ? 100 * kSecond : 0;
    }
    now_ns_ += kSecond;
    PressureSample sample;
    sample.now_ns = now_ns_;
    sample.level = is_hot ? rules_.limit + 1 : rules_.limit;
    sample.blameless = 100;
    sample.tracked = below(8) == 0 ? 100 : 101;
    return sample;
  }

  void check(const PressureSample& sample, const PressureOutcome& out) {
    since_victim_ += 1;
    check_marks(out);
    for (const PressureOrder& order : out.orders) {
      if (order.kind == PressureOrderKind::kCalm) continue;
      ASSERT_TRUE(out.is_hot) << "orders on a cool tick";
      ASSERT_GT(sample.tracked, sample.blameless) << "for others' sake";
      ASSERT_NE(rules_.action, PressureAction::kNone);
      ASSERT_GE(jobs_.size(), is_memory_ ? 1U : 2U);
    }
    if (out.finding != PressureFinding::kVictim) return;
    ASSERT_TRUE(out.victim);
    ASSERT_FALSE(out.victim->is_ending);
    if (!is_memory_) {
      ASSERT_GT(out.victim->used, out.victim->cost);
    }
    for (const PressureJob& job : jobs_) {
      if (job.used <= job.cost || job.is_ending || killed_.contains(job.owner)) continue;
      ASSERT_LE(job.used, out.victim->used) << "a larger one above its cost";
    }
    // Every tick takes a second at most, so there are as many ticks as seconds at least.
    ASSERT_GE(since_victim_ * kSecond, rules_.grace_ns) << "two victims within one grace";
    since_victim_ = 0;
  }

  // Notices live from `notify` to `calm` or the job's end, and no longer than the heat.
  void check_marks(const PressureOutcome& out) {
    std::set<std::pair<std::uint32_t, std::uint32_t>> there;
    std::set<std::uint32_t> owners;
    for (const PressureJob& job : jobs_) {
      there.insert({job.id.slot, job.id.generation});
      owners.insert(job.owner);
    }
    std::erase_if(marks_, [&](const auto& mark) { return !there.contains(mark); });
    std::erase_if(killed_, [&](std::uint32_t owner) { return !owners.contains(owner); });
    for (const PressureOrder& order : out.orders) {
      const std::pair id{order.job.id.slot, order.job.id.generation};
      ASSERT_TRUE(there.contains(id)) << "an order for a job that is not there";
      switch (order.kind) {
        case PressureOrderKind::kCalm:
          ASSERT_EQ(marks_.erase(id), 1U) << "calm for a job that was not told";
          break;
        case PressureOrderKind::kNotify:
          marks_.insert(id);
          break;
        case PressureOrderKind::kStop:
        case PressureOrderKind::kKill:
          ASSERT_TRUE(marks_.contains(id)) << "a signal without a notice";
          if (order.kind == PressureOrderKind::kKill) killed_.insert(order.job.owner);
          break;
      }
    }
    if (low_run_ >= rules_.reset_ticks) {
      ASSERT_THAT(marks_, IsEmpty()) << "a notice that outlives the heat";
      ASSERT_FALSE(machine_.state().victim);
      killed_.clear();
    }
  }

  std::mt19937_64 random_;
  bool is_memory_;
  PressureRules rules_;
  PressureMachine machine_;
  std::vector<PressureJob> jobs_;
  std::set<std::pair<std::uint32_t, std::uint32_t>> marks_;
  std::set<std::uint32_t> killed_;
  std::uint64_t now_ns_ = 100'000 * kSecond;
  std::uint64_t since_victim_ = 1'000'000;
  std::uint32_t generation_ = 0;
  std::uint32_t low_run_ = 0;
  int mood_ = 0;
};

TEST(PressureProperties, HoldForCpu) {
  std::uint64_t victims = 0;
  for (std::uint64_t seed = 0; seed < 150 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    RandomNode node(seed, false);
    node.run(1'500);
    victims += node.victims();
  }
  EXPECT_GT(victims, 1'000U);
}

TEST(PressureProperties, HoldForMemory) {
  std::uint64_t victims = 0;
  for (std::uint64_t seed = 0; seed < 150 && !HasFailure(); ++seed) {
    SCOPED_TRACE(seed);
    RandomNode node(seed, true);
    node.run(1'500);
    victims += node.victims();
  }
  EXPECT_GT(victims, 1'000U);
}

}  // namespace
}  // namespace slotd::broker
