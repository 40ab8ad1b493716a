// The broker as a whole: start, ticks, reload, stop. What it does is in the rooms below; this file
// only joins them.
//
// Single-threaded, apart from the keeper that holds the broker's own presence. Killed anywhere:
// workers go on, the next broker adopts the segment.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "broker/config/config.hpp"
#include "broker/http/endpoint.hpp"
#include "broker/ledger/ledger_spec.hpp"
#include "broker/liveness/watch_list.hpp"
#include "broker/loop.hpp"
#include "broker/metering/meter.hpp"
#include "broker/options.hpp"
#include "broker/pressure/pressure_policy.hpp"
#include "broker/reload.hpp"
#include "broker/segment/health.hpp"
#include "broker/segment/ledger_copy.hpp"
#include "broker/segment/segment_owner.hpp"
#include "broker/status.hpp"
#include "slotd/presence.hpp"
#include "slotd/process_table.hpp"

namespace slotd::broker {

class Daemon {
 public:
  Daemon(Options options, Config config);

  /// Owns the segment and serves until SIGTERM or SIGINT. Returns the exit code of the contract.
  int run();

 private:
  bool prepare(const SegmentView& view, Origin origin);
  void carry_over(const SegmentView& view);
  int become_owner();
  bool attach_self();
  void watch_owners();
  void go_live();
  void serve();
  void tick();
  void lose_segment(Damage damage);
  void rebuild();
  void settle_for(std::uint64_t ms);
  void end_settling();
  void beat();
  void tell_status();
  void tell(EventKind kind);
  void leave();
  // Below: daemon_rules.cpp.
  std::uint64_t beat_ms() const;
  void follow_capacity();
  void configure_metering();
  void reload();
  void put_in_force(ReloadPlan plan);

  Options options_;
  Config config_;
  int exit_code_ = 0;
  std::optional<OwnedSegment> owned_;
  ProcessTable processes_;
  ProcessRef self_;
  std::optional<Keeper> keeper_;
  std::optional<WatchList> watches_;
  std::unique_ptr<Loop> loop_;
  std::size_t beat_timer_ = 0;
  Meter meter_;
  PressurePolicy pressure_;
  OwnerOptions owner_options_;
  LedgerSpec spec_;    ///< the rules in force
  LedgerCopy shadow_;  ///< what the segment held at the last tick
  FileWatch file_watch_;
  LedgerCopy carried_;     ///< what the segment in force was rebuilt from
  SegmentView lost_view_;  ///< of the segment before it, while its words still tell something
  std::uint64_t retry_at_ns_ = 0;  ///< of a rebuild that failed
  bool is_lost_ = false;
  std::string last_failure_;         ///< of a rebuild, said once
  std::uint64_t missing_pages_ = 0;  ///< found so far
  std::uint64_t settled_at_ns_ = 0;  ///< 0: not settling
  bool is_ready_told_ = false;
  std::string told_status_;  ///< the figures that systemd was told last
  DebtNews debt_news_;
  HttpEndpoint http_;
};

}  // namespace slotd::broker
