// The claims: admitted in every way, and refused for every reason.
#include "broker/ledger/publish.hpp"
#include "tests/crash/operation.hpp"

namespace slotd::crash {

namespace {

using Judge = std::function<std::string(const Rig&, const Outcome&)>;

Judge expect_reason(Reason expected) {
  return [expected](const Rig& rig, const Outcome& outcome) -> std::string {
    if (outcome.reason != expected)
      return std::string("expected ") + reason_name(expected) + ", was told " +
             reason_name(outcome.reason);
    if (expected == Reason::kNone && !load_claim(rig.view(), outcome.held.ref()))
      return "an admitted slot was lost";
    return {};
  };
}

/// A claim by an attached process.
Operation make_claim(std::string name, const Wish& wish, Reason expected) {
  Operation operation;
  operation.name = std::move(name);
  operation.prepare = [](Child& child) { child.attachment = &attach_here(child.rig.path()); };
  operation.run = [wish](Child& child) {
    child.outcome.held = claim_by(*child.attachment, wish, child.outcome.reason);
  };
  operation.judge = expect_reason(expected);
  return operation;
}

/// A refused claim, with the stage that makes it so.
Operation make_refusal(Reason reason, const Wish& wish, std::function<void(Rig&)> setup = {},
                       std::function<void(Rig&)> restore = {}) {
  Operation operation = make_claim(std::string("refused: ") + reason_name(reason), wish, reason);
  operation.setup = std::move(setup);
  operation.restore = std::move(restore);
  return operation;
}

std::function<void(Rig&)> hold_times(std::uint32_t times, const Wish& wish) {
  return [times, wish](Rig& rig) {
    for (std::uint32_t i = 0; i < times; ++i) rig.hold(wish);
  };
}

/// Charges as they are before anything was measured: what was reserved.
void publish_reserved(Rig& rig) {
  std::vector<ChargeWord> charges;
  for (std::uint32_t slot = 0; slot < kCapacities.slots; ++slot) {
    const SlotWord word = rig.word(slot);
    charges.push_back(ChargeWord::make(word.generation(), ChargeWord::kValid,
                                       std::uint64_t{word.cost_milli()} * 1000U));
  }
  broker::Sample sample;
  sample.charges = charges;
  broker::publish_sample(rig.view(), sample);
}

/// Another claimant stopped in TENTATIVE with just the room that is asked for. Behind it the child
/// gives way at once; before it the child keeps its word until the bound.
Operation make_conflict(std::string name, std::uint32_t planted) {
  Operation operation = make_claim(std::move(name), {kLast, {}, {}, {}}, Reason::kContended);
  operation.setup = [planted](Rig& rig) {
    rig.plant(planted, SlotWord::make(rig.bystander().index, SlotState::kTentative, kLast, 0, 77));
  };
  operation.restore = [planted](Rig& rig) { rig.plant(planted, rig.word(planted).freed()); };
  return operation;
}

/// The public interface: the type by its name, a key, the room's last check, a Slot.
Operation make_client_claim() {
  Operation operation;
  operation.name = "claim by name (Client)";
  operation.prepare = [](Child& child) {
    child.client.emplace(Client::Options{child.rig.path(), "step"});
  };
  operation.run = [](Child& child) {
    std::error_code ec;
    child.slot = child.client->try_claim("a", {"CH_1", {}, {}}, ec);
  };
  operation.judge = [](const Rig& rig, const Outcome&) -> std::string {
    return read_books(rig, Counted::kHeld).of_type[kPlain] == 2 ? "" : "not admitted";
  };
  return operation;
}

void add_admitted(std::vector<Operation>& list) {
  list.push_back(make_claim("claim", {kTiny, {}, {}, {}}, Reason::kNone));
  list.push_back(make_claim("claim again", {kPlain, {}, {}, {}}, Reason::kNone));
  list.back().prepare = [](Child& child) {
    child.attachment = &attach_here(child.rig.path());
    Reason reason = Reason::kNone;
    child.attachment->release(claim_by(*child.attachment, {kPlain, {}, {}, {}}, reason));
  };
  list.push_back(make_claim("claim, mixed weights", {kMixed, {}, {}, {}}, Reason::kNone));
  list.push_back(make_claim("claim with key and memory", {kMemory, "CH_1", {}, {}}, Reason::kNone));
  list.push_back(make_client_claim());
  // More words than are added one by one; with charges beside them in the second case.
  const Wish tiny{kTiny, {}, {}, {}};
  list.push_back(make_claim("claim among many", {kPlain, {}, {}, {}}, Reason::kNone));
  list.back().setup = hold_times(6, tiny);
  list.push_back(make_claim("claim among many, charged", {kPlain, {}, {}, {}}, Reason::kNone));
  list.back().setup = [tiny](Rig& rig) {
    hold_times(6, tiny)(rig);
    publish_reserved(rig);
  };
  list.push_back(make_claim("claim, broker up", {kMemory, "CH_1", {}, {}}, Reason::kNone));
  list.back().broker_up = true;
  list.push_back(make_claim("claim that finds a dead owner", {kLast, {}, {}, {}}, Reason::kNone));
  list.back().setup = [](Rig& rig) { rig.add_dead({{kLast, {}, {}, {}}}); };
}

void add_refused(std::vector<Operation>& list) {
  const auto undrain = [](Rig& rig) { rig.view().header().drain.store(0); };
  list.push_back(make_refusal(Reason::kUnknownType, {kUnknown, {}, {}, {}}));
  list.push_back(make_refusal(
      Reason::kDraining, {kPlain, {}, {}, {}},
      [](Rig& rig) { rig.view().header().drain.store(kDrainAll); }, undrain));
  list.push_back(make_refusal(Reason::kDuplicateKey, {kMemory, "BY_1", {}, {}}));
  list.push_back(make_refusal(Reason::kTooLarge, {kLarge, {}, 11'000, {}}));
  list.push_back(
      make_refusal(Reason::kTypeLimit, {kLast, {}, {}, {}}, hold_times(1, {kLast, {}, {}, {}})));
  list.push_back(
      make_refusal(Reason::kTypeLimit, {kLast, {}, {}, {}}, hold_times(1, {kLast, {}, {}, {}})));
  list.back().name += " again";  // now it looks before it takes a word
  list.back().prepare = [](Child& child) {
    child.attachment = &attach_here(child.rig.path());
    Reason reason = Reason::kNone;
    claim_by(*child.attachment, {kLast, {}, {}, {}}, reason);
  };
  list.push_back(make_refusal(Reason::kGroupLimit, {kPlain, {}, {}, {}},
                              hold_times(10, {kMemory, {}, {}, 0})));
  list.push_back(make_refusal(Reason::kMemory, {kMemory, {}, {}, 900}));
  list.push_back(
      make_refusal(Reason::kCpu, {kLarge, {}, {}, {}}, hold_times(2, {kLarge, {}, {}, {}})));
  list.push_back(
      make_refusal(Reason::kTableFull, {kTiny, {}, {}, {}}, hold_times(13, {kTiny, {}, {}, {}})));
  list.push_back(make_conflict("refused: contended, gives way", 3));
  list.push_back(make_conflict("refused: contended, stays", 9));
}

}  // namespace

std::vector<Operation> list_claims() {
  std::vector<Operation> list;
  add_admitted(list);
  add_refused(list);
  return list;
}

}  // namespace slotd::crash
