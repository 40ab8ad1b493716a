// What the tests of the pressure policy share: one node and its samples.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "broker/pressure/pressure.hpp"

namespace slotd::broker {

inline constexpr std::uint64_t kSecond = 1'000'000'000;
inline constexpr std::uint64_t kCore = 1'000'000;

inline PressureJob make_job(std::uint32_t slot, std::uint64_t used, std::uint64_t cost) {
  return {{slot, 7}, slot + 1, 2 * slot + 1, used, cost, false};
}

/// One node and its samples. Orders are written "notify 0": kind and slot.
class Node {
 public:
  explicit Node(PressureRules rules) : rules_(rules) { machine_.configure(rules); }

  std::vector<std::string> tick() {
    now_ns += kSecond;
    last = machine_.tick({now_ns, level, tracked, blameless, psi}, jobs);
    std::vector<std::string> orders;
    for (const PressureOrder& order : last.orders) {
      constexpr const char* kWords[] = {"notify", "stop", "kill", "calm"};
      orders.push_back(std::string(kWords[static_cast<std::size_t>(order.kind)]) + " " +
                       std::to_string(order.job.id.slot));
    }
    return orders;
  }

  /// `count` ticks, hot or not, in which nothing is ordered.
  void quiet_ticks(bool is_hot, int count) {
    for (int i = 0; i < count; ++i) {
      ASSERT_THAT(is_hot ? hot() : low(), testing::IsEmpty())
          << "tick " << i + 1 << " of " << count;
    }
  }

  std::vector<std::string> hot() {
    level = rules_.limit + 1;
    return tick();
  }
  std::vector<std::string> low() {
    level = rules_.limit;
    return tick();
  }

  void configure(PressureRules rules) {
    rules_ = rules;
    machine_.configure(rules);
  }

  void end_job(std::uint32_t slot) {
    std::erase_if(jobs, [slot](const PressureJob& job) { return job.id.slot == slot; });
  }

  PressureState state() const { return machine_.state(); }
  PressureMachine& machine() { return machine_; }

  std::uint64_t now_ns = 1'000 * kSecond;
  std::optional<std::uint64_t> level;
  std::uint64_t tracked = 3'900'000;
  std::uint64_t blameless = 3'200'000;
  std::optional<std::uint32_t> psi;
  std::vector<PressureJob> jobs;
  PressureOutcome last;

 private:
  PressureRules rules_;
  PressureMachine machine_;
};

inline Config make_config(PressureAction action) {
  Config config;
  config.pressure.action = action;
  return config;
}

/// Worked case 6: 4 cores, jobs A (slot 0) and B (slot 1) of cost 2; A at 2.4, B at 1.5.
inline Node make_case_6(PressureAction action) {
  Node node(make_cpu_rules(make_config(action)));
  node.jobs = {make_job(0, 2'400'000, 2 * kCore), make_job(1, 1'500'000, 2 * kCore)};
  return node;
}

}  // namespace slotd::broker
