// Death, reaping, entry reuse and changes of owner. Included behind shim.hpp.
#pragma once

#include "tests/model/relacy/scenario.hpp"

namespace slotd::model {

/// One job held by process 1, for the scenarios in which it goes to somebody else.
inline ClaimResult hold_one(Stage& stage, std::uint32_t limit) {
  stage.make(Stage::make_spec(limit));
  const ProcessTable processes = stage.processes();
  ClaimRequest request;
  request.request = make_request(stage.view(), 0);
  return Claim(processes, {1, 1}, request, 0, 1).run();
}

/// The kernel marks the owner dead while two others claim its room: freed only after the mark,
/// given once.
struct ReapByMark : Scenario<ReapByMark, 3> {
  static Stage& stage() {
    static Stage made;
    return made;
  }
  static void prepare(Stage& stage) { hold_one(stage, 1); }
  void model_cells() {
    observer.limit = 1;
    model_slots(3);
    model(view.process(1).presence);
    model(view.process(1).marked);
  }
  void thread(unsigned index) {
    if (index == 0) {
      // The kernel's own CAS is a full barrier.
      view.process(1).presence.fetch_or(kFutexOwnerDied, std::memory_order_seq_cst);
      return observer.die(1);
    }
    claim(index, index + 1);
  }
  void check() { RL_ASSERT(observer.count_held(false) == 1); }
};

/// A slow reaper beside a recycler whose next tenant claims at once: the tenant keeps its word.
struct ReapThenReuse : Scenario<ReapThenReuse, 2> {
  static Stage& stage() {
    static Stage made;
    return made;
  }
  static void prepare(Stage& stage) {
    hold_one(stage, 3);
    ProcessEntry& entry = stage.view().process(1);
    entry.presence.store(make_presence(1, kFutexOwnerDied));
    entry.gone.store(1);
  }
  void model_cells() {
    model_slots(1);
    model_entry(1);
    model(view.counters(1).shared.reaped);
  }
  void thread(unsigned index) {
    const ProcessTable processes = stage().processes();
    if (index == 0) {
      processes.reap_word(0, ProbeMode::kMarkOnly);
      return;
    }
    if (!processes.try_recycle(1, ProbeMode::kMarkOnly)) return;
    const ProcessRef tenant = processes.reserve(200);
    RL_ASSERT(tenant.index == 1 && tenant.attach == 3);
    view.process(1).presence.store(make_presence(3, 4243), std::memory_order_release);
    ClaimRequest request;
    request.request = make_request(view, 0);
    kept = Claim(processes, tenant, request, 0, 1).run();
    RL_ASSERT(kept.verdict && kept.slot == 0);
  }
  void check() {
    if (kept.slot == 0) RL_ASSERT(observer.words[0] == kept.word);
  }
  ClaimResult kept;
};

/// A slot is given to a process that has just gone, while its entry goes to another tenant: that
/// one never owns a word that it did not claim.
struct BindToTheGone : Scenario<BindToTheGone, 2> {
  static Stage& stage() {
    static Stage made;
    return made;
  }
  static inline ClaimResult job;
  static void prepare(Stage& stage) {
    job = hold_one(stage, 3);
    ProcessEntry& entry = stage.view().process(2);
    entry.presence.store(make_presence(1, kFutexOwnerDied));
    entry.gone.store(1);
  }
  void model_cells() {
    model_slots(1);
    model_entry(2);
    model(view.process(1).hazard, slotd_model::Role::kHazard);
    model(view.counters(2).shared.reaped);
  }
  void thread(unsigned index) {
    const ProcessTable processes = stage().processes();
    if (index == 0) {
      transfer_slot(processes, process(1), {job.slot, job.word.generation(), job.nonce},
                    process(2));
      return;
    }
    if (!processes.try_recycle(2, ProbeMode::kMarkOnly)) return;
    const ProcessRef tenant = processes.reserve(200);
    is_reused = tenant.index == 2 && tenant.attach == 3;
  }
  void check() {
    if (is_reused) RL_ASSERT(observer.words[0].is_free() || observer.words[0].owner() != 2);
  }
  bool is_reused = false;
};

/// Two recyclers of one entry: it is offered once, and neither touches the next tenant's word.
struct TwoRecyclers : Scenario<TwoRecyclers, 2> {
  static Stage& stage() {
    static Stage made;
    return made;
  }
  static void prepare(Stage& stage) {
    hold_one(stage, 3);
    ProcessEntry& entry = stage.view().process(1);
    entry.presence.store(make_presence(1, kFutexOwnerDied));
    entry.gone.store(1);
  }
  void model_cells() {
    model_slots(1);
    model_entry(1);
    model(view.counters(1).shared.reaped);
  }
  void thread(unsigned index) {
    const ProcessTable processes = stage().processes();
    processes.try_recycle(1, ProbeMode::kMarkOnly);
    const ProcessRef tenant = processes.reserve(200 + index);
    if (!tenant) return;
    RL_ASSERT(tenant.index == 1 && tenant.attach == 3 && !is_taken);
    is_taken = true;
    view.process(1).presence.store(make_presence(3, 4243), std::memory_order_release);
    ClaimRequest request;
    request.request = make_request(view, 0);
    kept = Claim(processes, tenant, request, 0, 1).run();
  }
  void check() {
    RL_ASSERT(is_taken);
    RL_ASSERT(kept.verdict && observer.words[0] == kept.word);
  }
  bool is_taken = false;
  ClaimResult kept;
};

}  // namespace slotd::model
