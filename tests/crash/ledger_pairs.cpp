// Pairs about the ledger: a claim beside a reload or a sample, either of them stopped after each of
// its instructions. The claim is refused by the old rules and by the new ones, for another reason;
// whoever sees half of each admits it.
#include <memory>

#include "broker/ledger/publish.hpp"
#include "tests/crash/operation.hpp"

namespace slotd::crash {

namespace {

/// Two states of the ledger, and a claim that neither admits.
struct Change {
  std::string name;
  Wish wish;
  std::function<void(const SegmentView&)> publish_old;
  std::function<void(const SegmentView&)> publish_new;
};

/// The old rules have no more of type "a", the new ones have room for it and none in its group.
Change make_reload() {
  const auto old_rules = std::make_shared<broker::LedgerSpec>(make_rig_spec(1));
  const auto new_rules = std::make_shared<broker::LedgerSpec>(make_rig_spec(4));
  new_rules->groups[0].limit = 2;
  return {"reload",
          {kPlain, {}, {}, {}},
          [old_rules](const SegmentView& view) { broker::publish_config(view, *old_rules); },
          [new_rules](const SegmentView& view) { broker::publish_config(view, *new_rules); }};
}

/// In the old sample the bystander's second slot has the memory, in the new one something else.
Change make_memory_sampling() {
  const auto publish = [](std::uint64_t used, std::uint64_t held_bytes) {
    const auto charges = std::make_shared<std::vector<ChargeWord>>(2);
    (*charges)[1] = ChargeWord::make(1, ChargeWord::kValid | ChargeWord::kMemorySampled, 500'000);
    const auto held = std::make_shared<std::vector<std::uint64_t>>(2);
    (*held)[1] = held_bytes;
    return [charges, held, used](const SegmentView& view) {
      broker::Sample sample;
      sample.memory_used_bytes = used;
      sample.charges = *charges;
      sample.memory_held = *held;
      broker::publish_sample(view, sample);
    };
  };
  return {"memory sample", {kMemory, {}, {}, {}}, publish(100, 850), publish(950, 0)};
}

/// The old sample has the memory in use, the new one the CPU.
Change make_sampling() {
  const auto charges = std::make_shared<std::vector<ChargeWord>>();
  // The bystander's first slot, whose claim was the first of its word.
  charges->push_back(ChargeWord::make(1, ChargeWord::kValid, 9'500'000));
  return {"sample",
          {kMemory, {}, {}, {}},
          [](const SegmentView& view) {
            broker::Sample sample;
            sample.memory_used_bytes = 850;
            broker::publish_sample(view, sample);
          },
          [charges](const SegmentView& view) {
            broker::Sample sample;
            sample.charges = *charges;
            broker::publish_sample(view, sample);
          }};
}

std::string judge_refused(Reason reason) {
  return reason == Reason::kNone ? "admitted by half of the old rules and half of the new" : "";
}

Operation make_publisher_stopped(const Change& change) {
  Operation operation;
  operation.name = change.name + " x claim";
  operation.setup = [change](Rig& rig) { change.publish_old(rig.view()); };
  operation.run = [change](Child& child) { change.publish_new(child.rig.view()); };
  operation.meanwhile = [change](Rig& rig, Outcome& outcome) {
    outcome.held = claim_by(rig.self(), change.wish, outcome.reason);
  };
  operation.judge_pair = [](const Rig&, const Outcome&, const Outcome& other) {
    return judge_refused(other.reason);
  };
  return operation;
}

Operation make_claimant_stopped(const Change& change, int flips) {
  Operation operation;
  operation.name = "claim x " + change.name + (flips > 1 ? ", twice" : "");
  operation.setup = [change](Rig& rig) { change.publish_old(rig.view()); };
  operation.prepare = attach_child;
  operation.run = [change](Child& child) {
    child.outcome.held = claim_by(*child.attachment, change.wish, child.outcome.reason);
  };
  // The second time it is the block that the claimant reads that is filled anew.
  operation.meanwhile = [change, flips](Rig& rig, Outcome&) {
    for (int flip = 0; flip < flips; ++flip) change.publish_new(rig.view());
  };
  operation.judge_pair = [](const Rig&, const Outcome& stopped, const Outcome&) {
    return judge_refused(stopped.reason);
  };
  return operation;
}

/// The other way round: what is read first is then the new figure and not the old one that admits.
Change turn_round(Change change) {
  change.name += " back";
  std::swap(change.publish_old, change.publish_new);
  return change;
}

}  // namespace

std::vector<Operation> list_ledger_pairs() {
  std::vector<Operation> list;
  for (const Change& change :
       {make_reload(), turn_round(make_reload()), make_sampling(), turn_round(make_sampling()),
        make_memory_sampling(), turn_round(make_memory_sampling())}) {
    list.push_back(make_publisher_stopped(change));
    list.push_back(make_claimant_stopped(change, 1));
    list.push_back(make_claimant_stopped(change, 2));
  }
  return list;
}

}  // namespace slotd::crash
