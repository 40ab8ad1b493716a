// What `doctor` asks of the host: CPUs, control groups, logind's configuration, sysctl, /proc. The
// parse_ functions are pure; the rest reads small files below the folders that it is given, changes
// nothing and may block on the file system only. Thread-safe.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tools/slotctl/doctor/facts.hpp"

namespace slotd::ctl {

/// Where things are; tests name folders of their own.
struct HostPaths {
  std::string proc = "/proc";
  std::string cgroup = "/sys/fs/cgroup";
  std::string cpus = "/sys/devices/system/cpu";
  std::string run = "/run";
  std::string linger = "/var/lib/systemd/linger";
  /// Folders with logind.conf and logind.conf.d, the most important first.
  std::vector<std::string> logind{"/etc/systemd", "/run/systemd", "/usr/local/lib/systemd",
                                  "/usr/lib/systemd"};
};

/// The last RemoveIPC= of the section [Login]; nothing when it is not set there. Pure.
std::optional<bool> parse_remove_ipc(std::string_view text);

/// A cpu.max ("150000 100000", "max 100000") in microcores; nothing for max or nonsense. Pure.
std::optional<std::uint64_t> parse_cpu_max_micro(std::string_view text);

/// The path in the line "0::/path" of a /proc/PID/cgroup; empty when there is none. Pure.
std::string parse_cgroup_path(std::string_view text);

/// CPUs of a list such as "0-3,8". Pure; nonsense counts nothing.
std::uint32_t parse_cpu_list(std::string_view text);

/// `pid`: whose affinity and control group are asked, 0 for slotctl's own. `owner`: of the segment.
HostFacts read_host_facts(const HostPaths& paths, int pid, const std::string& owner);

/// Asks the kernel for futex_waitv with nothing to wait for.
FutexWaitv probe_futex_waitv();

}  // namespace slotd::ctl
