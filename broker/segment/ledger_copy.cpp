#include "broker/segment/ledger_copy.hpp"

#include <map>

#include "slotd/record_write.hpp"
#include "slotd/slot_table.hpp"

namespace slotd::broker {

namespace {

/// An owner that may have slots: in use, not marked. Nothing otherwise.
std::optional<OwnerCopy> copy_owner(const ProcessTable& processes, std::uint32_t index) {
  const ProcessRef tenant = processes.find_tenant(index);
  if (!tenant || processes.judge_owner(tenant, ProbeMode::kMarkOnly) != OwnerLife::kAlive)
    return std::nullopt;
  const ProcessEntry& entry = processes.view().process(index);
  OwnerCopy owner;
  owner.index = index;
  owner.reservation = Reservation{entry.reservation.load(std::memory_order_acquire)};
  owner.start_ticks = untag_value(tenant.attach, entry.start_ticks.get());
  owner.time_ns_inode = untag_value(tenant.attach, entry.time_ns_inode.get());
  owner.uid = entry.uid.get();
  owner.name = text_view(load_text(entry.name));
  return owner;
}

std::optional<SlotCopy> copy_slot(const SegmentView& view, std::uint32_t slot) {
  SlotCopy copy;
  copy.slot = slot;
  copy.word = SlotWord{view.word(slot).load(std::memory_order_acquire)};
  if (!copy.word.is_held() || copy.word.state() > SlotState::kEnding) return std::nullopt;
  const SlotRecord& record = view.record(slot);
  copy.key = text_view(load_text(record.key));
  copy.memory_bytes = record.memory_bytes.get();
  copy.nonce = record.nonce.get();
  copy.claimed_at_ns = record.claimed_at_ns.get();
  copy.activated = record.activated.get();
  std::atomic_thread_fence(std::memory_order_acquire);
  const SlotWord after{view.word(slot).load(std::memory_order_relaxed)};
  if (!after.same_claim(copy.word) || copy.nonce == 0) return std::nullopt;
  if (!copy.key.empty() && !is_valid_key(copy.key)) copy.key.clear();
  return copy;
}

/// Takes the entry for an owner known by pid. Precondition: nobody else sees the segment.
ProcessRef put_owner(const SegmentView& view, std::uint32_t index, const OwnerCopy& owner) {
  ProcessEntry& entry = view.process(index);
  const std::uint64_t attach = entry.attach.load(std::memory_order_relaxed) + 1;
  const ProcessRef ref{index, attach};
  const auto tenancy = static_cast<std::uint32_t>(attach >> 1);
  entry.reservation.store(
      Reservation::make(owner.reservation.pid(), owner.reservation.pid_ns_inode(), tenancy).raw,
      std::memory_order_relaxed);
  entry.attach.store(attach, std::memory_order_relaxed);
  entry.uid.set(owner.uid);
  store_text(entry.name, owner.name);
  entry.time_ns_inode.set(tag_value(attach, owner.time_ns_inode));
  entry.start_ticks.set(tag_value(attach, owner.start_ticks));
  entry.made_by_pid.set(tag_value(attach, 1));
  return ref;
}

void put_slot(const SegmentView& view, const SlotCopy& copy, std::uint32_t owner) {
  freeze_record(view, copy.slot, copy.key, key_fingerprint(copy.key), copy.memory_bytes);
  SlotRecord& record = view.record(copy.slot);
  record.nonce.set(copy.nonce);
  record.claimed_at_ns.set(copy.claimed_at_ns);
  record.activated.set(copy.activated);
  raise_mark(view, copy.slot);
  const SlotWord word = SlotWord::make(owner, copy.word.state(), copy.word.type(),
                                       copy.word.cost_milli(), copy.word.generation());
  view.word(copy.slot).store(word.raw, std::memory_order_release);
}

void put_histogram(Histogram& to, const HistogramValues& values) {
  for (std::size_t i = 0; i < kBuckets; ++i) to.counts[i].set(values.counts[i]);
  to.sum_us.set(values.sum_us);
}

void put_totals(const SegmentView& view, const NodeTotals& totals) {
  CounterSet& set = view.counters(view.process_count()).shared;
  NodeRecord& node = view.node();
  set.reaped.set(totals.reaped);
  set.stale.set(totals.stale);
  for (std::uint32_t type = 0; type <= kMaxTypes; ++type) {
    for (std::size_t reason = 0; reason < kReasons; ++reason)
      node.refusals[0].by_type[type][reason].set(totals.types[type].refusals[reason]);
  }
  for (std::uint32_t type = 0; type < kMaxTypes; ++type) {
    const TypeTotals& from = totals.types[type];
    set.claims[type].set(from.claims);
    set.releases[type].set(from.releases);
    node.reaped[type].set(from.reaped);
    node.forced[type].set(from.forced);
    put_histogram(node.hold[type], from.hold);
    // Short holds are not kept in it: see NodeRecord::hold.
    node.hold[type].counts[0].set(0);
    put_histogram(node.wait[type], from.wait);
  }
  put_histogram(node.reap, totals.reap);
}

void put_broker(BrokerRecord& record, const BrokerTotals& totals) {
  record.starts.set(totals.starts);
  record.rebuilds.set(totals.rebuilds);
  record.reloads.set(totals.reloads);
  record.reload_failures.set(totals.reload_failures);
  record.is_last_reload_ok.set(totals.is_last_reload_ok ? 1 : 0);
  record.reloaded_at_s.set(totals.reloaded_at_s);
  record.notices.set(totals.notices);
  record.signals.set(totals.signals);
}

/// Is the owner still known by pid alone? A process that has come itself ends its claims itself,
/// and in the old segment it looks dead.
bool is_unclaimed_entry(const SegmentView& view, std::uint32_t index) {
  if (index == kNobody || index > view.process_count()) return false;
  const ProcessEntry& entry = view.process(index);
  const std::uint64_t attach = entry.attach.load(std::memory_order_acquire);
  return read_presence_value(entry.presence.load(std::memory_order_acquire), attach) ==
         PresenceState::kUnarmed;
}

}  // namespace

LedgerCopy copy_ledger(const ProcessTable& processes) {
  const SegmentView& view = processes.view();
  LedgerCopy copy;
  copy.token_segment_id = view.token_segment_id();
  copy.drain = view.header().drain.load(std::memory_order_acquire) & ~kDrainRebuild;
  for (std::uint32_t type = 0; type < kMaxTypes; ++type)
    copy.overrides[type] = view.limit_override(type).word.load(std::memory_order_acquire);
  copy.totals = read_totals_by_type(view);
  copy.broker = read_broker_totals(view.node().broker);
  std::map<std::uint32_t, std::optional<OwnerCopy>> owners;
  const std::uint32_t mark = view.mark();
  for (std::uint32_t slot = 0; slot < mark; ++slot) {
    copy.generations.push_back(
        SlotWord{view.word(slot).load(std::memory_order_acquire)}.generation());
    auto held = copy_slot(view, slot);
    if (!held || !processes.is_index(held->word.owner())) continue;
    const std::uint32_t index = held->word.owner();
    if (owners.find(index) == owners.end()) owners[index] = copy_owner(processes, index);
    if (owners[index]) copy.slots.push_back(std::move(*held));
  }
  for (auto& [index, owner] : owners) {
    if (owner) copy.owners.push_back(std::move(*owner));
  }
  return copy;
}

std::uint32_t drop_ended_since(const SegmentView& old, const SegmentView& now,
                               const LedgerCopy& copy) {
  std::uint32_t dropped = 0;
  for (const SlotCopy& slot : copy.slots) {
    const SlotWord before{old.word(slot.slot).load(std::memory_order_acquire)};
    const std::uint32_t generation = slot.word.generation();
    // A change of owner in a retired segment counts for nothing: the caller was told so.
    if (!before.is_free() || before.generation() != generation) continue;
    const auto held = load_claim(now, {slot.slot, generation, slot.nonce});
    if (!held || !is_unclaimed_entry(now, held->owner())) continue;
    std::uint64_t expected = held->raw;
    if (now.word(slot.slot).compare_exchange_strong(expected, held->freed().raw,
                                                    std::memory_order_seq_cst)) {
      ++dropped;
    }
  }
  return dropped;
}

std::uint32_t import_ledger(const SegmentView& view, const LedgerCopy& copy,
                            const IsVisible& is_visible) {
  view.header().token_segment_id.set(copy.token_segment_id);
  for (std::uint32_t slot = 0; slot < copy.generations.size() && slot < view.slot_count(); ++slot) {
    const SlotWord free = SlotWord::make(0, SlotState::kFree, 0, 0, copy.generations[slot]);
    view.word(slot).store(free.raw, std::memory_order_relaxed);
  }
  view.header().drain.store(copy.drain, std::memory_order_relaxed);
  for (std::uint32_t type = 0; type < kMaxTypes; ++type)
    view.limit_override(type).word.store(copy.overrides[type], std::memory_order_relaxed);
  put_totals(view, copy.totals);
  put_broker(view.node().broker, copy.broker);
  std::map<std::uint32_t, std::uint32_t> entries;  // old index -> new one
  std::uint32_t next = 1;
  for (const OwnerCopy& owner : copy.owners) {
    // The last entry is the broker's own.
    if (next >= view.process_count()) break;
    if (is_visible(owner)) entries[owner.index] = put_owner(view, next++, owner).index;
  }
  const std::uint64_t epoch = view.header().config_epoch.load(std::memory_order_relaxed);
  std::uint32_t count = 0;
  for (const SlotCopy& slot : copy.slots) {
    const auto entry = entries.find(slot.word.owner());
    if (entry == entries.end() || slot.slot >= view.slot_count()) continue;
    if (slot.word.type() >= view.config(epoch).type_count.get()) continue;
    put_slot(view, slot, entry->second);
    ++count;
  }
  return count;
}

}  // namespace slotd::broker
