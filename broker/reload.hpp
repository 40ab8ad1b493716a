// From the configuration file to rules that this node can put in force: at the start, and all or
// nothing at each reload. Also the two ends of a reload request: operators write a number into the
// segment, the broker answers it there.
//
// Not here: what the rules mean (ledger/), when a reload happens (daemon_rules.cpp).
// Single-threaded. Blocks on the file, on procfs and on the log only. Killed anywhere: the rules in
// force stay; a request that is not answered is found again by the next broker.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "broker/config/config.hpp"
#include "broker/host/capacity_parse.hpp"
#include "broker/ledger/ledger_spec.hpp"
#include "broker/options.hpp"
#include "slotd/segment_view.hpp"

namespace slotd::broker {

/// Reads and checks the configuration file that the options name, printing every diagnostic to
/// stderr. Nothing when invalid.
std::optional<Config> load_config(const Options& options);

/// "FILE:LINE" of a native key, see Config::find_place(), or "FILE" where nothing of it stands
/// there.
std::string place_of(const Options& options, const Config& config, const std::string& key);

/// The segment's path under this configuration: of the command line, of the file, or the place for
/// this user.
std::string segment_path_of(const Options& options, const Config& config);

/// What the node has now, by the mode that the configuration names.
Capacity find_capacity(const CpuConfig& cpu);

/// Rules for this node, with the capacity that it has now. `current`: what the segment knows by
/// name. Nothing (and logged with key and line) when they need a new segment.
std::optional<LedgerSpec> make_spec(const Options& options, const Config& config,
                                    const LedgerSpec& current);

/// Logs what is configured and has no effect, or can never run here.
void report_fit(const Options& options, const Config& config, const LedgerSpec& spec);

/// Does any configured type fit this node? Logs what to do when none does.
bool check_any_fits(const LedgerSpec& spec);

/// A reload that has been decided and changed nothing yet. `config` and `spec` are meant with
/// kReloaded.
struct ReloadPlan {
  ReloadResult result = ReloadResult::kInvalidFile;
  Config config;
  LedgerSpec spec;
};

/// Reads the file and decides. Every reason against it is logged with key and line. `live` is the
/// segment in force, `in_force` the configuration whose rules it holds.
ReloadPlan plan_reload(const Options& options, const Config& in_force, const SegmentView& live);

/// Gives the open segment file the mode and the group that the configuration names, where they are
/// not those of the configuration in force. On failure nothing has changed, and the reason is
/// logged with key and line.
bool try_change_access(const Options& options, const Config& config, const Config& in_force,
                       int segment_file);

/// The number of the last reload request, to be taken before the file is read.
std::uint64_t load_reload_request(const SegmentView& view);
/// Is there a request without an answer? Whatever is written into the two words: one answer ends
/// it.
bool has_reload_request(const SegmentView& view);
/// Answers that request and all before it.
void answer_reload_request(const SegmentView& view, std::uint64_t number, ReloadResult result);

}  // namespace slotd::broker
