// What the broker does: publishing limits and samples, making a segment, adopting one, the sweep at
// its start.
#include <sys/wait.h>
#include <unistd.h>

#include <memory>

#include "broker/ledger/publish.hpp"
#include "broker/segment/segment_owner.hpp"
#include "tests/crash/operation.hpp"

namespace slotd::crash {

namespace {

constexpr std::uint32_t kNextLimit = 3;
constexpr std::uint64_t kSampledAt = 12'345;
constexpr std::uint64_t kMemoryUsed = 77;

/// In a process of its own: what is mapped there, and locked, goes with it.
bool holds_elsewhere(const std::function<bool()>& question) {
  const pid_t pid = ::fork();
  if (pid == 0) ::_exit(question() ? 0 : 1);
  int status = 0;
  return ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

bool has_limit(const SegmentView& view, std::uint32_t limit) {
  return broker::read_config_block(view) == make_rig_spec(limit);
}

/// Old or new, and whole.
void check_config(Rig& rig, Findings& findings) {
  if (!has_limit(rig.view(), kRules[kPlain].limit) && !has_limit(rig.view(), kNextLimit))
    findings.add("neither the old rules nor the new ones");
}

std::string judge_config(const Rig& rig, const Outcome&) {
  return has_limit(rig.view(), kNextLimit) ? "" : "the new rules are not in force";
}

void add_publishing(std::vector<Operation>& list) {
  Operation operation;
  operation.others = Duties::kWithoutPublishing;
  operation.name = "publish limits";
  const auto next = std::make_shared<broker::LedgerSpec>(make_rig_spec(kNextLimit));
  operation.run = [next](Child& child) { broker::publish_config(child.rig.view(), *next); };
  operation.judge = judge_config;
  operation.after = check_config;
  list.push_back(operation);

  // Figures for a claim that is over: whoever believes them gets the sums wrong.
  const auto charges = std::make_shared<std::vector<ChargeWord>>();
  for (std::uint32_t slot = 0; slot < kCapacities.slots; ++slot)
    charges->push_back(ChargeWord::make(9, ChargeWord::kValid, 5'000'000 + slot));
  const auto is_new = [charges](const SegmentView& view) {
    const std::uint64_t epoch = view.header().sample_epoch.load();
    const SampleBlock& block = view.sample(epoch);
    bool same = block.sampled_at_ns.get() == kSampledAt &&
                block.memory_used_bytes.get() == kMemoryUsed &&
                block.charge_mark.get() == kCapacities.slots;
    for (std::uint32_t slot = 0; same && slot < kCapacities.slots; ++slot)
      same = view.charges(epoch)[slot].load() == (*charges)[slot].raw;
    return same;
  };
  operation.name = "publish charges";
  operation.run = [charges](Child& child) {
    broker::Sample sample;
    sample.sampled_at_ns = kSampledAt;
    sample.memory_used_bytes = kMemoryUsed;
    sample.charges = *charges;
    broker::publish_sample(child.rig.view(), sample);
  };
  operation.judge = [is_new](const Rig& rig, const Outcome&) -> std::string {
    return is_new(rig.view()) ? "" : "the sample is not there";
  };
  operation.after = [is_new](Rig& rig, Findings& findings) {
    const SampleBlock& block = rig.view().sample(rig.view().header().sample_epoch.load());
    const bool old = block.sampled_at_ns.get() == 0 && block.memory_used_bytes.get() == 0 &&
                     block.charge_mark.get() == 0;
    if (!old && !is_new(rig.view())) findings.add("neither the old sample nor the new one");
  };
  list.push_back(operation);
}

/// Says something to the bystander's first slot and rings its keeper.
void add_notice(std::vector<Operation>& list) {
  Operation operation;
  operation.name = "ring a notice";
  operation.run = [](Child& child) {
    const SegmentView& view = child.rig.view();
    const SlotWord word = child.rig.word(0);
    view.slot_sample(0).notice.set(
        TaggedFigure::make(word.generation(), static_cast<std::uint64_t>(Notice::kCpu)).raw);
    ProcessEntry& entry = view.process(word.owner());
    ring_notice(entry, entry.attach.load());
  };
  operation.judge = [](const Rig& rig, const Outcome&) -> std::string {
    const SlotWord word = rig.word(0);
    const bool rang = static_cast<std::uint32_t>(rig.view().process(word.owner()).notice) != 0;
    const Notice said = load_notice(rig.view().slot_sample(0), word.generation());
    return rang && said == Notice::kCpu ? "" : "the notice is not there";
  };
  list.push_back(operation);
}

broker::OwnerOptions make_options(const std::string& path) {
  broker::OwnerOptions options;
  options.path = path;
  options.capacities = kCapacities;
  options.version = "step";
  return options;
}

/// Takes the segment at the path, or makes it; publishes the new limit.
std::optional<broker::Origin> own(const std::string& path, std::uint32_t limit) {
  broker::OwnerFailure failure;
  const broker::Prepare prepare = [limit](const SegmentView& view, broker::Origin) {
    broker::publish_config(view, make_rig_spec(limit));
    return true;
  };
  const auto owned = broker::own_segment(make_options(path), prepare, failure);
  return owned ? std::optional<broker::Origin>(owned->origin) : std::nullopt;
}

std::string second_path(const Rig& rig) { return rig.path() + "2"; }

/// Nothing is there, or a whole segment is.
bool is_whole_or_absent(const std::string& path, bool may_be_absent) {
  const OpenedSegment opened = open_segment(path, Access::kReadOnly, read_boot_id());
  if (opened.code == Errc::kNoSegment) return may_be_absent;
  return opened.code == Errc::kOk && has_limit(opened.view(Access::kReadOnly), kNextLimit);
}

Operation make_creation() {
  Operation operation;
  operation.name = "create the segment";
  operation.prepare = [](Child& child) { ::unlink(second_path(child.rig).c_str()); };
  operation.run = [](Child& child) {
    const auto origin = own(second_path(child.rig), kNextLimit);
    child.outcome.number = origin == broker::Origin::kCreated ? 1 : 0;
  };
  operation.judge = [](const Rig& rig, const Outcome& outcome) -> std::string {
    if (outcome.number != 1) return "not created";
    const std::string path = second_path(rig);
    return holds_elsewhere([&] { return is_whole_or_absent(path, false); }) ? "" : "not whole";
  };
  operation.after = [](Rig& rig, Findings& findings) {
    const std::string path = second_path(rig);
    if (!holds_elsewhere([&] { return is_whole_or_absent(path, true); }))
      findings.add("a segment that is not whole");
    if (!holds_elsewhere([&] { return own(path, kNextLimit).has_value(); }))
      findings.add("the next broker cannot own the segment");
  };
  return operation;
}

Operation make_adoption() {
  Operation operation;
  operation.name = "adopt the segment";
  operation.others = Duties::kWithoutPublishing;
  operation.prepare = [](Child&) { detail::mappings().store(nullptr); };
  operation.run = [](Child& child) {
    const auto origin = own(child.rig.path(), kNextLimit);
    child.outcome.number = origin == broker::Origin::kAdopted ? 1 : 0;
  };
  operation.judge = [](const Rig& rig, const Outcome& outcome) -> std::string {
    return outcome.number == 1 ? judge_config(rig, outcome) : "not adopted";
  };
  operation.after = [](Rig& rig, Findings& findings) {
    check_config(rig, findings);
    const std::string path = rig.path();
    if (!holds_elsewhere([&] { return own(path, kNextLimit) == broker::Origin::kAdopted; }))
      findings.add("the next broker cannot adopt the segment");
  };
  return operation;
}

using Owned = std::shared_ptr<std::optional<broker::OwnedSegment>>;

/// Owns a second segment, in the child alone.
void own_second(Child& child, const Owned& owned) {
  broker::OwnerFailure failure;
  ::unlink(second_path(child.rig).c_str());
  *owned = broker::own_segment(
      make_options(second_path(child.rig)),
      [](const SegmentView& view, broker::Origin) {
        broker::publish_config(view, make_rig_spec(kNextLimit));
        return true;
      },
      failure);
}

bool rebuild_second(Child& child, const Owned& owned) {
  broker::OwnerFailure failure;
  const broker::Prepare prepare = [](const SegmentView& view, broker::Origin) {
    broker::publish_config(view, make_rig_spec(kNextLimit));
    return true;
  };
  return broker::rebuild_segment(make_options(second_path(child.rig)), **owned, prepare, failure);
}

/// A broker whose segment was damaged makes another one under the same path.
Operation make_rebuilding() {
  Operation operation = make_creation();
  const Owned owned = std::make_shared<std::optional<broker::OwnedSegment>>();
  operation.name = "rebuild the segment";
  operation.prepare = [owned](Child& child) { own_second(child, owned); };
  operation.run = [owned](Child& child) {
    child.outcome.number = rebuild_second(child, owned) ? 1 : 0;
  };
  operation.after = [](Rig& rig, Findings& findings) {
    const std::string path = second_path(rig);
    if (!holds_elsewhere([&] { return own(path, kNextLimit).has_value(); }))
      findings.add("the next broker cannot own the segment");
    if (!holds_elsewhere([&] { return is_whole_or_absent(path, false); }))
      findings.add("a segment that is not whole");
  };
  return operation;
}

/// A worker's claims are asserted in the segment that has replaced its own, by the keeper as a
/// rule; the child is the broker as well.
Operation make_succession(Stepped stepped) {
  Operation operation;
  const Owned owned = std::make_shared<std::optional<broker::OwnedSegment>>();
  const bool by_keeper = stepped == Stepped::kCreated;
  operation.stepped = stepped;
  operation.name = by_keeper ? "move to a rebuilt segment (keeper)" : "move to a rebuilt segment";
  operation.prepare = [owned, by_keeper](Child& child) {
    own_second(child, owned);
    child.attachment = &attach_here(second_path(child.rig));
    // A segment whose predecessor may still have users drains at first.
    child.attachment->view().header().drain.store(0);
    child.held = claim_by(*child.attachment, {kPlain, "CH_1", {}, {}}, child.outcome.reason);
    if (!by_keeper) rebuild_second(child, owned);
  };
  operation.run = [owned, by_keeper](Child& child) {
    if (!by_keeper) {
      child.attachment->succeed(child.outcome.code);
      return;
    }
    rebuild_second(child, owned);
    while (child.attachment->newest() == child.attachment) ::usleep(100);
  };
  operation.judge = [](const Rig& rig, const Outcome&) -> std::string {
    const OpenedSegment opened = open_segment(second_path(rig), Access::kReadOnly, read_boot_id());
    if (opened.code != Errc::kOk) return "no segment to move to";
    const SegmentView view = opened.view(Access::kReadOnly);
    std::uint32_t held = 0;
    for (std::uint32_t slot = 0; slot < view.slot_count(); ++slot)
      held += SlotWord{view.word(slot).load()}.is_held() ? 1U : 0U;
    return held == 1 ? "" : std::to_string(held) + " claims in the new segment";
  };
  operation.after = [](Rig& rig, Findings& findings) {
    const std::string path = second_path(rig);
    // The child is the broker too: killed between taking the old segment away and putting the new
    // one in its place, it leaves none.
    if (::access(path.c_str(), F_OK) != 0) return;
    const bool empty = holds_elsewhere([&] {
      Attachment& next = attach_here(path);
      next.reap();
      for (std::uint32_t slot = 0; slot < next.view().slot_count(); ++slot)
        if (!SlotWord{next.view().word(slot).load()}.is_free()) return false;
      return true;
    });
    if (!empty) findings.add("a dead owner's word is left in the new segment");
  };
  return operation;
}

/// The broker's start: its own entry, then the sweep for the dead.
Operation make_sweep() {
  const auto dead = std::make_shared<ProcessRef>();
  Operation operation;
  operation.name = "sweep at the broker's start";
  operation.others = Duties::kWithoutPublishing;
  operation.setup = [dead](Rig& rig) {
    *dead = rig.add_dead({{kPlain, "D_1", {}, {}}, {kMemory, {}, {}, {}}});
  };
  operation.prepare = [](Child& child) {
    child.table.emplace(child.rig.view(), read_self_identity(), true);
  };
  operation.run = [](Child& child) {
    const ProcessRef self = child.table->reserve(static_cast<std::uint32_t>(::getpid()));
    broker::WatchList watch_list(*child.table, self, make_silent_hooks());
    watch_list.sweep();
  };
  operation.judge = [dead](const Rig& rig, const Outcome&) -> std::string {
    const Reservation entry{rig.view().process(dead->index).reservation.load()};
    if (!entry.is_free()) return "the dead owner's entry is not free";
    return read_books(rig, Counted::kHeld).of_type[kPlain] == 1 ? "" : "a word is left";
  };
  return operation;
}

}  // namespace

std::vector<Operation> list_broker_steps() {
  std::vector<Operation> list;
  add_publishing(list);
  add_notice(list);
  list.push_back(make_creation());
  list.push_back(make_adoption());
  list.push_back(make_rebuilding());
  list.push_back(make_succession(Stepped::kMain));
  list.push_back(make_succession(Stepped::kCreated));
  list.push_back(make_sweep());
  return list;
}

}  // namespace slotd::crash
