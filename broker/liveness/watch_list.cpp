#include "broker/liveness/watch_list.hpp"

#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "broker/liveness/pid_translate.hpp"
#include "slotd/histogram.hpp"
#include "slotd/waiters.hpp"

namespace slotd::broker {

namespace {
constexpr std::uint64_t kFirstPauseNs = kNsPerSecond;
constexpr std::uint64_t kLongestPauseNs = 60 * kNsPerSecond;
}  // namespace

void WatchList::sweep() {
  // What an earlier broker watched nobody watches now, until scan() does.
  for (std::uint32_t index = 1; index <= processes_.view().process_count(); ++index) {
    processes_.view().process(index).watched.store(0, std::memory_order_release);
  }
  for (std::uint32_t slot = 0; slot < processes_.view().slot_count(); ++slot)
    reap(slot, ProbeMode::kPidfd, std::nullopt);
  scan();
}

void WatchList::clear() {
  for (const auto& [index, watch] : watches_) hooks_.forget(index);
  watches_.clear();
}

void WatchList::scan() {
  pids_.reset();
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
  keep_watch(index, attach, reservation);
  const OwnerLife life = processes_.judge_owner({index, attach}, ProbeMode::kMarkOnly);
  if (life == OwnerLife::kAlive) return;
  reap_words_of(index, monotonic_ns());
  if (life == OwnerLife::kGone && processes_.try_recycle(index, ProbeMode::kPidfd)) drop(index);
}

void WatchList::keep_watch(std::uint32_t index, std::uint64_t attach, Reservation reservation) {
  Watch& watch = watches_[index];
  if (watch.attach != attach) {
    watch = Watch{};
    watch.attach = attach;
  }
  if (watch.verified) return;
  const std::uint64_t now_ns = processes_.clock().coarse_ns();
  if (!watch.pidfd) {
    if (now_ns < watch.retry_ns) return;
    watch.pause_ns = std::clamp(2 * watch.pause_ns, kFirstPauseNs, kLongestPauseNs);
    watch.retry_ns = now_ns + watch.pause_ns;
    if (!open_watch(index, watch, reservation)) return;
  }
  // The start time may be noted only after the watch began: compared as soon as it is there.
  const Match match = compare_start(index, watch);
  if (match == Match::kOther) return bury(index, attach, monotonic_ns());
  if (match == Match::kUnknown) return;
  watch.verified = true;
  processes_.view().process(index).verified.store(attach, std::memory_order_release);
}

/// The host's number for the owner; nothing when it cannot be seen: unknown is alive.
std::optional<int> WatchList::find_pid(Reservation reservation) {
  const std::uint32_t own = processes_.self().pid_ns_inode;
  // A number without a namespace says nothing.
  if (own == 0 || reservation.pid_ns_inode() == 0) return std::nullopt;
  if (reservation.pid_ns_inode() == own) return static_cast<int>(reservation.pid());
  if (!pids_) pids_ = read_pid_map(own);
  const auto found = pids_->find({reservation.pid_ns_inode(), reservation.pid()});
  return found == pids_->end() ? std::nullopt : std::optional<int>(found->second);
}

/// Opens the pidfd and hands it to the loop. False: not watched (yet), or buried.
bool WatchList::open_watch(std::uint32_t index, Watch& watch, Reservation reservation) {
  const bool same_namespace = reservation.pid_ns_inode() == processes_.self().pid_ns_inode;
  const auto pid = find_pid(reservation);
  if (!pid) return false;
  UniqueFd pidfd = open_pidfd(*pid);
  const bool missing = !pidfd && *pid > 0 && names_no_process(errno);
  if (missing || (pidfd && probe_exited(pidfd.get()))) {
    // A translated pid that exits while one looks may be anybody's; one's own namespace has only
    // this process of that number.
    if (same_namespace) bury(index, watch.attach, monotonic_ns());
    return false;
  }
  if (!pidfd) return false;
  // With the descriptor open the number cannot change hands: is it still the one that was looked
  // for?
  if (!same_namespace && (!is_pid_of(*pid, reservation.pid_ns_inode(), reservation.pid()) ||
                          probe_exited(pidfd.get()))) {
    return false;
  }
  watch.pidfd = std::move(pidfd);
  watch.host_pid = *pid;
  if (compare_start(index, watch) == Match::kOther) {
    bury(index, watch.attach, monotonic_ns());
    return false;
  }
  if (!hooks_.watch(index, watch.pidfd.get())) {
    watch.pidfd.reset();
    return false;
  }
  processes_.view().process(index).watched.store(watch.attach, std::memory_order_release);
  return true;
}

/// Is the process behind the pidfd the one whose start time was noted? Read while the descriptor is
/// open and alive, so the number is its own.
WatchList::Match WatchList::compare_start(std::uint32_t index, const Watch& watch) const {
  const SelfIdentity& self = processes_.self();
  const ProcessEntry& entry = processes_.view().process(index);
  const std::uint64_t noted = untag_value(watch.attach, entry.start_ticks.get());
  const std::uint64_t time_ns = untag_value(watch.attach, entry.time_ns_inode.get());
  if (noted == 0 || time_ns == 0 || time_ns != self.time_ns_inode || !self.proc_is_own)
    return Match::kUnknown;
  const std::uint64_t start = read_start_ticks(watch.host_pid);
  if (start == 0 || probe_exited(watch.pidfd.get())) return Match::kUnknown;
  return start == noted ? Match::kSame : Match::kOther;
}

void WatchList::on_exit(std::uint32_t index) {
  const std::uint64_t heard_ns = monotonic_ns();
  const auto known = watches_.find(index);
  if (known == watches_.end() || !known->second.pidfd || !probe_exited(known->second.pidfd.get()))
    return;
  bury(index, known->second.attach, heard_ns);
}

/// The process is gone for certain: publish the proof, do what the kernel would have done, free
/// words and entry.
void WatchList::bury(std::uint32_t index, std::uint64_t attach, std::uint64_t heard_ns) {
  ProcessEntry& entry = processes_.view().process(index);
  if (entry.attach.load(std::memory_order_seq_cst) == attach) {
    force_mark(entry, attach);
    entry.gone.store(attach, std::memory_order_release);
    reap_words_of(index, heard_ns);
    processes_.try_recycle(index,
                           ProbeMode::kPidfd);  // a hazard may hold it back: scan() comes again
  }
  drop(index);
}

bool WatchList::is_running(std::uint32_t index, std::uint64_t attach) const {
  const auto known = watches_.find(index);
  return known != watches_.end() && known->second.attach == attach && known->second.pidfd &&
         !probe_exited(known->second.pidfd.get());
}

WatchList::Signalled WatchList::send_signal(std::uint32_t index, std::uint64_t attach, int signal,
                                            bool with_group) const {
  const auto known = watches_.find(index);
  if (known == watches_.end() || known->second.attach != attach || !known->second.pidfd)
    return Signalled::kUnproven;
  const Watch& watch = known->second;
  // pid 1 is a container's or the host's init: what ends with it is more than a job.
  if (!watch.verified || watch.host_pid <= 1 || watch.host_pid == ::getpid())
    return Signalled::kUnproven;
  constexpr unsigned kToGroup = 4;  // PIDFD_SIGNAL_PROCESS_GROUP, Linux 6.9
  const int pidfd = watch.pidfd.get();
  const bool leads = with_group && ::getpgid(watch.host_pid) == watch.host_pid;
  if (leads && ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, kToGroup) == 0)
    return Signalled::kSent;
  if (::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0U) == 0) return Signalled::kSent;
  return errno == ESRCH ? Signalled::kGone : Signalled::kRefused;
}

void WatchList::drop(std::uint32_t index) {
  const auto known = watches_.find(index);
  if (known == watches_.end()) return;
  hooks_.forget(index);
  watches_.erase(known);
}

void WatchList::reap_words_of(std::uint32_t index, std::uint64_t heard_ns) {
  const SegmentView& view = processes_.view();
  for (std::uint32_t slot = 0; slot < view.slot_count(); ++slot) {
    const SlotWord word{view.word(slot).load(std::memory_order_acquire)};
    if (!word.is_free() && word.owner() == index) reap(slot, ProbeMode::kMarkOnly, heard_ns);
  }
  wake_waiters(processes_);
}

void WatchList::reap(std::uint32_t slot, ProbeMode probe, std::optional<std::uint64_t> heard_ns) {
  const SegmentView& view = processes_.view();
  const auto freed = processes_.reap_word(slot, probe);
  if (!freed || !freed->is_held()) return;
  ++reaped_;
  Cell<std::uint64_t>& count = view.counters(self_.index).primary.reaped;
  count.set(count.get() + 1);
  if (heard_ns)
    add_duration(view.node().reap, kReapBoundsUs, (monotonic_ns() - *heard_ns) / kNsPerUs);
  const Reservation owner{view.process(freed->owner()).reservation.load(std::memory_order_acquire)};
  hooks_.reaped({slot, *freed, owner.pid()});
}

}  // namespace slotd::broker
