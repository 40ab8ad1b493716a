// What people and tools want to know of a segment, read without changing it and without stopping
// anybody. Works on a read-only mapping and while the broker is down. Not for deciding claims.
// Allocates; never blocks; one process may be killed or stopped anywhere without spoiling a
// snapshot: what does not belong together is left out, not guessed.
//
// The words are read until two passes agree (at most kSnapshotPasses); else the snapshot says that
// it is unstable.
#pragma once

#include <algorithm>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "slotd/claim.hpp"
#include "slotd/layout.hpp"
#include "slotd/ledger.hpp"
#include "slotd/notices.hpp"
#include "slotd/process_table.hpp"
#include "slotd/scan.hpp"
#include "slotd/segment_view.hpp"
#include "slotd/slot_table.hpp"
#include "slotd/snapshot_values.hpp"
#include "slotd/token.hpp"
#include "slotd/waiters.hpp"

namespace slotd::inline v0_1 {

inline constexpr int kSnapshotPasses = 16;
inline constexpr int kRecordAttempts = 4;

/// Sums over all process entries and the node's record, by type. Entries that were never used are
/// not touched.
inline NodeTotals read_totals_by_type(const SegmentView& view) {
  NodeTotals totals;
  for (std::uint32_t index = 1; index <= view.process_count(); ++index) {
    // The last one is the broker's, and has what was carried over from a lost segment.
    const bool is_used = index == view.process_count() ||
                         view.process(index).attach.load(std::memory_order_acquire) != 0;
    if (!is_used) continue;
    const CounterBlock& block = view.counters(index);
    for (const CounterSet* set : {&block.primary, &block.shared}) {
      totals.reaped += set->reaped.get();
      totals.stale += set->stale.get();
      for (std::uint32_t type = 0; type < kMaxTypes; ++type) {
        totals.types[type].claims += set->claims[type].get();
        totals.types[type].releases += set->releases[type].get();
      }
    }
  }
  const NodeRecord& node = view.node();
  for (const RefusalCounts& shard : node.refusals) {
    for (std::uint32_t type = 0; type <= kMaxTypes; ++type) {
      for (std::size_t reason = 0; reason < kReasons; ++reason)
        totals.types[type].refusals[reason] += shard.by_type[type][reason].get();
    }
  }
  for (std::uint32_t type = 0; type < kMaxTypes; ++type) {
    TypeTotals& to = totals.types[type];
    to.reaped = node.reaped[type].get();
    to.forced = node.forced[type].get();
    to.hold = read_histogram(node.hold[type]);
    to.wait = read_histogram(node.wait[type]);
    // Short holds are counted by what has ended alone: see NodeRecord::hold.
    const std::uint64_t ended = to.releases + to.reaped + to.forced;
    const std::uint64_t longer = to.hold.count() - to.hold.counts[0];
    to.hold.counts[0] = ended > longer ? ended - longer : 0;
  }
  totals.reap = read_histogram(node.reap);
  return totals;
}

/// The same, summed over types.
inline CounterTotals read_counters(const SegmentView& view) {
  const NodeTotals node = read_totals_by_type(view);
  CounterTotals totals;
  totals.reaped = node.reaped;
  totals.stale = node.stale;
  for (const TypeTotals& type : node.types) {
    totals.claims += type.claims;
    totals.releases += type.releases;
    for (std::size_t reason = 0; reason < kReasons; ++reason)
      totals.refusals[reason] += type.refusals[reason];
  }
  return totals;
}

namespace detail {

class SnapshotReader {
 public:
  explicit SnapshotReader(const ProcessTable& processes)
      : processes_(processes), view_(processes.view()), now_ns_(processes.clock().coarse_ns()) {}

  Snapshot read() {
    for (int attempt = 0; attempt < kRecordAttempts; ++attempt) {
      out_ = Snapshot{};
      by_type_ = {};
      pending_by_type_ = {};
      read_words();
      read_ledger();
      read_processes();
      if (read_slots()) break;
      out_.stable = false;  // rows whose claim ended meanwhile are left out
    }
    read_waiters();
    read_types();
    read_groups();
    read_broker();
    out_.counters = read_counters(view_);
    return std::move(out_);
  }

 private:
  double age_s(std::uint64_t since_ns) const noexcept {
    return since_ns == 0 || since_ns > now_ns_ ? 0.0
                                               : static_cast<double>(now_ns_ - since_ns) / 1e9;
  }

  void read_words() {
    words_.resize(view_.slot_count());
    std::vector<std::uint64_t> previous;
    for (int pass = 0; pass < kSnapshotPasses; ++pass) {
      previous = words_;
      for (std::uint32_t slot = 0; slot < view_.slot_count(); ++slot) {
        words_[slot] = view_.word(slot).load(std::memory_order_acquire);
      }
      stamp_ = load_stamp(view_, 0);
      if (pass > 0 && previous == words_) return;
    }
    out_.stable = false;
  }

  void read_ledger() {
    const ConfigBlock& config = view_.config(stamp_.config_epoch);
    const SampleBlock& sample = view_.sample(stamp_.sample_epoch);
    out_.capacities = view_.capacities();
    out_.segment_id = view_.segment_id();
    out_.capacity_micro = config.capacity_micro.get();
    out_.budget_micro = config.budget_micro.get();
    out_.memory_max_bytes = config.memory_max_bytes.get();
    out_.memory_headroom_bytes = config.memory_headroom_bytes.get();
    out_.memory_used_bytes = sample.memory_used_bytes.get();
    out_.measured_micro = sample.measured_micro.get();
    out_.host_busy_micro = sample.host_busy_micro.get();
    out_.psi_cpu_ppb = sample.psi_cpu_ppb.get();
    type_count_ = std::min(config.type_count.get(), kMaxTypes);
    group_count_ = std::min(config.group_count.get(), kMaxGroups);
    broker_down_ = processes_.is_broker_down();
  }

  void read_processes() {
    for (std::uint32_t index = 1; index <= view_.process_count(); ++index) {
      const ProcessRef tenant = processes_.find_tenant(index);
      if (!tenant) continue;
      const ProcessEntry& entry = view_.process(index);
      const Reservation reservation{entry.reservation.load(std::memory_order_acquire)};
      ProcessSnapshot process;
      process.index = index;
      process.pid = static_cast<int>(reservation.pid());
      process.pid_ns_inode = reservation.pid_ns_inode();
      process.uid = entry.uid.get();
      process.name = std::string(text_view(load_text(entry.name)));
      process.watched = entry.watched.load(std::memory_order_acquire) == tenant.attach;
      process.attached_age_s = age_s(entry.attached_at_ns.get());
      process.measured_micro = load_figure(entry.measured, tenant.attach);
      if (const auto kib = load_figure(entry.memory, tenant.attach))
        process.memory_bytes = bytes_of_kib(*kib);
      process.origin = load_origin(entry.origin, tenant.attach);
      const auto presence =
          read_presence_value(entry.presence.load(std::memory_order_acquire), tenant.attach);
      process.liveness = presence == PresenceState::kAlive ? Liveness::kPresence : Liveness::kPid;
      if (processes_.judge_owner(tenant, ProbeMode::kPidfd) != OwnerLife::kAlive)
        process.liveness = Liveness::kDead;
      out_.processes.push_back(std::move(process));
    }
  }

  ProcessSnapshot* find_process(std::uint32_t index) {
    const auto at =
        std::lower_bound(out_.processes.begin(), out_.processes.end(), index,
                         [](const ProcessSnapshot& p, std::uint32_t i) { return p.index < i; });
    return at != out_.processes.end() && at->index == index ? &*at : nullptr;
  }

  /// False when a claim ended, or changed hands, between the passes and the look at its record.
  bool read_slots() {
    bool all = true;
    for (std::uint32_t index = 0; index < words_.size(); ++index) {
      const SlotWord word{words_[index]};
      if (!word.is_held()) continue;
      const SlotRecord& record = view_.record(index);
      SlotSnapshot slot;
      slot.slot = index;
      slot.word = word;
      slot.type = type_name(word.type());
      slot.token = format_token({view_.segment_id(), index, record.nonce.get(), word.generation()});
      const auto key = load_text(record.key);
      const std::uint64_t fingerprint =
          view_.key_fingerprint(index).load(std::memory_order_relaxed);
      // A claim without a key may find an old text in the record; the fingerprint says whether it
      // is meant.
      if (!text_view(key).empty() && fingerprint == key_fingerprint(text_view(key)))
        slot.key = text_view(key);
      slot.memory_bytes = record.memory_bytes.get();
      slot.age_s = age_s(record.claimed_at_ns.get());
      const std::uint64_t nonce = record.nonce.get();
      const std::uint64_t active_ms = unpack_activation_ms(nonce, record.activated.get());
      if (active_ms != 0) slot.active_s = age_s(active_ms * kNsPerMs);
      slot.reported = load_report(view_, index, nonce, now_ns_);
      if (!is_record_of(view_, index, word, RecordTrust::kCertain)) {
        all = false;
        continue;
      }
      const ChargeWord charge = load_charge(view_, stamp_, index);
      slot.charge_micro = charge_micro(word, charge, broker_down_);
      if (charge.matches(word) && slot.charge_micro != reserved_micro(word)) {
        if ((charge.flags() & ChargeWord::kMeasured) != 0)
          slot.charge_origin = ChargeOrigin::kMeasured;
        if ((charge.flags() & ChargeWord::kReported) != 0)
          slot.charge_origin = ChargeOrigin::kReported;
      }
      read_sample(slot);
      add_to_sums(slot, charge);
      out_.slots.push_back(std::move(slot));
    }
    return all;
  }

  static std::optional<std::uint64_t> load_figure(const Cell<std::uint64_t>& cell,
                                                  std::uint64_t tag) noexcept {
    const TaggedFigure figure{cell.get()};
    return figure.is_of(tag) ? std::optional<std::uint64_t>(figure.figure()) : std::nullopt;
  }
  static UsageOrigin load_origin(const Cell<std::uint64_t>& cell, std::uint64_t tag) noexcept {
    const std::uint64_t value = load_figure(cell, tag).value_or(0);
    return value <= static_cast<std::uint64_t>(UsageOrigin::kClock)
               ? static_cast<UsageOrigin>(value)
               : UsageOrigin::kNone;
  }

  void read_sample(SlotSnapshot& slot) const {
    const SlotSample& sample = view_.slot_sample(slot.slot);
    const std::uint32_t generation = slot.word.generation();
    slot.measured_micro = load_figure(sample.measured, generation);
    if (const auto kib = load_figure(sample.memory, generation))
      slot.measured_memory_bytes = bytes_of_kib(*kib);
    slot.origin = load_origin(sample.origin, generation);
    if (!broker_down_) slot.notice = load_notice(sample, generation);
  }

  void add_to_sums(SlotSnapshot& slot, ChargeWord charge) {
    if (ProcessSnapshot* owner = find_process(slot.word.owner())) {
      slot.owner_pid = owner->pid;
      slot.owner_name = owner->name;
      slot.owner_dead = owner->liveness == Liveness::kDead;
      ++owner->slots;
    } else {
      slot.owner_dead = true;
    }
    out_.charged_micro = add_saturating(out_.charged_micro, slot.charge_micro);
    const bool sampled =
        charge.matches(slot.word) && (charge.flags() & ChargeWord::kMemorySampled) != 0;
    const std::uint64_t counted =
        sampled ? view_.memory_held(stamp_.sample_epoch)[slot.slot].load(std::memory_order_relaxed)
                : slot.memory_bytes;
    // What of it is in use. Where memory is not ruled nothing is counted, but it is shown.
    const bool is_used = slot.measured_memory_bytes && (sampled || out_.memory_max_bytes == 0);
    const std::uint64_t used = is_used ? *slot.measured_memory_bytes : 0;
    const bool is_shown_alone = is_used && !sampled;
    slot.memory_pending_bytes = is_shown_alone || used >= counted ? 0 : counted - used;
    out_.memory_used_bytes = add_saturating(out_.memory_used_bytes, used);
    out_.memory_pending_bytes =
        add_saturating(out_.memory_pending_bytes, slot.memory_pending_bytes);
    ++by_type_[slot.word.type()];
    if (slot.word.state() == SlotState::kPending) ++pending_by_type_[slot.word.type()];
  }

  std::string type_name(std::uint32_t type) const {
    return std::string(text_view(load_text(view_.type_name(type).name)));
  }

  std::uint32_t sum_by_mask(const std::array<std::uint32_t, kMaxTypes>& counts,
                            std::uint32_t mask) const noexcept {
    std::uint32_t sum = 0;
    for (std::uint32_t type = 0; type < kMaxTypes; ++type)
      sum += ((mask >> type) & 1U) * counts[type];
    return sum;
  }

  void read_waiters() {
    const std::uint64_t now_ms = now_ns_ / kNsPerMs;
    const WaiterQueue queue(processes_, now_ms);
    for (const QueuedClaim& claim : queue) {
      const WaiterEntry& entry = view_.waiter(claim.entry);
      const WaiterHolder holder{entry.holder.load(std::memory_order_acquire)};
      WaiterSnapshot waiter;
      waiter.entry = claim.entry;
      waiter.type = type_name(claim.request.type);
      if (const ProcessSnapshot* owner = find_process(holder.owner())) {
        waiter.pid = owner->pid;
        waiter.name = owner->name;
      }
      waiter.priority = claim.priority;
      waiter.ticket = claim.ticket;
      waiter.cost_milli = claim.request.cost_milli;
      waiter.memory_bytes = claim.request.memory_bytes;
      waiter.waited_s = static_cast<double>(claim.waited_ms) / 1e3;
      waiter.is_told = WaiterTold{entry.told.load(std::memory_order_acquire)}.is_running(now_ms);
      waiter.has_missed = claim.has_missed;
      out_.waiters.push_back(std::move(waiter));
      ++waiting_by_type_[claim.request.type];
    }
  }

  void read_types() {
    const ConfigBlock& config = view_.config(stamp_.config_epoch);
    for (std::uint32_t index = 0; index < type_count_; ++index) {
      const TypeConfig& from = config.types[index];
      const std::uint32_t base = from.base.get() & (kMaxTypes - 1U);
      const std::uint64_t word = view_.limit_override(base).word.load(std::memory_order_acquire);
      TypeSnapshot type;
      type.index = index;
      type.name = type_name(index);
      if (base != index) type.counts_as = type_name(base);
      type.retired = from.flags.get() != TypeConfig::kKnown;
      type.draining =
          (stamp_.drain & (kDrainAll | kDrainRebuild)) != 0 || ((stamp_.drain >> index) & 1U) != 0;
      type.configured_limit = from.limit.get();
      type.overridden = word != 0;
      type.limit = word != 0 ? static_cast<std::uint32_t>(word - 1U) : type.configured_limit;
      type.in_use = sum_by_mask(by_type_, from.family_mask.get());
      type.pending = sum_by_mask(pending_by_type_, from.family_mask.get());
      type.waiting = waiting_by_type_[index];
      type.cost_milli = from.cost_milli.get();
      type.minimum = from.minimum.get();
      type.memory_bytes = from.memory_bytes.get();
      const ClaimRequest request{make_request(view_, index), {}, true};
      type.verdict = Claim(processes_, {}, request, 0, 0).look();
      out_.types.push_back(std::move(type));
    }
  }

  void read_groups() {
    const ConfigBlock& config = view_.config(stamp_.config_epoch);
    const SampleBlock& sample = view_.sample(stamp_.sample_epoch);
    for (std::uint32_t index = 0; index < group_count_; ++index) {
      const GroupConfig& from = config.groups[index];
      if (from.flags.get() == 0) continue;
      GroupSnapshot group;
      group.index = index;
      group.name = std::string(text_view(load_text(view_.group_name(index).name)));
      group.limit = from.limit.get();
      group.external = sample.external_use[index].get();
      group.external_unreadable = ((sample.external_unreadable.get() >> index) & 1U) != 0;
      group.in_use = group.external_unreadable ? 0 : group.external;
      for (std::uint32_t type = 0; type < kMaxTypes; ++type) {
        group.in_use =
            add_saturating(group.in_use, std::uint64_t{from.weights[type].get()} * by_type_[type]);
      }
      out_.groups.push_back(std::move(group));
    }
  }

  void read_broker() {
    out_.broker.version = std::string(text_view(load_text(view_.header().version)));
    const std::uint64_t sampled_at = view_.sample(stamp_.sample_epoch).sampled_at_ns.get();
    if (sampled_at != 0) out_.broker.sample_age_s = age_s(sampled_at);
    out_.broker.is_sample_stale = processes_.is_sample_stale();
    if (broker_down_) return;
    const bool draining = (stamp_.drain & (kDrainAll | kDrainRebuild)) != 0;
    out_.broker.state = draining ? BrokerState::kDraining : BrokerState::kReady;
    const ProcessRef broker =
        unpack_process_ref(view_.header().broker.load(std::memory_order_acquire));
    if (const ProcessSnapshot* process = find_process(broker.index)) out_.broker.pid = process->pid;
  }

  const ProcessTable& processes_;
  const SegmentView& view_;
  std::uint64_t now_ns_;
  Snapshot out_;
  std::vector<std::uint64_t> words_;
  LedgerStamp stamp_;
  std::uint32_t type_count_ = 0;
  std::uint32_t group_count_ = 0;
  bool broker_down_ = true;
  std::array<std::uint32_t, kMaxTypes> by_type_{};
  std::array<std::uint32_t, kMaxTypes> pending_by_type_{};
  std::array<std::uint32_t, kMaxTypes> waiting_by_type_{};
};

}  // namespace detail

/// Reads everything. `processes` may be over a read-only view; its `self` is the caller, for
/// judging pids of its namespace.
inline Snapshot read_snapshot(const ProcessTable& processes) {
  return detail::SnapshotReader(processes).read();
}

}  // namespace slotd::inline v0_1
