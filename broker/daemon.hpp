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
#include "broker/ledger/ledger_spec.hpp"
#include "broker/liveness/watch_list.hpp"
#include "broker/loop.hpp"
#include "broker/options.hpp"
#include "broker/segment/segment_owner.hpp"
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
  std::optional<LedgerSpec> make_spec(const Config& config, const LedgerSpec& current);
  void report_fit(const LedgerSpec& spec);
  int become_owner();
  bool attach_self();
  void go_live();
  void publish_heartbeat();
  void reload();
  bool can_keep_segment(const Config& config);
  std::string place_of(const Config& config, const std::string& key) const;
  void leave();

  Options options_;
  Config config_;
  int exit_code_ = 0;
  std::optional<OwnedSegment> owned_;
  ProcessTable processes_;
  ProcessRef self_;
  Keeper keeper_;
  std::optional<WatchList> watches_;
  std::unique_ptr<Loop> loop_;
  std::size_t heartbeat_timer_ = 0;
};

/// Reads and checks the configuration file that the options name, printing every diagnostic to
/// stderr. Nothing when invalid.
std::optional<Config> load_config(const Options& options);

}  // namespace slotd::broker
