#include "broker/liveness/watch_list.hpp"

#include "broker/liveness/pid_translate.hpp"

namespace slotd::broker {

namespace {
constexpr std::uint64_t kRetryNs = 2 * kNsPerSecond;
}

void WatchList::sweep() {
  for (std::uint32_t slot = 0; slot < processes_.view().slot_count(); ++slot)
    reap(slot, ProbeMode::kPidfd);
  scan();
}

void WatchList::scan() {
  for (std::uint32_t index = 1; index <= processes_.view().process_count(); ++index)
    scan_entry(index);
}

void WatchList::scan_entry(std::uint32_t index) {
  ProcessEntry& entry = processes_.view().process(index);
  const std::uint64_t attach = entry.attach.load(std::memory_order_seq_cst);
  const Reservation reservation{entry.reservation.load(std::memory_order_seq_cst)};
  const EntryPhase phase = judge_phase(reservation, attach);
  const auto known = watches_.find(index);
  if (known != watches_.end() && known->second.attach != attach) drop(index);
  if (phase == EntryPhase::kInvalid) {
    processes_.try_repair(index);
    return;
  }
  if (phase == EntryPhase::kReserving || phase == EntryPhase::kEnding) {
    processes_.try_recycle(index, ProbeMode::kPidfd);
    return;
  }
  if (phase != EntryPhase::kInUse || index == self_.index) return;
  start_watch(index, attach, reservation);
  const OwnerLife life = processes_.judge_owner({index, attach}, ProbeMode::kMarkOnly);
  if (life == OwnerLife::kAlive) return;
  reap_words_of(index);
  if (life == OwnerLife::kGone && processes_.try_recycle(index, ProbeMode::kPidfd)) drop(index);
}

void WatchList::start_watch(std::uint32_t index, std::uint64_t attach, Reservation reservation) {
  Watch& watch = watches_[index];
  if (watch.attach != attach) {
    watch = Watch{};
    watch.attach = attach;
  }
  if (watch.pidfd || processes_.clock().coarse_ns() < watch.retry_ns) return;
  open_watch(index, watch, reservation);
}

/// Pidfd, then start time, then the pidfd again: the descriptor is the owner's or there is none.
void WatchList::open_watch(std::uint32_t index, Watch& watch, Reservation reservation) {
  const SelfIdentity& self = processes_.self();
  ProcessEntry& entry = processes_.view().process(index);
  watch.retry_ns = processes_.clock().coarse_ns() + kRetryNs;
  const bool known_namespace = reservation.pid_ns_inode() != 0 && self.pid_ns_inode != 0;
  if (!known_namespace) return;  // a number without a namespace says nothing
  const bool same_namespace = reservation.pid_ns_inode() == self.pid_ns_inode;
  std::optional<int> pid;
  if (same_namespace) {
    pid = static_cast<int>(reservation.pid());
  } else {
    pid = find_host_pid(reservation.pid(), reservation.pid_ns_inode());
  }
  if (!pid) return;  // cannot be seen: unknown is alive
  UniqueFd pidfd = open_pidfd(*pid);
  if (!pidfd) {
    if (errno == ESRCH && same_namespace) bury(index, watch.attach);
    return;
  }
  const std::uint64_t start = self.proc_is_own ? read_start_ticks(*pid) : 0;
  const std::uint64_t noted = untag_value(watch.attach, entry.start_ticks.get());
  const bool comparable =
      noted != 0 && start != 0 &&
      untag_value(watch.attach, entry.time_ns_inode.get()) == self.time_ns_inode;
  const bool exited = probe_exited(pidfd.get());
  if (exited || (comparable && start != noted)) {
    // Exited, or the pid is another process's by now. A translated pid that exits while one looks
    // may be anybody's.
    if (same_namespace) bury(index, watch.attach);
    return;
  }
  watch.pidfd = std::move(pidfd);
  hooks_.watch(index, watch.pidfd.get());
  if (comparable) entry.verified.store(watch.attach, std::memory_order_release);
  entry.watched.store(watch.attach, std::memory_order_release);
}

void WatchList::on_exit(std::uint32_t index) {
  const auto known = watches_.find(index);
  if (known == watches_.end() || !known->second.pidfd || !probe_exited(known->second.pidfd.get()))
    return;
  bury(index, known->second.attach);
}

/// The process is gone for certain: publish the proof, do what the kernel would have done, free
/// words and entry.
void WatchList::bury(std::uint32_t index, std::uint64_t attach) {
  ProcessEntry& entry = processes_.view().process(index);
  if (entry.attach.load(std::memory_order_seq_cst) == attach) {
    force_mark(entry, attach);
    entry.gone.store(attach, std::memory_order_release);
    reap_words_of(index);
    processes_.try_recycle(index,
                           ProbeMode::kPidfd);  // a hazard may hold it back: scan() comes again
  }
  drop(index);
}

void WatchList::drop(std::uint32_t index) {
  const auto known = watches_.find(index);
  if (known == watches_.end()) return;
  if (known->second.pidfd) hooks_.forget(index);
  watches_.erase(known);
}

void WatchList::reap_words_of(std::uint32_t index) {
  const SegmentView& view = processes_.view();
  for (std::uint32_t slot = 0; slot < view.slot_count(); ++slot) {
    const SlotWord word{view.word(slot).load(std::memory_order_acquire)};
    if (!word.is_free() && word.owner() == index) reap(slot, ProbeMode::kMarkOnly);
  }
}

void WatchList::reap(std::uint32_t slot, ProbeMode probe) {
  const SegmentView& view = processes_.view();
  const auto freed = processes_.reap_word(slot, probe);
  if (!freed || !freed->is_held()) return;
  ++reaped_;
  Cell<std::uint64_t>& count = view.counters(self_.index).primary.reaped;
  count.set(count.get() + 1);
  const Reservation owner{view.process(freed->owner()).reservation.load(std::memory_order_acquire)};
  hooks_.reaped({slot, *freed, owner.pid()});
}

}  // namespace slotd::broker
