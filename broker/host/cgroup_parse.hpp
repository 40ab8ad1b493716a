// Texts about control groups, version 1, version 2 and both at once: where they are mounted, who is
// where, what they have used. Pure parsers; any bytes may come in, what is no such text is nothing,
// numbers saturate. Nothing blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace slotd::broker {

/// One line of /proc/PID/cgroup: "0::/a/b" (v2) or "4:cpu,cpuacct:/a/b" (v1).
struct CgroupLine {
  std::string controllers;  ///< empty for v2
  std::string path;
};
std::vector<CgroupLine> parse_proc_cgroup(std::string_view text);

/// Is `wanted` one of the names in "cpu,cpuacct"?
bool has_controller(std::string_view list, std::string_view wanted);

/// One mounted hierarchy.
struct CgroupMount {
  std::string root;         ///< the group that is at the mount point, as /proc/PID/cgroup names it
  std::string point;        ///< where; as the process whose text it was sees it
  std::string controllers;  ///< v1: with the mount's other options, "rw,cpu,cpuacct"; v2: empty
  bool v2 = false;
};

/// The cgroup and cgroup2 lines of /proc/self/mountinfo, in its order.
std::vector<CgroupMount> parse_cgroup_mounts(std::string_view text);

/// Where they usually are, for a host whose mountinfo is not to be read.
std::vector<CgroupMount> list_usual_mounts();

/// The path of a group below a mount: "/docker/abc/x" below the root "/docker/abc" is "/x". Nothing
/// when it is not below it, and for paths that lead out of a cgroup namespace ("/../x").
std::optional<std::string> find_below_mount(const CgroupMount& mount, std::string_view path);

/// "/a/b" -> "/a/b", "/a", "/".
std::vector<std::string> list_ancestors(std::string_view path);

/// usage_usec of v2 `cpu.stat`, in nanoseconds.
std::optional<std::uint64_t> parse_cpu_stat_ns(std::string_view text);

/// v1 `cpuacct.usage` (nanoseconds), `memory.usage_in_bytes`, v2 `memory.current`: one number.
std::optional<std::uint64_t> parse_single_count(std::string_view text);

/// A line "NAME NUMBER" of `memory.stat`: inactive_file (v2), total_inactive_file (v1).
std::optional<std::uint64_t> parse_stat_field(std::string_view text, std::string_view name);

/// `cgroup.procs`: a pid a line, sorted. Nothing for another text; 0 is a process that the reader's
/// PID namespace does not show.
std::optional<std::vector<int>> parse_cgroup_pids(std::string_view text);

}  // namespace slotd::broker
