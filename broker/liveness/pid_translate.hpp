// Finding a container's process from outside: which host pid is pid N of another PID namespace?
// parse_ is pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace slotd::broker {

/// The innermost pid of the NSpid line of /proc/PID/status; nothing where there is none.
std::optional<int> parse_innermost_pid(std::string_view status);

/// Host pid of `pid` in the PID namespace with this inode, or nothing when the caller may not see
/// it. Reads /proc once through: a few microseconds per process of the host.
std::optional<int> find_host_pid(std::uint32_t pid, std::uint32_t pid_ns_inode);

}  // namespace slotd::broker
