#include "broker/daemon.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>

#include "broker/ledger/publish.hpp"
#include "broker/liveness/pid_translate.hpp"
#include "broker/log.hpp"
#include "broker/reload.hpp"
#include "slotd/fault_guard.hpp"
#include "slotd/slot_table.hpp"
#include "slotd/version.hpp"
#include "slotd/waiters.hpp"

namespace slotd::broker {

namespace {

constexpr int kExitConfig = 78;
constexpr std::uint64_t kScanIntervalMs = 100;  // the design's recheck
/// How long a rebuilt segment admits nobody: until its holders have asserted their slots. They are
/// told by a wake; where an earlier broker's segment is lost nobody could tell them, and they look
/// by themselves.
constexpr std::uint64_t kSettleMs = 2 * kScanIntervalMs;
constexpr std::uint64_t kSettleUntoldMs = 2 * kKeeperLookMs;

constexpr int kStoppedWhileDraining = -1;
constexpr std::uint64_t kDrainLookMs = 100;
/// How long systemd waits for the next look before it gives the start up.
constexpr std::uint64_t kDrainPatienceUs = 30'000'000;

/// One descriptor a watched owner, and some to spare.
void raise_descriptor_limit() {
  rlimit limit{};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

}  // namespace

Daemon::Daemon(Options options, Config config)
    : options_(std::move(options)), config_(std::move(config)) {}

int Daemon::run() {
  block_signals();
  install_fault_guard();
  raise_descriptor_limit();
  const int code_of_start = become_owner();
  if (code_of_start == kStoppedWhileDraining) {
    log_info("event=stopped: the segment of another layout stays, and admits nothing");
    return 0;
  }
  if (code_of_start != 0) return code_of_start;
  if (!attach_self()) return kExitInternal;
  loop_ = std::make_unique<Loop>();
  watch_owners();
  go_live();
  const int code = loop_->run();
  leave();
  return code;
}

void Daemon::watch_owners() {
  WatchList::Hooks hooks;
  hooks.watch = [this](std::uint32_t index, int pidfd) {
    return loop_->try_on_readable(index, pidfd, [this, index] { watches_->on_exit(index); });
  };
  hooks.forget = [this](std::uint32_t index) { loop_->forget(index); };
  hooks.reaped = [this](const ReapedSlot& reaped) {
    const auto type = load_text(processes_.view().type_name(reaped.word.type()).name);
    log_info("event=reaped slot=" + std::to_string(reaped.slot) +
             " type=" + escape_bytes(text_view(type)) + " owner_pid=" + std::to_string(reaped.pid));
  };
  watches_.emplace(processes_, self_, std::move(hooks));
}

bool Daemon::prepare(const SegmentView& view, Origin origin) {
  // A rebuilt segment keeps the indices that types and groups had.
  const LedgerSpec current = origin == Origin::kAdopted ? read_config_block(view) : spec_;
  const auto spec = make_spec(options_, config_, current);
  if (!spec) {
    exit_code_ = kExitConfig;
    return false;
  }
  report_fit(options_, config_, *spec);
  if (!check_any_fits(*spec)) {
    exit_code_ = kExitConfig;
    return false;
  }
  if (!(origin == Origin::kAdopted && *spec == current)) publish_config(view, *spec);
  spec_ = *spec;
  if (origin == Origin::kRebuilt) carry_over(view);
  return true;
}

/// Puts what the lost segment held into the new one, before anybody sees that.
void Daemon::carry_over(const SegmentView& view) {
  const std::uint32_t own = processes_.self().pid_ns_inode;
  const PidMap others = read_pid_map(own);
  const auto is_visible = [&](const OwnerCopy& owner) {
    const Reservation who = owner.reservation;
    return (who.pid_ns_inode() == own && own != 0) ||
           others.count({who.pid_ns_inode(), who.pid()}) != 0;
  };
  const std::uint32_t kept = import_ledger(view, carried_, is_visible);
  Cell<std::uint64_t>& rebuilds = view.node().broker.rebuilds;
  rebuilds.set(rebuilds.get() + 1U);
  log_warning("event=carried_over slots=" + std::to_string(kept) +
              " of=" + std::to_string(carried_.slots.size()));
}

int Daemon::become_owner() {
  OwnerOptions& owner = owner_options_;
  owner.path = segment_path_of(options_, config_);
  owner.mode = config_.segment.mode;
  owner.group = config_.segment.group;
  owner.capacities = {config_.segment.slots, config_.segment.processes};
  owner.version = kVersion;
  owner.retire = options_.retire;
  OwnerFailure failure;
  const Prepare prepare_it = [this](const SegmentView& view, Origin origin) {
    return prepare(view, origin);
  };
  std::string told;
  while (!(owned_ = own_segment(owner, prepare_it, failure)) && failure.is_draining) {
    if (failure.message != told) log_warning("event=retiring " + failure.message);
    told = failure.message;
    Loop::notify("EXTEND_TIMEOUT_USEC=" + std::to_string(kDrainPatienceUs) +
                 "\nSTATUS=a segment of another layout is draining");
    if (wait_for_end(kDrainLookMs)) return kStoppedWhileDraining;
  }
  if (!owned_) {
    if (!failure.message.empty()) log_error(failure.message);
    return exit_code_ != 0 ? exit_code_ : failure.exit_code;
  }
  for (const std::string& note : owned_->notes) log_warning(note);
  if (!is_on_tmpfs(owner.path))
    log_warning(owner.path + ": not on tmpfs; works, but its pages are written to a disk");
  log_info(std::string("event=") + (owned_->origin == Origin::kAdopted ? "adopted" : "created") +
           " segment=" + owner.path);
  processes_ = ProcessTable(owned_->opened.view(Access::kReadWrite), read_self_identity(), true);
  return 0;
}

bool Daemon::attach_self() {
  // Nobody may take the last broker's word for this one's: down until ready.
  processes_.view().header().broker.store(0, std::memory_order_release);
  store_text(processes_.view().header().version, kVersion);
  const SelfIdentity& self = processes_.self();
  processes_.clear_broker_entry();
  self_ = processes_.reserve(static_cast<std::uint32_t>(self.pid));
  if (!self_) {
    log_error(
        "the broker's process entry cannot be freed: a process that is giving a slot away names "
        "it; start again");
    return false;
  }
  processes_.store_identity(self_, self.start_ticks, self.time_ns_inode, self.uid, "slotd");
  keeper_.emplace();
  if (keeper_->start(processes_.view().process(self_.index), self_.attach) != Errc::kOk) {
    log_error(
        "cannot hold the broker's own presence: keeper thread or set_robust_list was refused");
    return false;
  }
  return true;
}

/// First the sweep for the dead, then ready.
void Daemon::serve() {
  is_lost_ = false;
  file_watch_.follow(*owned_);
  watches_->sweep();
  meter_.forget();
  pressure_.begin(processes_);
  configure_metering();
  beat();
  processes_.view().header().broker.store(pack_process_ref(self_), std::memory_order_release);
}

void Daemon::go_live() {
  serve();
  loop_->every(kScanIntervalMs, [this] { tick(); });
  beat_timer_ = loop_->every(beat_ms(), [this] { beat(); });
  for (const int signal : {SIGTERM, SIGINT}) loop_->on_signal(signal, [this] { loop_->quit(0); });
  loop_->on_signal(SIGHUP, [this] { reload(); });
  http_.tick(false);
  http_.follow(config_.http, owned_->path, owned_->file.get());
  const std::uint64_t drain = processes_.view().header().drain.load(std::memory_order_acquire);
  if ((drain & kDrainRebuild) != 0) {
    log_warning("event=settling: an earlier segment is lost; its holders assert their slots anew");
    Loop::notify("STATUS=holders assert their slots anew");
    settle_for(kSettleUntoldMs);
  } else {
    end_settling();
  }
}

void Daemon::settle_for(std::uint64_t ms) { settled_at_ns_ = monotonic_ns() + ms * kNsPerMs; }

/// From now on claims are admitted.
void Daemon::end_settling() {
  settled_at_ns_ = 0;
  lost_view_ = {};
  processes_.view().header().drain.fetch_and(~kDrainRebuild, std::memory_order_seq_cst);
  wake_waiters(processes_);
  if (is_ready_told_) {
    log_info("event=settled");
    return;
  }
  is_ready_told_ = true;
  tell(EventKind::kBrokerStart);
  log_info("event=ready pid=" + std::to_string(::getpid()) +
           " reaped_at_start=" + std::to_string(watches_->reaped()));
  told_status_ = format_status(read_status(processes_));
  Loop::notify("READY=1\nSTATUS=" + told_status_);
}

/// Is the segment whole? Then who has died; else a new one.
void Daemon::tick() {
  http_.tick(is_lost_);
  if (!is_lost_) {
    const std::uint64_t missing = count_missing_pages();
    const bool was_touched = file_watch_.has_heard() || missing != missing_pages_;
    missing_pages_ = missing;
    Damage damage = find_damage(*owned_, was_touched);
    if (damage == Damage::kNone) {
      if (lost_view_) drop_ended_since(lost_view_, processes_.view(), carried_);
      if (settled_at_ns_ != 0 && monotonic_ns() >= settled_at_ns_) end_settling();
      watches_->scan();
      if (meter_.has_news()) beat();
      if (has_reload_request(processes_.view())) reload();
      LedgerCopy copy = copy_ledger(processes_);
      // Not if it was damaged while it was being copied.
      if (file_watch_.has_heard()) damage = Damage::kHolePunched;
      if (damage == Damage::kNone) shadow_ = std::move(copy);
    }
    if (damage == Damage::kNone) return;
    lose_segment(damage);
  }
  if (monotonic_ns() >= retry_at_ns_) rebuild();
}

void Daemon::lose_segment(Damage damage) {
  log_error("event=segment_lost segment=" + owned_->path + ": " + describe(damage) +
            "; making a new one");
  told_status_.clear();
  Loop::notify("STATUS=the segment is lost; making a new one");
  // Retired before it is copied: a claim that comes later is told, one that came before is seen.
  retire_segment(*owned_);
  const bool is_whole = is_content_whole(damage);
  if (is_whole && has_reload_request(processes_.view())) {
    answer_reload_request(processes_.view(), load_reload_request(processes_.view()),
                          ReloadResult::kRebuilding);
  }
  carried_ = is_whole ? copy_ledger(processes_) : shadow_;
  lost_view_ = is_whole ? processes_.view() : SegmentView{};
  watches_->clear();
  keeper_->stop();
  is_lost_ = true;
  last_failure_.clear();
}

void Daemon::rebuild() {
  OwnerFailure failure;
  const Prepare prepare_new = [this](const SegmentView& view, Origin origin) {
    return prepare(view, origin);
  };
  if (!rebuild_segment(owner_options_, *owned_, prepare_new, failure)) {
    if (failure.message != last_failure_) log_error(failure.message);
    last_failure_ = failure.message;
    retry_at_ns_ = monotonic_ns() + kNsPerSecond;
    if (failure.lock_is_taken) loop_->quit(failure.exit_code);
    return;
  }
  processes_ = ProcessTable(owned_->opened.view(Access::kReadWrite), read_self_identity(), true);
  if (!attach_self()) return loop_->quit(kExitInternal);
  watch_owners();
  serve();
  // The folder may have gone with the segment, and the socket with it.
  http_.follow(config_.http, owned_->path, owned_->file.get());
  settle_for(kSettleMs);
  log_warning("event=rebuilt segment=" + owned_->path);
}

/// Measures the owners and publishes what their slots are charged: the heartbeat too.
void Daemon::beat() {
  if (is_lost_) return;
  follow_capacity();
  const std::vector<std::string> before = meter_.unreadable();
  pressure_.tick(meter_.beat(processes_, *watches_), processes_, *watches_);
  wake_waiters(processes_);  // charges and capacity have moved
  for (const std::string& group : meter_.unreadable()) {
    if (std::find(before.begin(), before.end(), group) != before.end()) continue;
    log_warning("event=external_unreadable group=" + escape_bytes(group) + " file=\"" +
                escape_bytes(config_.find_group(group)->external) +
                "\": the group counts as full until it holds a number");
  }
  tell_status();
}

/// To systemd and the log, what has changed since the last beat.
void Daemon::tell_status() {
  if (!is_ready_told_) return;
  const StatusFigures figures = read_status(processes_);
  for (const std::string& line : debt_news_.take(figures.debts)) log_warning(line);
  std::string status = format_status(figures);
  if (status == told_status_) return;
  told_status_ = std::move(status);
  Loop::notify("STATUS=" + told_status_);
}

namespace {

std::uint32_t count_held_slots(const SegmentView& view) {
  std::uint32_t held = 0;
  for (std::uint32_t slot = 0; slot < view.mark(); ++slot)
    held += SlotWord{view.word(slot).load(std::memory_order_acquire)}.is_held() ? 1U : 0U;
  return held;
}

}  // namespace

/// To the node's events and the broker's own figures.
void Daemon::tell(EventKind kind) {
  const SegmentView& view = processes_.view();
  BrokerRecord& record = view.node().broker;
  const auto add_one = [](Cell<std::uint64_t>& cell) { cell.set(cell.get() + 1U); };
  if (kind == EventKind::kBrokerStart) {
    add_one(record.starts);
    record.is_last_reload_ok.set(1);
    record.reloaded_at_s.set(read_clock_ns(CLOCK_REALTIME) / kNsPerSecond);
  } else if (kind == EventKind::kReload) {
    add_one(record.reloads);
    record.is_last_reload_ok.set(1);
    record.reloaded_at_s.set(read_clock_ns(CLOCK_REALTIME) / kNsPerSecond);
  } else if (kind == EventKind::kReloadFailed) {
    add_one(record.reload_failures);
    record.is_last_reload_ok.set(0);
  }
  note_change(view, processes_.clock(), static_cast<std::uint32_t>(::getpid()), kind, kNoEventType,
              count_held_slots(view));
}

/// The segment stays, workers go on.
void Daemon::leave() {
  Loop::notify("STOPPING=1\nSTATUS=stopped; the segment and its slots stay");
  http_.stop();
  if (is_lost_) return log_info("event=stopped");
  tell(EventKind::kBrokerStop);
  processes_.view().header().broker.store(0, std::memory_order_release);
  watches_.reset();
  keeper_->stop();
  processes_.end_own_tenancy(self_);
  log_info("event=stopped");
}

}  // namespace slotd::broker
