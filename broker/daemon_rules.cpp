// The daemon's rules while it runs: the capacity may move under it, and a reload puts another
// configuration in force. daemon.hpp has the contract.
#include <algorithm>
#include <string>
#include <utility>

#include "broker/daemon.hpp"
#include "broker/host/capacity_read.hpp"
#include "broker/ledger/plan.hpp"
#include "broker/ledger/publish.hpp"
#include "broker/log.hpp"
#include "broker/reload.hpp"
#include "slotd/waiters.hpp"

namespace slotd::broker {

std::uint64_t Daemon::beat_ms() const {
  return std::max<std::uint64_t>(config_.cpu.sample_interval_ms, 1);
}

/// A container may have been resized, CPUs plugged or taken away: the budget follows.
void Daemon::follow_capacity() {
  if (config_.cpu.capacity_mode == CapacityMode::kFixed) return;
  if (find_capacity(config_.cpu).micro == spec_.capacity_micro) return;
  auto spec = make_spec(options_, config_, read_config_block(processes_.view()));
  if (!spec) return;
  if (!check_fit(*spec).minimums_fit) {
    log_error("the budget of " + std::to_string(spec->budget_micro / 1000U) +
              " millicores is below what types are sure of by their min: they are sure of nothing "
              "until it has grown");
    for (LedgerType& type : spec->types) type.minimum = 0;
  }
  spec_ = *spec;
  configure_metering();
  publish_config(processes_.view(), spec_);
  report_fit(options_, config_, spec_);
}

void Daemon::configure_metering() {
  meter_.configure(config_, spec_);
  const bool is_host = config_.cpu.capacity_mode != CapacityMode::kFixed &&
                       spec_.capacity_micro == read_online_micro();
  pressure_.configure(config_, spec_, is_host);
}

/// All or nothing: a bad file, or one that needs a new segment, changes nothing.
void Daemon::reload() {
  if (is_lost_) return log_error("event=reload_refused: the segment is being rebuilt; try again");
  // Before the file is read: who asks while it is read is answered by the next reload.
  const std::uint64_t request = load_reload_request(processes_.view());
  Loop::notify("RELOADING=1\nMONOTONIC_USEC=" + std::to_string(monotonic_ns() / 1000));
  ReloadPlan plan = plan_reload(options_, config_, processes_.view());
  if (plan.result == ReloadResult::kReloaded &&
      !try_change_access(options_, plan.config, config_, owned_->file.get())) {
    plan.result = ReloadResult::kInvalidFile;
  }
  const ReloadResult result = plan.result;
  if (result == ReloadResult::kReloaded) {
    put_in_force(std::move(plan));
    tell(EventKind::kReload);
    log_info("event=reloaded");
  } else {
    tell(EventKind::kReloadFailed);
    log_error("event=reload_refused: the configuration in force stays");
  }
  answer_reload_request(processes_.view(), request, result);
  Loop::notify("READY=1");
}

void Daemon::put_in_force(ReloadPlan plan) {
  const LedgerSpec current = read_config_block(processes_.view());
  config_ = std::move(plan.config);
  spec_ = std::move(plan.spec);
  owner_options_.mode = config_.segment.mode;
  owner_options_.group = config_.segment.group;
  http_.follow(config_.http, owned_->path, owned_->file.get());
  report_fit(options_, config_, spec_);
  // The beat first: with a shorter interval in force the old heartbeat would look stale.
  loop_->change_interval(beat_timer_, beat_ms());
  configure_metering();
  beat();
  // A claim on its way starts anew with every switch: none for nothing.
  if (!(spec_ == current)) publish_config(processes_.view(), spec_);
  wake_waiters(processes_);
}

}  // namespace slotd::broker
