// Finding a container's process from outside: which host pid is pid N of another PID namespace?
// parse_ is pure.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <utility>

namespace slotd::broker {

/// The innermost pid of the NSpid line of /proc/PID/status; nothing where there is none.
std::optional<int> parse_innermost_pid(std::string_view status);

/// Where each process of another PID namespace is on this host: {namespace inode, innermost pid} ->
/// host pid. What the caller may not see is missing.
using PidMap = std::map<std::pair<std::uint32_t, std::uint32_t>, int>;

/// One walk over /proc: about 10 microseconds per process of the host. `own_ns_inode` is left out.
PidMap read_pid_map(std::uint32_t own_ns_inode);

/// Is the host's process `host_pid` known as `pid` in that namespace? For a caller that holds its
/// pidfd.
bool is_pid_of(int host_pid, std::uint32_t pid_ns_inode, std::uint32_t pid);

}  // namespace slotd::broker
