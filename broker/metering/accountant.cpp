#include "broker/metering/accountant.hpp"

#include <algorithm>
#include <set>

#include "slotd/admission.hpp"

namespace slotd::broker {

namespace {

UsageOrigin origin_of(UsageSource source) {
  switch (source) {
    case UsageSource::kTree:
      return UsageOrigin::kTree;
    case UsageSource::kCgroup:
      return UsageOrigin::kCgroup;
    case UsageSource::kClock:
      return UsageOrigin::kClock;
    case UsageSource::kNone:
      break;
  }
  return UsageOrigin::kNone;
}

}  // namespace

std::vector<bool> find_holders(const SegmentView& view) {
  std::vector<bool> holders(view.process_count() + 1U);
  for (std::uint32_t slot = 0; slot < view.mark(); ++slot) {
    const SlotWord word{view.word(slot).load(std::memory_order_acquire)};
    if (word.is_held() && word.owner() < holders.size()) holders[word.owner()] = true;
  }
  return holders;
}

/// The sums count a process once, whatever number of entries it has.
void Accountant::take_owners(const std::vector<MeasuredOwner>& measured, std::uint64_t now_ns,
                             Account& account) {
  std::set<int> counted;
  for (const MeasuredOwner& owner : measured) {
    const AccountedOwner taken = take_figures(owner.usage, now_ns);
    account.owners.push_back(taken);
    if (!counted.insert(owner.pid).second) continue;
    account.measured_micro =
        add_saturating(account.measured_micro, taken.figures.measured_micro.value_or(0));
    account.memory_used_bytes =
        add_saturating(account.memory_used_bytes, taken.figures.memory_bytes.value_or(0));
  }
  std::erase_if(owners_, [&](const auto& known) {
    return std::none_of(account.owners.begin(), account.owners.end(),
                        [&](const auto& owner) { return owner.index == known.first; });
  });
}

Account Accountant::account(const ProcessTable& processes,
                            const std::vector<MeasuredOwner>& measured, const ChargeRules& rules,
                            std::uint64_t now_ns) {
  Account account;
  take_owners(measured, now_ns, account);
  std::map<std::pair<std::uint32_t, std::uint64_t>, std::size_t> places;
  for (std::size_t i = 0; i < account.owners.size(); ++i)
    places[{account.owners[i].index, account.owners[i].attach}] = i;

  account.slots = read_slots(processes, now_ns);
  // By process where that is known, so that its use is split once; else by entry.
  std::map<std::pair<bool, std::uint32_t>, std::vector<std::size_t>> shares;
  for (std::size_t i = 0; i < account.slots.size(); ++i) {
    const AccountedSlot& slot = account.slots[i];
    const auto known = places.find({slot.owner, slot.attach});
    const bool is_known = known != places.end();
    shares[{is_known,
            is_known ? static_cast<std::uint32_t>(measured[known->second].pid) : slot.owner}]
        .push_back(i);
  }
  for (const auto& [key, members] : shares) {
    const AccountedSlot& first = account.slots[members.front()];
    const AccountedOwner owner =
        key.first ? account.owners[places[{first.owner, first.attach}]] : AccountedOwner{};
    std::vector<SlotFacts> facts;
    for (const std::size_t member : members) facts.push_back(account.slots[member].facts);
    const std::vector<SlotCharge> charges = charge_owner(rules, owner.figures, facts);
    for (std::size_t i = 0; i < members.size(); ++i) {
      account.slots[members[i]].charge = charges[i];
      account.slots[members[i]].origin = owner.origin;
    }
  }
  return account;
}

/// Only slots whose record belongs to the word that was read; the others are charged what they
/// reserved until the next sample.
std::vector<AccountedSlot> Accountant::read_slots(const ProcessTable& processes,
                                                  std::uint64_t now_ns) {
  const SegmentView& view = processes.view();
  const std::uint64_t epoch = view.header().sample_epoch.load(std::memory_order_acquire);
  std::vector<AccountedSlot> slots;
  for (std::uint32_t slot = 0; slot < view.mark(); ++slot) {
    const SlotWord word{view.word(slot).load(std::memory_order_acquire)};
    if (!word.is_held()) {
      activity_.erase(slot);
      continue;
    }
    const SlotRecord& record = view.record(slot);
    AccountedSlot held;
    held.owner = word.owner();
    held.facts.slot = slot;
    held.facts.word = word;
    held.facts.memory_cost_bytes = record.memory_bytes.get();
    const std::uint64_t nonce = record.nonce.get();
    if (word.has_begun()) held.facts.active_ns = find_active_ns(view, slot, nonce, now_ns);
    held.facts.reported = load_report(view, slot, nonce, now_ns);
    held.facts.charged = ChargeWord{view.charges(epoch)[slot].load(std::memory_order_relaxed)};
    std::atomic_thread_fence(std::memory_order_acquire);  // the fields were read before this load
    const SlotWord again{view.word(slot).load(std::memory_order_relaxed)};
    if (!again.is_held() || again.generation() != word.generation()) continue;
    if (processes.is_index(held.owner)) held.attach = processes.find_tenant(held.owner).attach;
    slots.push_back(held);
  }
  return slots;
}

/// How long the claim has been active. Where its record does not say when it began, or says a time
/// to come, it began when it was first seen so.
std::uint64_t Accountant::find_active_ns(const SegmentView& view, std::uint32_t slot,
                                         std::uint64_t nonce, std::uint64_t now_ns) {
  const std::uint64_t at_ms = unpack_activation_ms(nonce, view.record(slot).activated.get());
  if (at_ms != 0 && at_ms * kNsPerMs <= now_ns) return now_ns - at_ms * kNsPerMs;
  Activity& activity = activity_[slot];
  if (activity.nonce != nonce || activity.since_ns > now_ns) activity = {nonce, now_ns};
  return now_ns - activity.since_ns;
}

AccountedOwner Accountant::take_figures(const OwnerUsage& usage, std::uint64_t now_ns) {
  Owner& known = owners_[usage.index];
  if (known.attach != usage.attach) known = {usage.attach, std::nullopt, now_ns};
  if (usage.cpu_micro) {
    const std::uint64_t elapsed_ns = now_ns > known.sampled_ns ? now_ns - known.sampled_ns : 0;
    known.smoothed_micro = smooth_micro(known.smoothed_micro, *usage.cpu_micro, elapsed_ns);
  } else {
    known.smoothed_micro.reset();
  }
  known.sampled_ns = now_ns;
  return {usage.index,
          usage.attach,
          {usage.cpu_micro, known.smoothed_micro, usage.memory_bytes},
          origin_of(usage.source)};
}

}  // namespace slotd::broker
