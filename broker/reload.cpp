#include "broker/reload.hpp"

#include <grp.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "broker/config/diagnostic.hpp"
#include "broker/config/read_config.hpp"
#include "broker/host/capacity_read.hpp"
#include "broker/ledger/plan.hpp"
#include "broker/ledger/publish.hpp"
#include "broker/log.hpp"
#include "broker/segment/segment_owner.hpp"
#include "slotd/units.hpp"

namespace slotd::broker {

namespace {

constexpr const char* kDefaultConfigPath = "/etc/slotd/slotd.yaml";

std::string config_path_of(const Options& options) {
  return options.config_path.empty() ? kDefaultConfigPath : options.config_path;
}

std::string cores(std::uint64_t micro) {
  return format_cores_micro(static_cast<std::int64_t>(micro));
}

void log_refused_key(const Options& options, const Config& config, const std::string& key,
                     const std::string& message) {
  log_error(place_of(options, config, key) + ": " + key + ": " + message);
}

/// What is fixed for the segment's life. A figure that is in force already although the live
/// segment has another one was put off at the start, and is no change.
bool can_keep_segment(const Options& options, const Config& config, const Config& in_force,
                      const Capacities& live) {
  const auto changes = [](std::uint32_t wanted, std::uint32_t before, std::uint32_t now) {
    return wanted != now && wanted != before;
  };
  std::vector<std::string> keys;
  if (changes(config.segment.slots, in_force.segment.slots, live.slots))
    keys.emplace_back("segment.slots");
  if (changes(config.segment.processes, in_force.segment.processes, live.processes))
    keys.emplace_back("segment.processes");
  if (segment_path_of(options, config) != segment_path_of(options, in_force))
    keys.emplace_back("segment.path");
  for (const std::string& key : keys) {
    log_refused_key(options, config, key,
                    "cannot change while the segment lives; restart the broker when no slot is "
                    "held");
  }
  return keys.empty();
}

/// The group of that name; the broker's own where none is named. Nothing when there is none.
std::optional<gid_t> find_group_id(const std::string& name) {
  if (name.empty()) return ::getegid();
  const group* entry = ::getgrnam(name.c_str());
  return entry == nullptr ? std::nullopt : std::optional<gid_t>(entry->gr_gid);
}

}  // namespace

std::optional<Config> load_config(const Options& options) {
  if (options.config_path.empty() && ::access(kDefaultConfigPath, F_OK) != 0) return Config{};
  const ConfigResult result = read_config(config_path_of(options));
  for (const Diagnostic& diagnostic : result.diagnostics) {
    log_diagnostic(format_diagnostic(diagnostic));
  }
  return result.config;
}

std::string place_of(const Options& options, const Config& config, const std::string& key) {
  const SourceMark mark = config.find_place(key);
  return config_path_of(options) + (mark.line > 0 ? ":" + std::to_string(mark.line) : "");
}

std::string segment_path_of(const Options& options, const Config& config) {
  if (!options.segment_path.empty()) return options.segment_path;
  return config.segment.path.empty() ? choose_segment_path() : config.segment.path;
}

Capacity find_capacity(const CpuConfig& cpu) {
  switch (cpu.capacity_mode) {
    case CapacityMode::kFixed:
      return {static_cast<std::uint64_t>(cpu.capacity_micro), "cpu.capacity"};
    case CapacityMode::kHost:
      return {read_online_micro(), "online CPUs of the host"};
    case CapacityMode::kAuto:
      break;
  }
  return decide_capacity(read_capacity_facts(""));
}

std::optional<LedgerSpec> make_spec(const Options& options, const Config& config,
                                    const LedgerSpec& current) {
  const Capacity capacity = find_capacity(config.cpu);
  LedgerPlan plan = plan_ledger(config, capacity.micro, current);
  for (const PlanProblem& problem : plan.problems)
    log_refused_key(options, config, problem.key, problem.message);
  if (!plan.spec) return std::nullopt;
  log_info("event=capacity cores=" + cores(capacity.micro) +
           " budget=" + cores(plan.spec->budget_micro) + " source=\"" + capacity.source + "\"");
  return std::move(plan.spec);
}

void report_fit(const Options& options, const Config& config, const LedgerSpec& spec) {
  const FitReport fit = check_fit(spec);
  for (const std::string& name : fit.never) {
    const std::string room = "the capacity is " + cores(spec.capacity_micro) +
                             " cores and the budget " + cores(spec.budget_micro);
    log_warning(place_of(options, config, "types." + name) + ": type " + name +
                " can never run here: it costs too much (" + room +
                (fit.minimum_micro == 0
                     ? ")"
                     : ", of which minimums are sure of " + cores(fit.minimum_micro) + ")"));
  }
}

bool check_any_fits(const LedgerSpec& spec) {
  const FitReport fit = check_fit(spec);
  if (!fit.minimums_fit) {
    log_error("the minimums of all types together are sure of " + cores(fit.minimum_micro) +
              " cores, and the budget is " + cores(spec.budget_micro) +
              "; lower types.*.min, or raise cpu.capacity");
    return false;
  }
  if (!fit.none_fits) return true;
  log_error("no configured type fits this node's capacity of " + cores(spec.capacity_micro) +
            " cores; raise cpu.capacity or lower the costs");
  return false;
}

ReloadPlan plan_reload(const Options& options, const Config& in_force, const SegmentView& live) {
  ReloadPlan plan;
  auto config = load_config(options);
  if (!config) return plan;
  const bool keeps = can_keep_segment(options, *config, in_force, live.capacities());
  auto spec = make_spec(options, *config, read_config_block(live));
  if (!keeps || !spec) {
    plan.result = ReloadResult::kNeedsNewSegment;
    return plan;
  }
  if (!check_any_fits(*spec)) return plan;
  plan.config = std::move(*config);
  plan.spec = std::move(*spec);
  plan.result = ReloadResult::kReloaded;
  return plan;
}

bool try_change_access(const Options& options, const Config& config, const Config& in_force,
                       int segment_file) {
  const SegmentConfig& wanted = config.segment;
  if (wanted.mode == in_force.segment.mode && wanted.group == in_force.segment.group) return true;
  struct stat before {};
  const auto gid = find_group_id(wanted.group);
  if (!gid) {
    log_refused_key(options, config, "segment.group",
                    "no group '" + wanted.group + "' on this host; create it (groupadd --system " +
                        wanted.group + ") or name another one");
    return false;
  }
  if (::fstat(segment_file, &before) != 0) return true;  // lost: the next one is made as wanted
  if (before.st_gid != *gid && ::fchown(segment_file, static_cast<uid_t>(-1), *gid) != 0) {
    log_refused_key(options, config, "segment.group",
                    std::string("cannot give the segment to that group: ") + std::strerror(errno) +
                        "; run the broker as a member of it");
    return false;
  }
  if ((before.st_mode & 07777U) == wanted.mode || ::fchmod(segment_file, wanted.mode) == 0)
    return true;
  log_refused_key(options, config, "segment.mode", std::strerror(errno));
  static_cast<void>(!::fchown(segment_file, static_cast<uid_t>(-1), before.st_gid));
  return false;
}

std::uint64_t load_reload_request(const SegmentView& view) {
  return view.header().reload_requested.load(std::memory_order_acquire);
}

bool has_reload_request(const SegmentView& view) {
  return load_reload_request(view) != view.header().reload_acked.load(std::memory_order_relaxed);
}

void answer_reload_request(const SegmentView& view, std::uint64_t number, ReloadResult result) {
  Header& header = view.header();
  header.reload_result.store(static_cast<std::uint64_t>(result), std::memory_order_relaxed);
  header.reload_acked.store(number, std::memory_order_release);
}

}  // namespace slotd::broker
