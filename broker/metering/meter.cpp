#include "broker/metering/meter.hpp"

#include <algorithm>

namespace slotd::broker {

namespace {

/// What the last sample says of each slot, beside its charge.
void write_slot_samples(const SegmentView& view, const Account& account) {
  for (const AccountedSlot& slot : account.slots) {
    SlotSample& to = view.slot_sample(slot.facts.slot);
    const std::uint32_t generation = slot.facts.word.generation();
    const auto tagged = [&](std::optional<std::uint64_t> figure) {
      return figure ? TaggedFigure::make(generation, *figure).raw : 0;
    };
    to.measured.set(tagged(slot.charge.share_micro));
    std::optional<std::uint64_t> kib;
    if (slot.charge.share_bytes) kib = kib_of_bytes(*slot.charge.share_bytes);
    to.memory.set(tagged(kib));
    to.origin.set(tagged(static_cast<std::uint64_t>(slot.origin)));
  }
}

void write_owner_samples(const SegmentView& view, const Account& account) {
  for (const AccountedOwner& owner : account.owners) {
    ProcessEntry& to = view.process(owner.index);
    const auto tagged = [&](std::optional<std::uint64_t> figure) {
      return figure ? TaggedFigure::make(owner.attach, *figure).raw : 0;
    };
    to.measured.set(tagged(owner.figures.measured_micro));
    std::optional<std::uint64_t> kib;
    if (owner.figures.memory_bytes) kib = kib_of_bytes(*owner.figures.memory_bytes);
    to.memory.set(tagged(kib));
    to.origin.set(tagged(static_cast<std::uint64_t>(owner.origin)));
  }
}

bool has_figure(const AccountedOwner& owner) { return owner.figures.measured_micro.has_value(); }

}  // namespace

void publish_account(const SegmentView& view, const Account& account, Sample sample) {
  std::vector<ChargeWord> charges(view.slot_count());
  std::vector<std::uint64_t> memory(view.slot_count());
  for (const AccountedSlot& slot : account.slots) {
    charges[slot.facts.slot] = slot.charge.charge;
    memory[slot.facts.slot] = slot.charge.memory_bytes;
  }
  sample.charges = charges;
  sample.memory_held = memory;
  write_slot_samples(view, account);
  write_owner_samples(view, account);
  publish_sample(view, sample);
}

void Meter::configure(const Config& config, const LedgerSpec& spec) {
  rules_ = {spec.charge_mode, std::uint64_t{spec.hold_ms} * kNsPerMs, spec.memory_max_bytes != 0};
  memory_source_ = config.memory.source;
  externals_.clear();
  std::vector<std::string> paths;
  for (std::uint32_t group = 0; group < spec.groups.size(); ++group) {
    const LedgerGroup& known = spec.groups[group];
    const GroupSpec* asked = config.find_group(known.name);
    if (known.standing != Standing::kKnown || asked == nullptr || asked->external.empty()) continue;
    externals_.push_back({group, known.name, asked->external, known.limit});
    paths.push_back(asked->external);
  }
  counts_.follow(std::move(paths));
  counts_.poll();
}

/// Each owner's figures, as far as it ran before and after they were read: a number that passed to
/// another process in between is thrown away.
std::vector<MeasuredOwner> Meter::look(const WatchList& watches, const std::vector<bool>& holders,
                                       std::uint64_t now_ns, HostUsage& host) {
  std::vector<OwnerProbe> probes;
  const auto wanted = [&](std::uint32_t index) { return index < holders.size() && holders[index]; };
  for (const WatchList::Visible& owner : watches.list_visible(wanted))
    probes.push_back({owner.index, owner.attach, owner.pid});
  const UsageReport report = sampler_.sample(probes, now_ns, memory_source_);
  host = report.host;
  std::vector<MeasuredOwner> measured;
  for (std::size_t i = 0; i < report.owners.size(); ++i) {
    const OwnerUsage& owner = report.owners[i];
    if (watches.is_running(owner.index, owner.attach)) measured.push_back({owner, probes[i].pid});
  }
  return measured;
}

/// A count that cannot be read leaves no room in its group: what is not known is taken.
void Meter::add_external(Sample& sample, std::uint64_t now_ns) {
  unreadable_.clear();
  for (const External& external : externals_) {
    const auto count = counts_.latest(external.path, now_ns);
    if (!count) {
      sample.external_unreadable |= std::uint64_t{1} << external.group;
      unreadable_.push_back(external.name);
    }
    sample.external_use[external.group] =
        count.value_or(external.limit == kNoLimit ? 0 : external.limit);
  }
  counts_.poll();
}

bool Meter::has_news() const {
  const std::uint64_t now_ns = monotonic_ns();
  return std::any_of(externals_.begin(), externals_.end(), [&](const External& external) {
    return std::find(unreadable_.begin(), unreadable_.end(), external.name) != unreadable_.end() &&
           counts_.latest(external.path, now_ns).has_value();
  });
}

Beat Meter::beat(const ProcessTable& processes, const WatchList& watches) {
  const SegmentView& view = processes.view();
  Beat beat;
  beat.at_ns = monotonic_ns();
  const std::vector<MeasuredOwner> measured =
      look(watches, find_holders(view), beat.at_ns, beat.host);
  const std::uint64_t now_ns = processes.clock().coarse_ns();
  beat.account = accountant_.account(processes, measured, rules_, now_ns);
  const auto& owners = beat.account.owners;
  beat.is_measured =
      owners.empty() ? has_looked_ : std::any_of(owners.begin(), owners.end(), has_figure);
  has_looked_ = true;

  Sample sample;
  sample.sampled_at_ns = now_ns;
  if (beat.is_measured) sample.measured_micro = beat.account.measured_micro;
  if (beat.host.busy_micro) sample.host_busy_micro = *beat.host.busy_micro;
  if (beat.host.psi_cpu_some_ppb) sample.psi_cpu_ppb = *beat.host.psi_cpu_some_ppb;
  add_external(sample, beat.at_ns);
  publish_account(view, beat.account, sample);
  return beat;
}

}  // namespace slotd::broker
