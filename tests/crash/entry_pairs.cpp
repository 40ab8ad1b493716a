// Pairs about process entries: one process is stopped after each of its instructions in the process
// table, another one does the whole of what it may do there, then the first goes on.
#include <memory>

#include "tests/crash/operation.hpp"

namespace slotd::crash {

namespace {

using Entry = std::shared_ptr<ProcessRef>;

constexpr std::uint32_t kFirstPid = 0x3ffff0;  // above every pid that there can be

/// Gives a slot to an entry whose process ends meanwhile; the entry is recycled and taken anew.
Operation make_bind_recycle() {
  const Entry target = std::make_shared<ProcessRef>();
  Operation operation;
  operation.name = "bind x recycle";
  operation.setup = [target](Rig& rig) {
    *target = rig.processes().reserve(kFirstPid);
    rig.view().process(target->index).presence.store(make_presence(target->attach, kFirstPid));
  };
  operation.prepare = [](Child& child) {
    attach_child(child);
    child.held = claim_by(*child.attachment, {kPlain, {}, {}, {}}, child.outcome.reason);
  };
  operation.run = [target](Child& child) {
    const Attachment& self = *child.attachment;
    child.outcome.code =
        transfer_slot(self.processes(), self.self(), child.held.ref(), *target).code;
    child.outcome.held = child.held;
  };
  operation.meanwhile = [target](Rig& rig, Outcome& outcome) {
    if (!rig.broker_table().try_recycle(target->index, ProbeMode::kPidfd)) return;
    const ProcessRef next = rig.processes().reserve(kFirstPid + 1);
    outcome.number = next.attach;
    if (next.index != target->index) outcome.code = Errc::kBusy;
  };
  operation.judge_pair = [target](const Rig& rig, const Outcome& stopped,
                                  const Outcome& other) -> std::string {
    if (other.code != Errc::kOk) return "the entry was not taken anew";
    const SlotWord word = rig.word(stopped.held.slot);
    const bool at_target = !word.is_free() && word.owner() == target->index;
    if (other.number != 0 && at_target) return "the slot went to the entry's next tenant";
    if (stopped.code == Errc::kOk)
      return at_target || (other.number != 0 && word.is_free()) ? "" : "the slot went astray";
    if (stopped.code != Errc::kNoSuchProcess) return describe(stopped.code);
    return load_claim(rig.view(), stopped.held.ref()) ? "" : "refused, and the slot lost";
  };
  return operation;
}

/// Frees a dead owner's words or entry; meanwhile another does the same and a new tenant takes the
/// entry and the very slot.
Operation make_new_tenant(std::string name, std::function<void(Child&, ProcessRef dead)> run) {
  const Entry dead = std::make_shared<ProcessRef>();
  const auto taken = std::make_shared<std::uint32_t>(0);
  Operation operation;
  operation.name = std::move(name);
  operation.setup = [dead, taken](Rig& rig) {
    *dead = rig.add_dead({{kPlain, {}, {}, {}}});
    while (rig.word(*taken).owner() != dead->index) ++*taken;
  };
  operation.prepare = attach_child;
  operation.run = [dead, run = std::move(run)](Child& child) { run(child, *dead); };
  operation.meanwhile = [dead, taken](Rig& rig, Outcome& outcome) {
    const std::uint32_t generation = rig.word(*taken).generation();
    rig.broker_table().try_recycle(dead->index, ProbeMode::kPidfd);
    const ProcessRef next = rig.processes().reserve(static_cast<std::uint32_t>(rig.stranger_pid()));
    if (next.index != dead->index) outcome.code = Errc::kBusy;
    outcome.number = next.attach;
    rig.plant(*taken,
              SlotWord::make(next.index, SlotState::kPending, kPlain, 1000, generation + 1U));
  };
  operation.judge_pair = [dead, taken](const Rig& rig, const Outcome&,
                                       const Outcome& other) -> std::string {
    if (other.code != Errc::kOk) return "the entry was not free for the next tenant";
    const ProcessRef tenant = rig.processes().find_tenant(dead->index);
    if (!tenant || tenant.attach != other.number) return "the next tenant lost its entry";
    return rig.word(*taken).owner() == dead->index ? "" : "the next tenant lost its slot";
  };
  return operation;
}

/// Two for the last free entry; the other entries belong to a process that lives.
Operation make_last_entry() {
  Operation operation;
  operation.name = "attach x attach";
  operation.setup = [](Rig& rig) {
    const auto pid = static_cast<std::uint32_t>(rig.stranger_pid());
    // This process and the bystander have one each, the last one is the broker's.
    for (std::uint32_t i = 2; i + 2 < kCapacities.processes; ++i) rig.processes().reserve(pid);
  };
  operation.run = [](Child& child) {
    std::string text;
    child.attachment = Attachment::open({child.rig.path(), "step"}, child.outcome.code, text);
    if (child.attachment != nullptr) child.outcome.number = child.attachment->self().index;
  };
  operation.meanwhile = [](Rig& rig, Outcome& outcome) {
    const ProcessRef entry =
        rig.processes().reserve(static_cast<std::uint32_t>(rig.stranger_pid()));
    outcome.number = entry.index;
    if (!entry) outcome.code = Errc::kProcessTableFull;
  };
  operation.judge_pair = [](const Rig& rig, const Outcome& stopped,
                            const Outcome& other) -> std::string {
    const bool first = stopped.code == Errc::kOk;
    const bool second = other.code == Errc::kOk;
    if (first && second) return "two have the last entry";
    if (!first && !second) return "nobody has the last entry";
    const auto winner = static_cast<std::uint32_t>(first ? stopped.number : other.number);
    return rig.processes().find_tenant(winner) ? "" : "the entry is not in use";
  };
  return operation;
}

}  // namespace

std::vector<Operation> list_entry_pairs() {
  std::vector<Operation> list;
  list.push_back(make_bind_recycle());
  list.push_back(make_new_tenant("reap x next tenant", [](Child& child, ProcessRef) {
    child.outcome.number = child.attachment->reap();
  }));
  list.push_back(make_new_tenant("recycle x next tenant", [](Child& child, ProcessRef dead) {
    child.attachment->processes().try_recycle(dead.index, ProbeMode::kPidfd);
  }));
  list.push_back(make_last_entry());
  return list;
}

}  // namespace slotd::crash
