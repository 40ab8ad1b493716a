// Pairs: one process is stopped after each of its instructions, another one does the whole of its
// own operation, then the first goes on. What one of them may not do to the other is judged.
#include "tests/crash/operation.hpp"

namespace slotd::crash {

namespace {

using JudgePair = std::function<std::string(const Rig&, const Outcome&, const Outcome&)>;

void claim_here(Rig& rig, const Wish& wish, Outcome& outcome) {
  outcome.held = claim_by(rig.self(), wish, outcome.reason);
}

/// Room for one: one of them has it, the other was told why not.
JudgePair expect_one_winner(Reason loser) {
  return [loser](const Rig&, const Outcome& stopped, const Outcome& other) -> std::string {
    const bool first = stopped.reason == Reason::kNone;
    const bool second = other.reason == Reason::kNone;
    if (first && second) return "both have the last room";
    if (!first && !second) return "nobody has the last room";
    const Reason told = first ? other.reason : stopped.reason;
    if (told == loser || told == Reason::kContended) return {};
    return std::string("the loser was told ") + reason_name(told);
  };
}

Operation make_race(std::string name, const Wish& wish, Reason loser,
                    std::function<void(Rig&)> setup = {}) {
  Operation operation;
  operation.name = std::move(name);
  operation.setup = std::move(setup);
  operation.prepare = attach_child;
  operation.run = [wish](Child& child) {
    child.outcome.held = claim_by(*child.attachment, wish, child.outcome.reason);
  };
  operation.meanwhile = [wish](Rig& rig, Outcome& outcome) { claim_here(rig, wish, outcome); };
  operation.judge_pair = expect_one_winner(loser);
  return operation;
}

void add_races(std::vector<Operation>& list) {
  const Wish last{kLast, {}, {}, {}};
  const Wish mixed{kMixed, {}, {}, {}};
  const Wish tiny{kTiny, {}, {}, {}};
  list.push_back(make_race("claim x claim, type limit", last, Reason::kTypeLimit));
  list.push_back(
      make_race("claim x claim, one key", {kTiny, "ONE", {}, {}}, Reason::kDuplicateKey));
  list.push_back(make_race("claim x claim, memory", {kMemory, {}, {}, 700}, Reason::kMemory));
  list.push_back(make_race("claim x claim, CPU", {kPlain, {}, 6000, {}}, Reason::kCpu));
  list.push_back(
      make_race("claim x claim, mixed weights", mixed, Reason::kGroupLimit, [mixed](Rig& rig) {
        for (std::uint32_t i = 0; i + 1 < kLimitH; ++i) rig.hold(mixed);
      }));
  list.push_back(make_race("claim x claim, table", tiny, Reason::kTableFull, [tiny](Rig& rig) {
    for (int i = 0; i < 12; ++i) rig.hold(tiny);
  }));
  list.push_back(make_race("claim x reap", last, Reason::kTypeLimit,
                           [last](Rig& rig) { rig.add_dead({last}); }));
  list.back().meanwhile = [last](Rig& rig, Outcome& outcome) {
    rig.self().reap();
    claim_here(rig, last, outcome);
  };
}

/// A claimant that gives way to a TENTATIVE word, which then goes away.
Operation make_withdrawal() {
  Operation operation = make_race("claim x withdrawal", {kLast, {}, {}, {}}, Reason::kContended);
  operation.setup = [](Rig& rig) {
    rig.plant(3, SlotWord::make(rig.bystander().index, SlotState::kTentative, kLast, 0, 77));
  };
  operation.meanwhile = [](Rig& rig, Outcome&) { rig.plant(3, rig.word(3).freed()); };
  operation.judge_pair = [](const Rig&, const Outcome& stopped, const Outcome&) -> std::string {
    const bool fine = stopped.reason == Reason::kNone || stopped.reason == Reason::kContended;
    return fine ? "" : reason_name(stopped.reason);
  };
  return operation;
}

JudgePair expect_one_success(const char* both) {
  return [both](const Rig&, const Outcome& stopped, const Outcome& other) -> std::string {
    const bool first = stopped.code == Errc::kOk;
    const bool second = other.code == Errc::kOk;
    if (first && second) return both;
    if (!first && !second) return "neither succeeded";
    return (first ? other.code : stopped.code) == Errc::kStaleToken ? "" : "another error";
  };
}

/// Two processes with the bystander's token.
Operation make_token_race(std::string name, std::function<Errc(Child&)> step, const char* both) {
  Operation operation;
  operation.name = std::move(name);
  operation.allowed.moved = {0};
  operation.prepare = [](Child& child) {
    attach_child(child);
    child.held = child.rig.bystander_slots()[0];
  };
  operation.run = [step = std::move(step)](Child& child) { child.outcome.code = step(child); };
  operation.meanwhile = [](Rig& rig, Outcome& outcome) {
    outcome.code = rig.self().release(rig.bystander_slots()[0]);
  };
  operation.judge_pair = expect_one_success(both);
  return operation;
}

void add_token_races(std::vector<Operation>& list) {
  list.push_back(make_token_race(
      "adopt x release", [](Child& child) { return child.attachment->adopt(child.held); },
      "a token was good after the change of owner"));
  list.push_back(make_token_race(
      "release x release", [](Child& child) { return child.attachment->release(child.held); },
      "released twice"));
  list.push_back(make_token_race(
      "activate x release", [](Child& child) { return child.attachment->activate(child.held); },
      ""));
  list.back().judge_pair = [](const Rig& rig, const Outcome&, const Outcome& other) -> std::string {
    if (other.code != Errc::kOk) return "the release failed";
    return rig.word(0).is_free() ? "" : "activated after its release";
  };
}

Operation make_reap_reap() {
  Operation operation;
  operation.name = "reap x reap";
  operation.setup = [](Rig& rig) {
    rig.add_dead({{kPlain, "D_1", {}, {}}, {kMemory, {}, {}, {}}});
  };
  operation.prepare = attach_child;
  operation.run = [](Child& child) { child.outcome.number = child.attachment->reap(); };
  operation.meanwhile = [](Rig& rig, Outcome& outcome) { outcome.number = rig.self().reap(); };
  operation.judge_pair = [](const Rig&, const Outcome& stopped,
                            const Outcome& other) -> std::string {
    return stopped.number + other.number == 2 ? "" : "two slots were not reaped exactly once";
  };
  return operation;
}

}  // namespace

std::vector<Operation> list_pairs() {
  std::vector<Operation> list;
  add_races(list);
  list.push_back(make_withdrawal());
  add_token_races(list);
  list.push_back(make_reap_reap());
  return list;
}

}  // namespace slotd::crash
