#include "tests/bench/livekit_trace/simulate.hpp"

#include <algorithm>
#include <optional>

#include "broker/ledger/charge.hpp"
#include "broker/pressure/pressure.hpp"
#include "slotd/admission.hpp"
#include "slotd/units.hpp"

namespace slotd::livekit_trace {

namespace {

constexpr std::uint32_t kUtilizationPpb = 800'000'000;
constexpr std::uint64_t kBudgetMicro = static_cast<std::uint64_t>(
    budget_micro(static_cast<std::int64_t>(kCapacityMicro), kUtilizationPpb));
constexpr std::uint32_t kUpstreamHoldS = 15;

struct Running {
  const TraceJob* job = nullptr;
  std::uint32_t slot = 0;
  std::uint32_t since_s = 0;
  std::uint64_t used_micro = 0;
  std::optional<std::uint64_t> measured_micro;
  std::optional<std::uint64_t> smoothed_micro;
  std::uint64_t charge_micro = 0;
};

class Node {
 public:
  Node(const Workload& workload, const Policy& policy) : workload_(workload), policy_(policy) {
    broker::Config config;
    config.pressure.action = broker::PressureAction::kKill;
    config.cpu.max_utilization_ppb = kUtilizationPpb;
    pressure_.configure(broker::make_cpu_rules(config));
  }

  Result run() {
    for (now_s_ = 0; now_s_ < workload_.seconds; ++now_s_) {
      std::erase_if(running_, [this](const Running& running) {
        return now_s_ - running.since_s >= running.job->demand_micro.size();
      });
      use_cpu();
      charge();
      relieve();
      admit_arrivals();
    }
    return std::move(result_);
  }

 private:
  void use_cpu() {
    std::uint64_t demand = 0;
    for (Running& running : running_) {
      running.used_micro = running.job->demand_micro[now_s_ - running.since_s];
      demand += running.used_micro;
    }
    result_.demand_micro.push_back(demand);
    result_.peak_micro = std::max(result_.peak_micro, demand);
    result_.job_seconds += running_.size();
    if (demand <= kCapacityMicro) return;
    ++result_.over_seconds;
    result_.over_micro += demand - kCapacityMicro;
    for (Running& running : running_)
      running.used_micro = running.used_micro * kCapacityMicro / demand;
  }

  // A job admitted in this second is first measured in the next one, as a broker would.
  void charge() {
    broker::ChargeRules rules;
    rules.mode = policy_.charge;
    for (Running& running : running_) {
      running.measured_micro = running.used_micro;
      running.smoothed_micro =
          broker::smooth_micro(running.smoothed_micro, running.used_micro, kNsPerSecond);
      broker::SlotFacts facts;
      facts.slot = running.slot;
      facts.word = SlotWord::make(running.slot + 1, SlotState::kActive, 0, kCostMilli, 1);
      facts.active_ns = std::uint64_t{now_s_ - running.since_s} * kNsPerSecond;
      const broker::OwnerFigures figures{running.measured_micro, running.smoothed_micro, {}};
      const auto charges = broker::charge_owner(rules, figures, {&facts, 1});
      running.charge_micro = broker::charged_micro(charges[0], facts.word);
    }
  }

  void relieve() {
    std::vector<broker::PressureJob> jobs;
    std::uint64_t used = 0;
    for (const Running& running : running_) {
      used += running.used_micro;
      broker::PressureJob job;
      job.id = {running.slot, running.since_s + 1};
      job.owner = running.slot + 1;
      job.used = running.used_micro;
      job.cost = std::uint64_t{kCostMilli} * 1000;
      jobs.push_back(job);
    }
    broker::PressureSample sample;
    sample.now_ns = std::uint64_t{now_s_ + 1U} * kNsPerSecond;
    sample.level = broker::load_ppb(used, kCapacityMicro);
    sample.tracked = used;
    sample.blameless = kBudgetMicro;
    for (const broker::PressureOrder& order : pressure_.tick(sample, jobs).orders) {
      if (order.kind != broker::PressureOrderKind::kKill) continue;
      result_.stopped += 1;
      std::erase_if(running_,
                    [&order](const Running& running) { return running.slot == order.job.id.slot; });
    }
  }

  void admit_arrivals() {
    for (; next_ < workload_.jobs.size() && workload_.jobs[next_].arrival_s == now_s_; ++next_) {
      const bool admitted = policy_.is_upstream ? fits_upstream() : fits();
      result_.verdicts.push_back(admitted);
      if (!admitted) {
        ++result_.refused;
        continue;
      }
      ++result_.admitted;
      Running running;
      running.job = &workload_.jobs[next_];
      running.slot = find_free_slot();
      // Its first second is the next one.
      running.since_s = now_s_ + 1;
      running.charge_micro = std::uint64_t{kCostMilli} * 1000;
      running_.push_back(running);
      result_.most_jobs = std::max(result_.most_jobs, static_cast<std::uint32_t>(running_.size()));
    }
  }

  bool fits() {
    Rules rules;
    rules.known = true;
    rules.limit = policy_.limit;
    rules.family_mask = 1;
    rules.capacity_micro = kCapacityMicro;
    rules.budget_micro = kBudgetMicro;
    Request request;
    request.cost_milli = kCostMilli;
    Usage usage;
    for (const Running& running : running_) usage.add(rules, 0, running.charge_micro, 0);
    const bool admitted = static_cast<bool>(decide(rules, request, usage));
    if (admitted && usage.charged_micro + std::uint64_t{kCostMilli} * 1000 > kBudgetMicro)
      ++result_.beyond_budget;
    return admitted;
  }

  // The type's cost for 15 s, or a larger sample; then the sample of the last second alone.
  [[nodiscard]] bool fits_upstream() const {
    constexpr double kCores = static_cast<double>(kCapacityMicro) / 1e6;
    constexpr double kCost = kCostMilli / 1e3;
    if (running_.empty()) return kCores >= kCost;
    double used = 0;
    for (const Running& running : running_) {
      const double sample = static_cast<double>(running.measured_micro.value_or(0)) / 1e6;
      const bool is_pending = now_s_ + 1 - running.since_s <= kUpstreamHoldS;
      used += is_pending ? std::max(kCost, sample) : sample;
    }
    return kCores * 0.8 - used >= kCost;
  }

  [[nodiscard]] std::uint32_t find_free_slot() const {
    std::uint32_t slot = 0;
    while (std::any_of(running_.begin(), running_.end(),
                       [slot](const Running& running) { return running.slot == slot; })) {
      ++slot;
    }
    return slot;
  }

  const Workload& workload_;
  const Policy& policy_;
  broker::PressureMachine pressure_;
  std::vector<Running> running_;
  std::size_t next_ = 0;
  std::uint32_t now_s_ = 0;
  Result result_;
};

}  // namespace

std::vector<Policy> make_policies() {
  constexpr std::uint32_t kDefaultLimit = 3;
  return {{"egress service alone", true, ChargeMode::kMeasured, kNoLimit},
          {"slotd, charge max, at most 3", false, ChargeMode::kMax, kDefaultLimit},
          {"slotd, charge max, no type limit", false, ChargeMode::kMax, kNoLimit},
          {"slotd, charge measured, at most 3", false, ChargeMode::kMeasured, kDefaultLimit}};
}

Result simulate(const Workload& workload, const Policy& policy) {
  return Node(workload, policy).run();
}

}  // namespace slotd::livekit_trace
