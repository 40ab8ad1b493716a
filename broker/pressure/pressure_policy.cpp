#include "broker/pressure/pressure_policy.hpp"

#include <signal.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <vector>

#include "broker/log.hpp"
#include "slotd/events.hpp"
#include "slotd/notices.hpp"
#include "slotd/units.hpp"

namespace slotd::broker {

namespace {

/// Its job runs, and its owner is an entry in use.
bool is_judged(const AccountedSlot& slot) {
  return slot.facts.word.has_begun() && slot.attach != 0;
}

PressureJob make_job(const AccountedSlot& slot) {
  PressureJob job;
  job.id = {slot.facts.slot, slot.facts.word.generation()};
  job.owner = slot.owner;
  job.attach = slot.attach;
  job.is_ending = slot.facts.word.state() == SlotState::kEnding;
  return job;
}

/// `judge` sets what a job uses and what it costs.
template <class Judge>
std::vector<PressureJob> list_jobs(const Account& account, Judge judge) {
  std::vector<PressureJob> jobs;
  for (const AccountedSlot& slot : account.slots) {
    if (!is_judged(slot)) continue;
    jobs.push_back(make_job(slot));
    judge(slot, jobs.back());
  }
  return jobs;
}

std::vector<PressureJob> list_cpu_jobs(const Account& account) {
  return list_jobs(account, [](const AccountedSlot& slot, PressureJob& job) {
    job.used = slot.charge.share_micro.value_or(0);
    job.cost = reserved_micro(slot.facts.word);
  });
}

std::vector<PressureJob> list_memory_jobs(const Account& account) {
  return list_jobs(account, [](const AccountedSlot& slot, PressureJob& job) {
    job.used = slot.charge.share_bytes.value_or(0);
    job.cost = slot.facts.memory_cost_bytes;
  });
}

/// Says `notice` to the claim, and rings.
void write_notice(const ProcessTable& processes, const PressureJob& job, Notice notice) {
  SlotSample& sample = processes.view().slot_sample(job.id.slot);
  sample.notice.set(TaggedFigure::make(job.id.generation, static_cast<std::uint64_t>(notice)).raw);
  if (processes.is_index(job.owner)) ring_notice(processes.view().process(job.owner), job.attach);
}

void add_one(Cell<std::uint64_t>& count) { count.set(count.get() + 1U); }

/// Counts a notice and tells of it.
void note_notice(const ProcessTable& processes, const PressureJob& job, Notice notice) {
  const SegmentView& view = processes.view();
  add_one(view.node().broker.notices);
  const SlotWord word{view.word(job.id.slot).load(std::memory_order_acquire)};
  Event event;
  event.time_ms = processes.clock().coarse_ns() / kNsPerMs;
  event.kind = EventKind::kNotice;
  event.pid = static_cast<std::uint32_t>(::getpid());
  if (processes.is_index(job.owner))
    event.other_pid =
        Reservation{view.process(job.owner).reservation.load(std::memory_order_acquire)}.pid();
  event.slot = job.id.slot;
  event.type = word.type();
  event.cost_milli = word.cost_milli();
  event.amount = static_cast<std::uint64_t>(notice);
  event.nonce = static_cast<std::uint32_t>(view.record(job.id.slot).nonce.get()) & kGenerationMask;
  note_node_event(view, event);
}

std::string figure(Notice kind, std::uint64_t value) {
  return kind == Notice::kMemory ? format_bytes_human(value)
                                 : format_cores_micro(static_cast<std::int64_t>(value));
}

}  // namespace

void PressurePolicy::configure(const Config& config, const LedgerSpec& spec,
                               bool capacity_is_host) {
  const PressureRules cpu = make_cpu_rules(config);
  cpu_.machine.configure(cpu);
  memory_.machine.configure(make_memory_rules(config));
  capacity_micro_ = spec.capacity_micro;
  budget_micro_ = spec.budget_micro;
  memory_max_bytes_ = spec.memory_max_bytes;
  threshold_ppb_ = static_cast<std::uint32_t>(cpu.limit);
  capacity_is_host_ = capacity_is_host;
  with_group_ = config.pressure.process_group;
  wants_psi_ = cpu.psi_ppb != 0;
}

void PressurePolicy::begin(const ProcessTable& processes) {
  cpu_.machine.forget();
  memory_.machine.forget();
  said_.clear();
  const SegmentView& view = processes.view();
  for (std::uint32_t slot = 0; slot < view.mark(); ++slot) {
    const SlotWord word{view.word(slot).load(std::memory_order_acquire)};
    if (!word.is_held() || !processes.is_index(word.owner())) continue;
    if (load_notice(view.slot_sample(slot), word.generation()) == Notice::kCalm) continue;
    PressureJob job;
    job.id = {slot, word.generation()};
    job.owner = word.owner();
    job.attach = processes.find_tenant(word.owner()).attach;
    write_notice(processes, job, Notice::kCalm);
  }
}

void PressurePolicy::tick(const Beat& beat, const ProcessTable& processes,
                          const WatchList& watches) {
  const Account& account = beat.account;
  PressureSample sample;
  sample.now_ns = beat.at_ns;
  sample.tracked = account.measured_micro;
  sample.blameless = blameless_micro(budget_micro_, capacity_micro_, threshold_ppb_);
  sample.psi_ppb = beat.host.psi_cpu_some_ppb;
  if (capacity_is_host_) {
    if (beat.host.busy_micro) sample.level = load_ppb(*beat.host.busy_micro, capacity_micro_);
  } else if (beat.is_measured) {
    sample.level = load_ppb(account.measured_micro, capacity_micro_);
  }
  if (wants_psi_ && !sample.psi_ppb) {
    wants_psi_ = false;  // said once
    log_warning(
        "pressure.psi is set and this kernel shows no /proc/pressure/cpu: no tick will be hot; "
        "boot "
        "with psi=1, or take the key away");
  }
  run(cpu_, sample, list_cpu_jobs(account), processes, watches);

  PressureSample memory;
  memory.now_ns = beat.at_ns;
  memory.tracked = account.memory_used_bytes;
  memory.blameless = memory_max_bytes_;
  memory.level = account.memory_used_bytes;
  run(memory_, memory, list_memory_jobs(account), processes, watches);
}

void PressurePolicy::run(Resource& resource, const PressureSample& sample,
                         const std::vector<PressureJob>& jobs, const ProcessTable& processes,
                         const WatchList& watches) {
  const PressureOutcome outcome = resource.machine.tick(sample, jobs);
  const std::string kind = notice_name(resource.notice);
  if (outcome.is_news) {
    switch (outcome.finding) {
      case PressureFinding::kVictim:
        log_warning("event=pressure kind=" + kind +
                    (outcome.victim ? describe(resource, *outcome.victim, processes) : ""));
        break;
      case PressureFinding::kNobody:
        log_warning("event=pressure_nobody kind=" + kind + ": every job keeps within its cost");
        break;
      case PressureFinding::kUntracked:
        log_warning("event=pressure_untracked kind=" + kind +
                    " jobs=" + figure(resource.notice, sample.tracked) +
                    ": the load is of processes that own no slot; nobody is signalled for it");
        break;
      case PressureFinding::kNone:
        break;
    }
  }
  for (const PressureOrder& order : outcome.orders) carry_out(resource, order, processes, watches);
}

void PressurePolicy::carry_out(Resource& resource, const PressureOrder& order,
                               const ProcessTable& processes, const WatchList& watches) {
  switch (order.kind) {
    case PressureOrderKind::kNotify:
      return say(resource, order.job, true, processes);
    case PressureOrderKind::kCalm:
      return say(resource, order.job, false, processes);
    case PressureOrderKind::kStop:
      return send(resource, order.job, SIGTERM, processes, watches);
    case PressureOrderKind::kKill:
      return send(resource, order.job, SIGKILL, processes, watches);
  }
}

/// One word a slot for both resources: memory is the graver one, and what one has to say does not
/// end with the other.
void PressurePolicy::say(const Resource& resource, const PressureJob& job, bool is_on,
                         const ProcessTable& processes) {
  Said& said = said_[job.id.slot];
  if (said.generation != job.id.generation) said = {job.id.generation, false, false};
  (resource.notice == Notice::kMemory ? said.by_memory : said.by_cpu) = is_on;
  const Notice notice = said.by_memory ? Notice::kMemory
                        : said.by_cpu  ? Notice::kCpu
                                       : Notice::kCalm;
  if (load_notice(processes.view().slot_sample(job.id.slot), job.id.generation) != notice) {
    write_notice(processes, job, notice);
    if (notice != Notice::kCalm) note_notice(processes, job, notice);
  }
  if (notice == Notice::kCalm) said_.erase(job.id.slot);
}

/// Only while the claim is still this owner's: the sample is a moment old.
void PressurePolicy::send(const Resource& resource, const PressureJob& job, int signal,
                          const ProcessTable& processes, const WatchList& watches) const {
  const SlotWord word{processes.view().word(job.id.slot).load(std::memory_order_acquire)};
  if (!word.is_held() || word.generation() != job.id.generation || word.owner() != job.owner)
    return;
  const WatchList::Signalled sent = watches.send_signal(job.owner, job.attach, signal, with_group_);
  const int error = errno;
  const std::string what =
      std::string("event=pressure_signal kind=") + notice_name(resource.notice) +
      " signal=" + (signal == SIGKILL ? "KILL" : "TERM") + describe(resource, job, processes);
  switch (sent) {
    case WatchList::Signalled::kSent:
      add_one(processes.view().node().broker.signals);
      return log_warning(what);
    case WatchList::Signalled::kGone:
      return;
    case WatchList::Signalled::kUnproven:
      return log_warning(what + ": not sent, the owner is not proven to be that process");
    case WatchList::Signalled::kRefused:
      return log_error(what + ": not sent, " + std::strerror(error) +
                       "; the broker has to run as root, as the owner's user, or with CAP_KILL");
  }
}

std::string PressurePolicy::describe(const Resource& resource, const PressureJob& job,
                                     const ProcessTable& processes) const {
  const SegmentView& view = processes.view();
  const SlotWord word{view.word(job.id.slot).load(std::memory_order_acquire)};
  const auto type = load_text(view.type_name(word.type()).name);
  const auto key = load_text(view.record(job.id.slot).key);
  const Reservation owner{view.process(job.owner).reservation.load(std::memory_order_acquire)};
  return " slot=" + std::to_string(job.id.slot) + " type=" + escape_bytes(text_view(type)) +
         " key=\"" + escape_bytes(text_view(key)) + "\" owner_pid=" + std::to_string(owner.pid()) +
         " used=" + figure(resource.notice, job.used) +
         " cost=" + figure(resource.notice, job.cost);
}

}  // namespace slotd::broker
