// Texts of /proc and of cgroup files, each through all parsers: none believes a text that is none,
// and what they return is in range.
#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "broker/host/capacity_parse.hpp"
#include "broker/host/cgroup_parse.hpp"
#include "broker/host/external_count.hpp"
#include "broker/host/proc_parse.hpp"
#include "broker/host/process_tree.hpp"
#include "broker/host/text_scan.hpp"
#include "broker/liveness/pid_translate.hpp"
#include "slotd/process_probe.hpp"
#include "tests/fuzz/support/input.hpp"
#include "tests/fuzz/support/target.hpp"

namespace {

using namespace slotd;

/// Every line a process; who belongs to whom must be answered for whatever they say.
void assign_lines(std::string_view text) {
  std::vector<broker::ProcessStat> processes;
  std::string_view rest = text;
  while (!rest.empty() && processes.size() < 64) {
    const std::string_view line = broker::take_until(rest, '\n');
    const auto stat = broker::parse_process_stat(line);
    if (!stat) continue;
    fuzz::require(stat->pid > 0, "a process has a pid above 0");
    fuzz::require(stat->parent >= 0 && stat->group >= 0 && stat->session >= 0, "no pid below 0");
    processes.push_back(*stat);
  }
  std::sort(processes.begin(), processes.end(),
            [](const auto& a, const auto& b) { return a.pid < b.pid; });
  std::vector<int> owners;
  std::vector<broker::KnownMember> known;
  for (std::size_t i = 0; i < processes.size(); ++i) {
    if (i % 3 == 0) owners.push_back(processes[i].pid);
    if (i % 2 == 0)
      known.push_back({processes[i].pid, processes[i].start_ticks, static_cast<std::uint32_t>(i)});
  }
  const auto result = broker::assign_owners(processes, owners, known);
  fuzz::require(result.size() == processes.size(), "an answer for each process");
  for (const std::uint32_t owner : result)
    fuzz::require(owner == broker::kNobody || owner < owners.size(), "the place of an owner");
}

void parse_mounts(std::string_view text, std::string_view path) {
  for (const broker::CgroupMount& mount : broker::parse_cgroup_mounts(text)) {
    fuzz::require(mount.point.starts_with('/') && mount.root.starts_with('/'), "whole paths");
    const auto below = broker::find_below_mount(mount, path);
    if (!below) continue;
    fuzz::require(below->starts_with('/'), "a path below the mount begins at it");
    fuzz::require(below->find("/../") == std::string::npos, "no path leads out of the mount");
  }
}

void parse_host(std::string_view first, std::string_view second) {
  const auto before = broker::parse_host_ticks(first);
  const auto now = broker::parse_host_ticks(second);
  if (before) fuzz::require(before->busy <= before->total, "busy is a part of the whole");
  if (before && now) {
    const auto busy = broker::decide_busy_micro(*before, *now);
    if (busy) fuzz::require(*busy <= std::uint64_t{now->cpus} * 1'000'000, "no more than all CPUs");
  }
  if (const auto some = broker::parse_pressure_some_ppb(first))
    fuzz::require(*some <= 1'000'000'000, "no more pressure than all the time");
  static_cast<void>(broker::parse_pss_bytes(first));
  static_cast<void>(broker::parse_uptime_centis(first));
  static_cast<void>(broker::parse_cpu_stat_ns(first));
  static_cast<void>(broker::parse_single_count(first));
  static_cast<void>(broker::parse_stat_field(first, second));
  static_cast<void>(broker::parse_external_count(first));
  if (const auto pids = broker::parse_cgroup_pids(first)) {
    fuzz::require(std::is_sorted(pids->begin(), pids->end()), "pids are sorted");
    fuzz::require(pids->empty() || pids->front() >= 0, "no pid below 0");
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const std::size_t middle = text.find('|');
  const std::string_view first = text.substr(0, middle);
  const std::string_view second = middle == std::string_view::npos ? "" : text.substr(middle + 1);

  broker::CapacityFacts facts;
  facts.quota_micro = broker::parse_cpu_max_micro(text);
  if (const auto quota = broker::parse_cfs_micro(first, second)) facts.request_micro = quota;
  if (const auto cpus = broker::parse_cpu_list(text)) {
    fuzz::require(*cpus > 0, "a list of CPUs has one");
    facts.cpuset_micro = std::uint64_t{*cpus} * 1'000'000;
  }
  const broker::Capacity capacity = broker::decide_capacity(facts);
  fuzz::require(!capacity.source.empty(), "a capacity has a source");

  for (const broker::CgroupLine& line : broker::parse_proc_cgroup(text)) {
    const auto ancestors = broker::list_ancestors(line.path);
    fuzz::require(!ancestors.empty() && ancestors.back() == "/", "the root is an ancestor of all");
    fuzz::require(ancestors.size() <= line.path.size() + 1, "no more ancestors than characters");
  }
  assign_lines(text);
  parse_mounts(first, second);
  parse_host(first, second);
  if (const auto pid = broker::parse_innermost_pid(text))
    fuzz::require(*pid > 0, "a pid is a number above 0");

  // The readers hand over at most one buffer, ended by NUL.
  const std::string buffer(text.substr(0, 1023));
  static_cast<void>(parse_start_ticks(buffer.c_str()));
  static_cast<void>(parse_time_namespace_offset_ns(buffer.c_str()));
  return 0;
}
