// Waiting in line: being told, waking others, running out of time, being cancelled. Beside the
// stepped process stands another waiter, an entry of the bystander made by hand: what happens to it
// is what is checked.
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "slotd/waiting_claim.hpp"
#include "tests/crash/operation.hpp"

namespace slotd::crash {

namespace {

constexpr std::uint32_t kOther = 3;             // the other waiter's entry
constexpr std::uint32_t kFirst = kMaxPriority;  // priority of the stepped one: it comes first

WaiterHolder other_holder(const Rig& rig) {
  return WaiterHolder::make(rig.bystander(), 1, WaiterHolder::State::kShown);
}
std::uint64_t other_bit() { return std::uint64_t{1} << (kOther / kWaiterGroup); }

/// The bystander waits for a place of "last".
void add_other(Rig& rig) {
  WaiterEntry& entry = rig.view().waiter(kOther);
  const std::uint64_t now_ms = rig.processes().clock().coarse_ns() / kNsPerMs;
  entry.request.set(pack_wait_request(make_request(rig.view(), kLast), 0));
  entry.memory_bytes.set(0);
  entry.ticket.set(rig.view().header().tickets.fetch_add(1));
  entry.since_ms.set(now_ms);
  entry.confirmed_ms.set(now_ms);
  entry.told.store(0);
  entry.holder.store(other_holder(rig).raw);
  rig.view().header().waiting.fetch_or(other_bit());
}

void remove_waiters(Rig& rig) {
  for (std::uint32_t i = 0; i < kMaxWaiters; ++i) rig.view().waiter(i).holder.store(0);
  rig.view().header().waiting.store(0);
}

/// What the other one finds at its next look, a recheck later at most.
void check_other(Rig& rig, Findings& findings) {
  WaiterEntry& entry = rig.view().waiter(kOther);
  if (entry.holder.load() != other_holder(rig).raw) findings.add("a living waiter's entry is lost");
  reap_all(rig.processes(), ProbeMode::kPidfd);
  const bool has_room = read_books(rig, Counted::kHeld).refuse(kLast) == Reason::kNone;
  const QueueAnswer answer = serve_queue(rig.processes(), kOther, nullptr);
  if (answer != (has_room ? QueueAnswer::kGo : QueueAnswer::kNoRoom))
    findings.add(has_room ? "the other waiter may not go" : "the other waiter may go");
}

/// All entries but the other waiter's can be taken, and given back they leave no bit.
void check_reuse(Rig& rig, Findings& findings) {
  for (std::uint32_t index = 1; index <= kCapacities.processes; ++index)
    rig.processes().try_recycle(index, ProbeMode::kPidfd);
  const Request request = make_request(rig.view(), kLast);
  std::vector<std::unique_ptr<WaiterSeat>> seats;
  for (std::uint32_t i = 0; i + 1 < kMaxWaiters; ++i) {
    seats.push_back(std::make_unique<WaiterSeat>(rig.processes(), rig.self().self()));
    if (seats.back()->take(request, 0)) continue;
    findings.add("an entry of the dead is not taken again");
    break;
  }
  seats.clear();
  if (rig.view().header().waiting.load() != other_bit())
    findings.add("the bits do not say who waits");
}

/// In line, before the other one, whoever of the two fits.
ClaimRequest make_wanted(const Child& child) {
  ClaimRequest wanted;
  wanted.request = make_request(child.rig.view(), kLast);
  wanted.priority = kFirst;
  return wanted;
}

Operation make_wait_operation(std::string name) {
  Operation operation;
  operation.name = std::move(name);
  operation.setup = add_other;
  operation.prepare = attach_child;
  operation.after = [](Rig& rig, Findings& findings) {
    check_other(rig, findings);
    check_reuse(rig, findings);
  };
  operation.restore = remove_waiters;
  return operation;
}

/// Takes an entry, is the one that may go, claims, gives the entry back: what a waiter that was
/// told does, and nothing else, since sleeping has no instructions.
Operation make_told() {
  Operation operation = make_wait_operation("wait, told at once");
  operation.run = [](Child& child) {
    Attachment& mine = *child.attachment;
    ClaimRequest wanted = make_wanted(child);
    WaiterSeat seat(mine.processes(), mine.self());
    if (!seat.take(wanted.request, wanted.priority)) return;
    seat.confirm();
    if (serve_queue(mine.processes(), seat.index(), nullptr) != QueueAnswer::kGo) return;
    wanted.in_turn = true;
    Verdict refusal;
    child.outcome.held = mine.claim(wanted, refusal);
    child.outcome.reason = refusal.reason;
  };
  operation.judge = [](const Rig& rig, const Outcome& outcome) -> std::string {
    if (outcome.held.slot == kNoSlot) return std::string("refused: ") + reason_name(outcome.reason);
    return load_claim(rig.view(), outcome.held.ref()) ? "" : "the claim is not held";
  };
  return operation;
}

/// Frees the place that the other one waits for.
Operation make_wake() {
  Operation operation = make_wait_operation("release with a waiter");
  operation.prepare = [](Child& child) {
    attach_child(child);
    ClaimRequest wanted = make_wanted(child);
    wanted.in_turn = true;
    Verdict refusal;
    child.held = child.attachment->claim(wanted, refusal);
  };
  operation.run = [](Child& child) { child.outcome.code = child.attachment->release(child.held); };
  operation.judge = [](const Rig& rig, const Outcome& outcome) -> std::string {
    if (outcome.code != Errc::kOk) return describe(outcome.code);
    return WaiterTold{rig.view().waiter(kOther).told.load()}.has_turn() ? "" : "nobody was told";
  };
  return operation;
}

/// Waits for what this process holds.
Operation make_vain_wait(std::string name, WaitLimit limit) {
  Operation operation = make_wait_operation(std::move(name));
  operation.setup = [](Rig& rig) {
    rig.hold({kLast, {}, {}, {}});
    add_other(rig);
  };
  operation.run = [limit = std::move(limit)](Child& child) {
    ClaimRequest wanted = make_wanted(child);
    Verdict refusal;
    child.outcome.code = child.attachment->claim_until(wanted, limit, child.outcome.held, refusal);
    child.outcome.reason = refusal.reason;
  };
  operation.judge = [](const Rig& rig, const Outcome& outcome) -> std::string {
    if (outcome.code != Errc::kOk) return describe(outcome.code);
    if (outcome.reason != Reason::kTypeLimit) return "not refused by the limit of the type";
    return rig.view().header().waiting.load() == other_bit() ? "" : "its bit is left";
  };
  return operation;
}

}  // namespace

std::vector<Operation> list_waits() {
  std::vector<Operation> list;
  list.push_back(make_told());
  list.push_back(make_wake());
  list.push_back(make_vain_wait("wait, out of time", {monotonic_ns(), {}}));
  std::stop_source source;
  source.request_stop();
  list.push_back(make_vain_wait("wait, cancelled", {~std::uint64_t{0} >> 1, source.get_token()}));
  return list;
}

}  // namespace slotd::crash
