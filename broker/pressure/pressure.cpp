#include "broker/pressure/pressure.hpp"

#include <algorithm>

#include "slotd/units.hpp"

namespace slotd::broker {

namespace {

__extension__ using Wide = unsigned __int128;

constexpr std::uint64_t kNsPerMs = 1'000'000;
constexpr std::uint32_t kFullUtilizationPpb = 950'000'000;
constexpr std::uint64_t kGapIntervals = 3;
constexpr std::uint64_t kEarlyPart = 4;

const PressureJob* find_job(std::span<const PressureJob> jobs, PressureJobId id) {
  const auto found =
      std::find_if(jobs.begin(), jobs.end(), [id](const PressureJob& job) { return job.id == id; });
  return found == jobs.end() ? nullptr : &*found;
}

bool is_larger(const PressureJob& job, const PressureJob* best) {
  if (best == nullptr || job.used != best->used) return best == nullptr || job.used > best->used;
  return job.id.slot < best->id.slot;
}

}  // namespace

PressureRules make_cpu_rules(const Config& config) {
  PressureRules rules;
  rules.action = config.pressure.action;
  rules.limit =
      effective_threshold_ppb(config.pressure.threshold_ppb, config.cpu.max_utilization_ppb);
  rules.psi_ppb = config.pressure.psi_ppb;
  rules.ticks = config.pressure.ticks;
  rules.reset_ticks = config.pressure.reset_ticks;
  rules.grace_ns = config.pressure.grace_ms * kNsPerMs;
  rules.interval_ns = config.cpu.sample_interval_ms * kNsPerMs;
  rules.least_jobs = 2;
  return rules;
}

PressureRules make_memory_rules(const Config& config) {
  PressureRules rules;
  rules.action = config.pressure.action;
  rules.limit = config.memory.max_bytes;
  rules.sustained_ns = config.pressure.memory_grace_ms * kNsPerMs;
  rules.grace_ns = rules.sustained_ns;
  rules.interval_ns = config.cpu.sample_interval_ms * kNsPerMs;
  rules.takes_largest = true;
  return rules;
}

std::uint32_t effective_threshold_ppb(std::uint32_t threshold_ppb, std::uint32_t utilization_ppb) {
  if (utilization_ppb < kFullUtilizationPpb) return threshold_ppb;
  const std::uint64_t half_way = (std::uint64_t{kRatioOne} + utilization_ppb) / 2;
  return static_cast<std::uint32_t>(std::max<std::uint64_t>(threshold_ppb, half_way));
}

std::uint64_t load_ppb(std::uint64_t used_micro, std::uint64_t capacity_micro) {
  if (capacity_micro == 0) return 0;
  const Wide load = Wide{used_micro} * kRatioOne / capacity_micro;
  return static_cast<std::uint64_t>(std::min<Wide>(load, ~std::uint64_t{0}));
}

std::uint64_t blameless_micro(std::uint64_t budget_micro, std::uint64_t capacity_micro,
                              std::uint32_t threshold_ppb) {
  const auto at_threshold =
      static_cast<std::uint64_t>(Wide{capacity_micro} * threshold_ppb / kRatioOne);
  return std::min(budget_micro, at_threshold);
}

PressureOutcome PressureMachine::tick(const PressureSample& sample,
                                      std::span<const PressureJob> jobs) {
  PressureOutcome out;
  if (!advance(sample.now_ns)) return out;
  drop_ended(jobs);
  out.is_hot = is_hot(sample, jobs);
  count(out.is_hot);
  if (!is_heated_ || rules_.action == PressureAction::kNone) calm(jobs, out);
  if (out.is_hot) judge(sample, jobs, out);
  return out;
}

void PressureMachine::forget() {
  const PressureCounts counts = counts_;
  const PressureRules rules = rules_;
  *this = PressureMachine();
  counts_ = counts;
  rules_ = rules;
}

PressureState PressureMachine::state() const {
  PressureState state;
  state.is_heated = is_heated_;
  state.hot_ticks = hot_ticks_;
  state.low_ticks = low_ticks_;
  if (victim_) state.victim = victim_->id;
  state.grace_left_ns = grace_left_ns_;
  state.counts = counts_;
  return state;
}

bool PressureMachine::advance(std::uint64_t now_ns) {
  step_ns_ = 0;
  if (last_ns_ && now_ns >= *last_ns_) {
    step_ns_ = now_ns - *last_ns_;
    if (step_ns_ < rules_.interval_ns / kEarlyPart) return false;
    if (step_ns_ > kGapIntervals * rules_.interval_ns) step_ns_ = rules_.interval_ns;
  }
  last_ns_ = now_ns;
  grace_left_ns_ -= std::min(grace_left_ns_, step_ns_);
  return true;
}

void PressureMachine::drop_ended(std::span<const PressureJob> jobs) {
  std::erase_if(told_, [jobs](const Told& told) { return find_job(jobs, told.job.id) == nullptr; });
  if (!victim_ || find_job(jobs, victim_->id) != nullptr) return;
  victim_.reset();
  clear_evidence();
}

bool PressureMachine::is_hot(const PressureSample& sample,
                             std::span<const PressureJob> jobs) const {
  if (rules_.limit == 0 || !sample.level || *sample.level <= rules_.limit) return false;
  if (rules_.psi_ppb != 0 && (!sample.psi_ppb || *sample.psi_ppb < rules_.psi_ppb)) return false;
  // Jobs that end by themselves do not count; the victim that is ending does, or its own stopping
  // would save it from being killed.
  const auto counted = std::count_if(jobs.begin(), jobs.end(), [this](const PressureJob& job) {
    return !job.is_ending || (victim_ && victim_->id == job.id);
  });
  return counted >= static_cast<std::ptrdiff_t>(rules_.least_jobs);
}

void PressureMachine::count(bool is_hot) {
  if (!is_hot) {
    if (!is_heated_) return;
    sustained_ns_ = 0;
    if (++low_ticks_ < rules_.reset_ticks) return;
    is_heated_ = false;
    noted_ = 0;
    victim_.reset();
    clear_evidence();
    low_ticks_ = 0;
    return;
  }
  ++counts_.hot_ticks;
  if (!is_heated_) ++counts_.heats;
  is_heated_ = true;
  if (hot_ticks_ > 0 && low_ticks_ == 0) sustained_ns_ += step_ns_;
  low_ticks_ = 0;
  if (hot_ticks_ < rules_.ticks) ++hot_ticks_;
}

void PressureMachine::clear_evidence() {
  hot_ticks_ = 0;
  sustained_ns_ = 0;
}

void PressureMachine::calm(std::span<const PressureJob> jobs, PressureOutcome& out) {
  for (const Told& told : told_) {
    if (const PressureJob* job = find_job(jobs, told.job.id)) {
      out.orders.push_back({PressureOrderKind::kCalm, *job});
    }
  }
  told_.clear();
}

void PressureMachine::judge(const PressureSample& sample, std::span<const PressureJob> jobs,
                            PressureOutcome& out) {
  const bool is_due = victim_ ? grace_left_ns_ == 0
                              : grace_left_ns_ == 0 && hot_ticks_ >= rules_.ticks &&
                                    sustained_ns_ >= rules_.sustained_ns;
  if (!is_due) return;
  if (sample.tracked <= sample.blameless) {
    return note(PressureFinding::kUntracked, counts_.untracked, out);
  }
  if (victim_) return end_grace(jobs, out);
  const PressureJob* job = choose(jobs);
  if (job == nullptr) return note(PressureFinding::kNobody, counts_.nobody, out);
  take_victim(*job, out);
}

void PressureMachine::end_grace(std::span<const PressureJob> jobs, PressureOutcome& out) {
  const bool kills =
      rules_.action == PressureAction::kStop || rules_.action == PressureAction::kKill;
  if (victim_->is_stopped && kills) {
    const PressureJobId id = victim_->id;
    out.orders.push_back({PressureOrderKind::kKill, *find_job(jobs, id)});
    ++counts_.kills;
    for (Told& told : told_) told.is_killed = told.is_killed || told.job.id == id;
  }
  victim_.reset();
  clear_evidence();
}

const PressureJob* PressureMachine::choose(std::span<const PressureJob> jobs) const {
  const PressureJob* best = nullptr;
  const PressureJob* largest = nullptr;
  for (const PressureJob& job : jobs) {
    if (job.is_ending || is_killed(job)) continue;
    if (is_larger(job, largest)) largest = &job;
    if (job.used > job.cost && is_larger(job, best)) best = &job;
  }
  return best == nullptr && rules_.takes_largest ? largest : best;
}

// A process is killed once, whichever of its slots it was for.
bool PressureMachine::is_killed(const PressureJob& job) const {
  return std::any_of(told_.begin(), told_.end(), [&job](const Told& told) {
    return told.is_killed && told.job.owner == job.owner && told.job.attach == job.attach;
  });
}

void PressureMachine::take_victim(const PressureJob& job, PressureOutcome& out) {
  out.finding = PressureFinding::kVictim;
  out.is_news = true;
  out.victim = job;
  ++counts_.victims;
  grace_left_ns_ = rules_.grace_ns;
  victim_ = Victim{job.id, rules_.action == PressureAction::kStop};
  if (rules_.action == PressureAction::kNone) return;
  out.orders.push_back({PressureOrderKind::kNotify, job});
  const bool is_killed = rules_.action == PressureAction::kKill;
  if (rules_.action == PressureAction::kStop) {
    out.orders.push_back({PressureOrderKind::kStop, job});
    ++counts_.stops;
  } else if (is_killed) {
    out.orders.push_back({PressureOrderKind::kKill, job});
    ++counts_.kills;
  }
  std::erase_if(told_, [&job](const Told& told) { return told.job.id == job.id; });
  told_.push_back({job, is_killed});
}

void PressureMachine::note(PressureFinding finding, std::uint64_t& heats, PressureOutcome& out) {
  const std::uint32_t bit = 1U << static_cast<std::uint32_t>(finding);
  out.finding = finding;
  out.is_news = (noted_ & bit) == 0;
  if (out.is_news) ++heats;
  noted_ |= bit;
}

}  // namespace slotd::broker
