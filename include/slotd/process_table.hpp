// The process table: who may own slots, how an entry comes and goes, and whose death is proven.
//
// An entry's life is told by two words. `reservation` says who (pid, PID namespace, tenancy number,
// 10 bits); `attach` says which tenancy: odd while it lasts, even while it is being ended or the
// entry is free.
//
//   free        reservation {0, 0, n}      attach 2n        ->  CAS reservation   (reserve)
//   reserving   reservation {pid, ns, n}   attach 2n        ->  CAS attach        (reserve)
//   in use      reservation {pid, ns, n}   attach 2n+1      ->  CAS attach        (recycle, owner
//   proven gone) ending      reservation {pid, ns, n}   attach 2n+2      ->  no hazard names it,
//   all its words freed, CAS reservation free        reservation {0, 0, n+1}    attach 2n+2
//
// (n modulo 1024 in the reservation.) A step that is never finished, because its process died or
// stopped, can be finished by anybody: `ending` needs no new proof. Everything that a tenant writes
// about itself carries its attach tag, so that a late write of an earlier tenant cannot be taken
// for the present one's.
//
// Change of owner: who is about to write another entry's index into a slot word publishes the index
// as a hazard in its own entry first and then looks whether the target's attach number is still the
// same; the recycler changes the attach number first and then looks for hazards. Both with seq_cst,
// so one of them sees the other.
//
// Thread-safe; never blocks; no allocation. System calls (pidfd, /proc) only where
// ProbeMode::kPidfd is asked for. A process killed at any instruction leaves an entry that
// recycle() frees once the death is proven.
#pragma once

#include <cstdint>
#include <optional>

#include "slotd/clock.hpp"
#include "slotd/events.hpp"
#include "slotd/layout.hpp"
#include "slotd/presence.hpp"
#include "slotd/process_entry.hpp"
#include "slotd/process_probe.hpp"
#include "slotd/segment_view.hpp"

namespace slotd::inline v0_1 {

inline constexpr std::uint64_t kRecheckNs = 100 * kNsPerMs;
/// How long after a mark the threads of a process that nobody can see are given to end. Measured:
/// no user-mode write of a sibling thread after the mark in 600 kills; teardown of 4 GiB takes 0.2
/// s.
inline constexpr std::int32_t kQuarantineSeconds = 10;

class ProcessTable {
 public:
  ProcessTable() = default;
  /// `self` is the calling process; `acts_as_broker` lets it recycle the entries that the broker
  /// watches.
  ProcessTable(const SegmentView& view, const SelfIdentity& self, bool acts_as_broker) noexcept
      : view_(view), self_(self), clock_(self.clock_offset_ns), acts_as_broker_(acts_as_broker) {}

  const SegmentView& view() const noexcept { return view_; }
  const SelfIdentity& self() const noexcept { return self_; }
  const HostClock& clock() const noexcept { return clock_; }
  bool acts_as_broker() const noexcept { return acts_as_broker_; }

  bool is_index(std::uint32_t index) const noexcept {
    return index != kNobody && index <= view_.process_count();
  }

  /// Takes a free entry for a process of this PID namespace (itself, or one that it binds a slot
  /// to), in phase kInUse but unarmed. Frees entries of the dead when none is free.
  /// kProcessTableFull otherwise. The caller writes the identity next.
  ProcessRef reserve(std::uint32_t pid) const noexcept {
    // The last entry is the broker's: workers that fill the table must not keep a broker out.
    const std::uint32_t first = acts_as_broker_ ? view_.process_count() : 1;
    const std::uint32_t end = acts_as_broker_ ? first + 1 : view_.process_count();
    for (int round = 0; round < 2; ++round) {
      for (std::uint32_t index = first; index < end; ++index) {
        const std::uint64_t attach = try_reserve(index, pid);
        if (attach != 0) return {index, attach};
      }
      for (std::uint32_t index = first; round == 0 && index < end; ++index) {
        try_recycle(index, ProbeMode::kPidfd);
      }
    }
    return {};
  }

  /// Writes who the tenant is. Precondition: the caller reserved it. start_ticks and time_ns_inode
  /// as seen by the caller.
  void store_identity(ProcessRef ref, std::uint64_t start_ticks, std::uint64_t time_ns_inode,
                      std::uint64_t uid, std::string_view name) const noexcept {
    ProcessEntry& entry = view_.process(ref.index);
    entry.uid.set(uid);
    store_text(entry.name, name);
    entry.attached_at_ns.set(clock_.coarse_ns());
    entry.time_ns_inode.set(tag_value(ref.attach, time_ns_inode));
    entry.start_ticks.set(tag_value(ref.attach, start_ticks));
  }

  /// Notes that the tenant never attached: a binder made the entry for it, and its pid is the only
  /// proof of its life.
  void note_made_by_pid(ProcessRef ref) const noexcept {
    view_.process(ref.index).made_by_pid.set(tag_value(ref.attach, 1));
  }
  bool is_made_by_pid(ProcessRef ref) const noexcept {
    return untag_value(ref.attach, view_.process(ref.index).made_by_pid.get()) == 1;
  }

  /// The tenancy that an entry shows now; none when it is free or ending.
  ProcessRef find_tenant(std::uint32_t index) const noexcept {
    const ProcessEntry& entry = view_.process(index);
    const std::uint64_t attach = entry.attach.load(std::memory_order_seq_cst);
    const Reservation reservation{entry.reservation.load(std::memory_order_seq_cst)};
    return judge_phase(reservation, attach) == EntryPhase::kInUse ? ProcessRef{index, attach}
                                                                  : ProcessRef{};
  }

  /// Is the tenant the process of this pid and start time, in the caller's own PID and time
  /// namespaces? What is not known is not the same.
  bool is_process(ProcessRef tenant, int pid, std::uint64_t start_ticks) const noexcept {
    const ProcessEntry& entry = view_.process(tenant.index);
    const Reservation reservation{entry.reservation.load(std::memory_order_acquire)};
    return static_cast<int>(reservation.pid()) == pid && is_same_namespace(reservation) &&
           start_ticks != 0 && untag_value(tenant.attach, entry.start_ticks.get()) == start_ticks &&
           untag_value(tenant.attach, entry.time_ns_inode.get()) == self_.time_ns_inode;
  }

  /// Is the tenant `ref` dead? Callers loaded ref.attach before the word that names the entry.
  OwnerLife judge_owner(ProcessRef ref, ProbeMode probe) const noexcept {
    // Number 0 is of an entry that was never used. A word that names it is damage: to the broker,
    // which looks for damage first, a stray word; to others it proves nothing.
    if (ref.attach == 0 && !acts_as_broker_) return OwnerLife::kAlive;
    if ((ref.attach & 1U) == 0)
      return OwnerLife::kGone;  // the tenancy that could own words is over
    ProcessEntry& entry = view_.process(ref.index);
    if (entry.gone.load(std::memory_order_acquire) == ref.attach) return OwnerLife::kGone;
    // Acquire: what is read after a mark is read after the death.
    const std::uint64_t presence = entry.presence.load(std::memory_order_acquire);
    const bool marked = read_presence_value(presence, ref.attach) == PresenceState::kMarked;
    if (probe == ProbeMode::kPidfd && is_pid_gone(entry, ref.attach)) {
      if (view_.writable()) entry.gone.store(ref.attach, std::memory_order_release);
      return OwnerLife::kGone;
    }
    if (!marked) return OwnerLife::kAlive;
    return is_quarantine_over(entry, ref.attach) && !is_left_to_broker(entry, ref.attach)
               ? OwnerLife::kGone
               : OwnerLife::kMarked;
  }

  /// Frees the words and the entry of a tenant that is proven gone. False: not proven, somebody's
  /// hazard still names it, it is the broker's to free, or another process was faster. Never waits.
  bool try_recycle(std::uint32_t index, ProbeMode probe) const noexcept {
    ProcessEntry& entry = view_.process(index);
    std::uint64_t attach = entry.attach.load(std::memory_order_seq_cst);
    const Reservation reservation{entry.reservation.load(std::memory_order_seq_cst)};
    switch (judge_phase(reservation, attach)) {
      case EntryPhase::kInUse:
        if (is_left_to_broker(entry, attach)) return false;
        if (judge_owner({index, attach}, probe) != OwnerLife::kGone) return false;
        if (!entry.attach.compare_exchange_strong(attach, attach + 1, std::memory_order_seq_cst))
          return false;
        attach += 1;
        break;
      case EntryPhase::kReserving:
        if (!is_reserver_gone(entry, reservation, attach, probe)) return false;
        if (!entry.attach.compare_exchange_strong(attach, attach + 2, std::memory_order_seq_cst))
          return false;
        attach += 2;
        break;
      case EntryPhase::kEnding:
        break;
      case EntryPhase::kFree:
      case EntryPhase::kInvalid:
        return false;
    }
    return finish_recycle(index, attach, reservation);
  }

  /// Ends the caller's own tenancy, watched or not. Precondition: presence is marked and no thread
  /// of the process uses the entry any more. False: a binder names it just now; whoever recycles
  /// next frees it.
  bool end_own_tenancy(ProcessRef self) const noexcept {
    ProcessEntry& entry = view_.process(self.index);
    const Reservation reservation{entry.reservation.load(std::memory_order_seq_cst)};
    entry.gone.store(self.attach, std::memory_order_release);
    std::uint64_t attach = self.attach;
    if (!entry.attach.compare_exchange_strong(attach, attach + 1, std::memory_order_seq_cst))
      return false;
    return finish_recycle(self.index, self.attach + 1, reservation);
  }

 private:
  /// The second half: attach is even by now and tells who finishes what.
  bool finish_recycle(std::uint32_t index, std::uint64_t attach,
                      Reservation reservation) const noexcept {
    if (is_hazard(index)) return false;
    if (!sweep_words(index, attach)) return false;
    ProcessEntry& entry = view_.process(index);
    // The reservation's own number has 10 bits; the attach number, looked at last, tells a thousand
    // tenancies apart.
    if (entry.attach.load(std::memory_order_seq_cst) != attach) return false;
    std::uint64_t expected = reservation.raw;
    return entry.reservation.compare_exchange_strong(
        expected, Reservation::make(0, 0, reservation.tenancy() + 1U).raw,
        std::memory_order_seq_cst);
  }

 public:
  /// Frees one word if its owner is proven dead. Returns the word that was freed, or nothing.
  /// Idempotent; anybody may.
  std::optional<SlotWord> reap_word(std::uint32_t slot, ProbeMode probe) const noexcept {
    std::atomic<std::uint64_t>& cell = view_.word(slot);
    const SlotWord first{cell.load(std::memory_order_acquire)};
    if (first.is_free() || !is_index(first.owner())) return std::nullopt;
    ProcessEntry& entry = view_.process(first.owner());
    // Attach number, word, presence: in this order, for every word anew.
    const std::uint64_t attach = entry.attach.load(std::memory_order_seq_cst);
    SlotWord word{cell.load(std::memory_order_seq_cst)};
    if (word.is_free() || word.owner() != first.owner()) return std::nullopt;
    if (!is_freeable(word, slot, {first.owner(), attach}, probe)) return std::nullopt;
    if (entry.attach.load(std::memory_order_seq_cst) != attach) return std::nullopt;
    std::uint64_t expected = word.raw;
    const std::uint64_t since_ns = view_.record(slot).claimed_at_ns.get();
    const std::uint64_t nonce = view_.record(slot).nonce.get();
    if (!cell.compare_exchange_strong(expected, word.freed().raw, std::memory_order_seq_cst))
      return std::nullopt;
    note_taken({EventKind::kReap, slot, word, since_ns, nonce});
    return word;
  }

  /// Counts and tells of a word that was taken from its owner, if it was held.
  void note_taken(const TakenSlot& taken) const noexcept {
    if (!taken.word.is_held() || !view_.writable()) return;
    const std::uint32_t index = taken.word.owner();
    const Reservation owner{
        is_index(index) ? view_.process(index).reservation.load(std::memory_order_acquire) : 0};
    count_taken(view_, taken, clock_.coarse_ns(), static_cast<std::uint32_t>(self_.pid),
                owner.pid());
  }

  /// May reap_word() free this word now? Reads only. Used by read-only tools, which show such a
  /// slot as a dead owner's.
  bool is_freeable(SlotWord word, std::uint32_t slot, ProcessRef owner,
                   ProbeMode probe) const noexcept {
    const OwnerLife life = judge_owner(owner, probe);
    if (life == OwnerLife::kGone) return true;
    if (life == OwnerLife::kAlive) return false;
    // Marked: threads of the owner may still be writing a record, and its memory is still there.
    if (word.state() == SlotState::kClaiming) return false;
    if (!word.is_held() || view_.record(slot).memory_bytes.get() == 0) return true;
    const ProcessEntry& entry = view_.process(owner.index);
    const bool watched = entry.watched.load(std::memory_order_acquire) == owner.attach;
    // Where somebody will see the process go, that is waited for: by the broker itself too.
    return !(watched && (acts_as_broker_ || !is_broker_down()));
  }

  /// Frees the broker's entry from an earlier broker, whatever state that left it in. Precondition:
  /// the caller holds the lock of the segment and no broker beats: then no earlier one lives, also
  /// where nobody could see it die.
  void clear_broker_entry() const noexcept {
    const std::uint32_t index = view_.process_count();
    ProcessEntry& entry = view_.process(index);
    std::uint64_t attach = entry.attach.load(std::memory_order_seq_cst);
    const Reservation reservation{entry.reservation.load(std::memory_order_seq_cst)};
    switch (judge_phase(reservation, attach)) {
      case EntryPhase::kInUse:
        entry.gone.store(attach, std::memory_order_release);
        try_recycle(index, ProbeMode::kMarkOnly);
        break;
      case EntryPhase::kReserving:
        if (entry.attach.compare_exchange_strong(attach, attach + 2, std::memory_order_seq_cst)) {
          finish_recycle(index, attach + 2, reservation);
        }
        break;
      case EntryPhase::kEnding:
        try_recycle(index, ProbeMode::kMarkOnly);
        break;
      case EntryPhase::kInvalid:
        end_invalid(index, attach, reservation);
        break;
      case EntryPhase::kFree:
        break;
    }
  }

  /// Ends an entry whose two words contradict each other for longer than the quarantine (a
  /// scribble, or a recycler that was stopped over a thousand tenancies), unless its presence still
  /// says alive. For the broker alone. True when it is free.
  bool try_repair(std::uint32_t index) const noexcept {
    ProcessEntry& entry = view_.process(index);
    std::uint64_t attach = entry.attach.load(std::memory_order_seq_cst);
    const Reservation reservation{entry.reservation.load(std::memory_order_seq_cst)};
    if (judge_phase(reservation, attach) != EntryPhase::kInvalid) return false;
    const std::uint64_t presence = entry.presence.load(std::memory_order_acquire);
    if (read_presence_value(presence, attach) == PresenceState::kAlive) return false;
    if (!is_quarantine_over(entry, attach)) return false;
    return end_invalid(index, attach, reservation);
  }

  // ---- Hazards
  // ------------------------------------------------------------------------------------------------------------

  /// Publishes that `self` is about to write target.index into a slot word. False (and cleared)
  /// when the target's tenancy has ended. Threads of one process take turns: one hazard a process.
  bool publish_hazard(ProcessRef self, ProcessRef target) const noexcept {
    std::atomic<std::uint64_t>& hazard = view_.process(self.index).hazard;
    // seq_cst store, then seq_cst load: a recycler that changed the attach number before this load
    // sees the hazard or is seen.
    hazard.store((std::uint64_t{attach_tag(self.attach)} << 32) | target.index,
                 std::memory_order_seq_cst);
    if (view_.process(target.index).attach.load(std::memory_order_seq_cst) == target.attach)
      return true;
    clear_hazard(self);
    return false;
  }
  void clear_hazard(ProcessRef self) const noexcept {
    // Release: the CAS that the hazard covered comes before.
    view_.process(self.index).hazard.store(0, std::memory_order_release);
  }

  // ---- The broker as others see it
  // ------------------------------------------------------------------------------------------

  /// True when nobody refreshes samples: no broker, its mark is set, or its heartbeat is older than
  /// three intervals.
  bool is_broker_down() const noexcept {
    const ProcessRef broker =
        unpack_process_ref(view_.header().broker.load(std::memory_order_acquire));
    if (!is_index(broker.index)) return true;
    const ProcessEntry& entry = view_.process(broker.index);
    if (entry.attach.load(std::memory_order_acquire) != broker.attach) return true;
    if (read_presence_value(entry.presence.load(std::memory_order_acquire), broker.attach) !=
        PresenceState::kAlive) {
      return true;
    }
    return is_sample_stale();
  }

  /// Are the last sample's figures older than three intervals?
  bool is_sample_stale() const noexcept {
    const std::uint64_t epoch = view_.header().sample_epoch.load(std::memory_order_acquire);
    const std::uint64_t config_epoch = view_.header().config_epoch.load(std::memory_order_acquire);
    const std::uint64_t interval_ms = view_.config(config_epoch).sample_interval_ms.get();
    const std::uint64_t beat_ns = view_.sample(epoch).sampled_at_ns.get();
    const std::uint64_t now_ns = clock_.coarse_ns();
    return now_ns > beat_ns && now_ns - beat_ns > 3 * interval_ms * kNsPerMs;
  }

 private:
  bool end_invalid(std::uint32_t index, std::uint64_t attach,
                   Reservation reservation) const noexcept {
    ProcessEntry& entry = view_.process(index);
    const std::uint64_t next = (attach | 1U) + 1U;
    if (!entry.attach.compare_exchange_strong(attach, next, std::memory_order_seq_cst))
      return false;
    if (is_hazard(index) || !sweep_words(index, next)) return false;
    std::uint64_t expected = reservation.raw;
    const Reservation free = Reservation::make(0, 0, static_cast<std::uint32_t>(next >> 1));
    return entry.reservation.compare_exchange_strong(expected, free.raw, std::memory_order_seq_cst);
  }

  std::uint64_t try_reserve(std::uint32_t index, std::uint32_t pid) const noexcept {
    ProcessEntry& entry = view_.process(index);
    std::uint64_t attach = entry.attach.load(std::memory_order_seq_cst);
    const Reservation seen{entry.reservation.load(std::memory_order_seq_cst)};
    if (judge_phase(seen, attach) != EntryPhase::kFree) return 0;
    std::uint64_t expected = seen.raw;
    const Reservation mine = Reservation::make(pid, self_.pid_ns_inode, seen.tenancy());
    if (!entry.reservation.compare_exchange_strong(expected, mine.raw, std::memory_order_seq_cst))
      return 0;
    // Only the reserver counts up to odd; it fails only if it was stopped here for longer than the
    // quarantine.
    if (!entry.attach.compare_exchange_strong(attach, attach + 1, std::memory_order_seq_cst))
      return 0;
    return attach + 1;
  }

  bool is_left_to_broker(const ProcessEntry& entry, std::uint64_t attach) const noexcept {
    return !acts_as_broker_ && entry.watched.load(std::memory_order_acquire) == attach &&
           !is_broker_down();
  }

  /// Proof by pid, for owners of one's own PID namespace.
  bool is_pid_gone(const ProcessEntry& entry, std::uint64_t attach) const noexcept {
    const Reservation reservation{entry.reservation.load(std::memory_order_acquire)};
    if (!is_same_namespace(reservation)) return false;
    const std::uint64_t time_ns = untag_value(attach, entry.time_ns_inode.get());
    const std::uint64_t start = untag_value(attach, entry.start_ticks.get());
    const bool comparable = time_ns != 0 && time_ns == self_.time_ns_inode;
    const PidEvidence evidence = probe_pid(static_cast<int>(reservation.pid()), self_.proc_is_own);
    return judge_process(evidence, comparable ? start : 0) == Life::kDead;
  }

  bool is_same_namespace(Reservation reservation) const noexcept {
    return !reservation.is_free() && self_.pid_ns_inode != 0 &&
           reservation.pid_ns_inode() == self_.pid_ns_inode;
  }

  bool is_reserver_gone(ProcessEntry& entry, Reservation reservation, std::uint64_t attach,
                        ProbeMode probe) const noexcept {
    if (probe == ProbeMode::kPidfd && is_same_namespace(reservation)) {
      const PidEvidence evidence =
          probe_pid(static_cast<int>(reservation.pid()), self_.proc_is_own);
      if (judge_process(evidence, 0) == Life::kDead) return true;
    }
    return is_quarantine_over(entry, attach);
  }

  /// Notes when this state of the entry was first seen; true once it has lasted for the quarantine.
  bool is_quarantine_over(ProcessEntry& entry, std::uint64_t attach) const noexcept {
    // The clock is read after the note, so that a note cannot be younger than "now" by a stop in
    // between.
    std::uint64_t noted = entry.marked.load(std::memory_order_acquire);
    const auto now_s = static_cast<std::uint32_t>(clock_.coarse_ns() / kNsPerSecond);
    // A zero cell was never written: the first tenancy of an entry is being reserved at attach
    // number 0.
    if (noted == 0 || static_cast<std::uint32_t>(noted >> 32) != attach_tag(attach)) {
      if (!view_.writable()) return false;
      const std::uint64_t note = (std::uint64_t{attach_tag(attach)} << 32) | now_s;
      entry.marked.compare_exchange_strong(noted, note, std::memory_order_acq_rel);
      return false;
    }
    // Signed: a clock that disagrees makes the quarantine longer, never shorter.
    return static_cast<std::int32_t>(now_s - static_cast<std::uint32_t>(noted)) >=
           kQuarantineSeconds;
  }

  /// Does a process that is not proven gone have a hazard on this entry?
  bool is_hazard(std::uint32_t index) const noexcept {
    for (std::uint32_t other = 1; other <= view_.process_count(); ++other) {
      const ProcessEntry& entry = view_.process(other);
      const std::uint64_t attach = entry.attach.load(std::memory_order_seq_cst);
      const std::uint64_t hazard = entry.hazard.load(std::memory_order_seq_cst);
      if (static_cast<std::uint32_t>(hazard) != index) continue;
      if (static_cast<std::uint32_t>(hazard >> 32) != attach_tag(attach)) continue;
      if (judge_owner({other, attach}, ProbeMode::kPidfd) != OwnerLife::kGone) return true;
    }
    return false;
  }

  /// Frees every word that names the entry. False when the tenancy changed meanwhile: somebody else
  /// finished.
  bool sweep_words(std::uint32_t index, std::uint64_t attach) const noexcept {
    const ProcessEntry& entry = view_.process(index);
    std::uint64_t reaped = 0;
    for (std::uint32_t slot = 0; slot < view_.slot_count(); ++slot) {
      std::atomic<std::uint64_t>& cell = view_.word(slot);
      SlotWord word{cell.load(std::memory_order_seq_cst)};
      for (int attempt = 0; !word.is_free() && word.owner() == index; ++attempt) {
        if (attempt == kMaxWordAttempts)
          return false;  // a scribbler: the next recycler comes again
        if (entry.attach.load(std::memory_order_seq_cst) != attach) return false;
        std::uint64_t expected = word.raw;
        const std::uint64_t since_ns = view_.record(slot).claimed_at_ns.get();
        const std::uint64_t nonce = view_.record(slot).nonce.get();
        if (cell.compare_exchange_strong(expected, word.freed().raw, std::memory_order_seq_cst)) {
          reaped += word.is_held() ? 1 : 0;
          note_taken({EventKind::kReap, slot, word, since_ns, nonce});
          break;
        }
        word = SlotWord{expected};
      }
    }
    // Counted where the dead owner's other counts are; the entry is between tenants, an RMW is
    // exact against other sweepers.
    if (reaped != 0)
      view_.counters(index).shared.reaped.value.fetch_add(reaped, std::memory_order_relaxed);
    return true;
  }

  SegmentView view_;
  SelfIdentity self_;
  HostClock clock_;
  bool acts_as_broker_ = false;
};

}  // namespace slotd::inline v0_1
