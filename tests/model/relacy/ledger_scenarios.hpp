// Reloads and samples beside claims and looks: the broker's publishing against the readers of
// ledger.hpp. Included behind shim.hpp.
#pragma once

#include "tests/model/relacy/process_scenarios.hpp"

namespace slotd::model {

/// Three configurations, each of which refuses; the limit of one with the budget of another would
/// admit.
struct Reload : Scenario<Reload, 2> {
  static Stage& stage() {
    static Stage made;
    return made;
  }
  static broker::LedgerSpec make_spec(std::uint32_t limit, std::uint64_t budget_micro) {
    broker::LedgerSpec spec = Stage::make_spec(limit);
    spec.budget_micro = budget_micro;
    return spec;
  }
  static void prepare(Stage& stage) { hold_one(stage, 1); }
  void model_cells() {
    model_slots(2);
    for (std::uint64_t block = 0; block < 2; ++block) {
      model(view.config(block).types[0].limit);
      model(view.config(block).budget_micro);
    }
    model(view.header().config_epoch, slotd_model::Role::kEpoch);
  }
  void thread(unsigned index) {
    if (index == 0) {
      broker::publish_config(view, make_spec(1, 1'500'000));
      broker::publish_config(view, make_spec(5, 1'500'000));
      return;
    }
    const ProcessTable processes = stage().processes();
    ClaimRequest request;
    request.request = make_request(view, 0);
    const Verdict seen = Claim(processes, process(2), request, 0, 2).look();
    RL_ASSERT(!seen);
    const Verdict told = Claim(processes, process(2), request, 0, 2).run().verdict;
    RL_ASSERT(!told);
    check_figures(told);
  }
  static void check_figures(const Verdict& verdict) {
    if (verdict.reason == Reason::kTypeLimit) RL_ASSERT(verdict.limit == 1 && verdict.in_use == 1);
    if (verdict.reason == Reason::kCpu) RL_ASSERT(verdict.available_micro == 500'000);
  }
  void check() {}
};

/// Samples, each of which refuses: a group's room is taken from outside, or the memory is; never
/// both are free.
struct Samples : Scenario<Samples, 2> {
  static Stage& stage() {
    static Stage made;
    return made;
  }
  static broker::Sample make_sample(std::uint64_t taken, std::uint64_t memory) {
    broker::Sample sample;
    sample.external_use[0] = taken;
    sample.memory_used_bytes = memory;
    return sample;
  }
  static void prepare(Stage& stage) {
    broker::LedgerSpec spec = Stage::make_spec(5);
    broker::LedgerGroup group;
    group.name = "g";
    group.limit = 4;
    group.weights[0] = 1;
    spec.groups = {group};
    spec.memory_max_bytes = 1000;
    stage.make(spec);
    broker::publish_sample(stage.view(), make_sample(4, 1000));
    broker::publish_sample(stage.view(), make_sample(4, 0));
  }
  void model_cells() {
    model_slots(1);
    for (std::uint64_t block = 0; block < 2; ++block) {
      model(view.sample(block).external_use[0]);
      model(view.sample(block).memory_used_bytes);
    }
    model(view.header().sample_epoch, slotd_model::Role::kEpoch);
  }
  void thread(unsigned index) {
    if (index == 0) {
      broker::publish_sample(view, make_sample(4, 1000));
      broker::publish_sample(view, make_sample(0, 1000));
      return;
    }
    const ProcessTable processes = stage().processes();
    ClaimRequest request;
    request.request = make_request(view, 0);
    RL_ASSERT(!Claim(processes, process(2), request, 0, 2).look());
    RL_ASSERT(!Claim(processes, process(2), request, 0, 2).run().verdict);
  }
  void check() {}
};

}  // namespace slotd::model
