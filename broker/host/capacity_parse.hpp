// How many cores this process may use: pure text parsers and the decision. Reading is in
// capacity_read.hpp, what is common to all control groups in cgroup_parse.hpp.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace slotd::broker {

/// cgroup v2 `cpu.max`: "QUOTA PERIOD" or "max PERIOD". Microcores, floored; nothing for no limit
/// or another text.
std::optional<std::uint64_t> parse_cpu_max_micro(std::string_view text);

/// cgroup v1 `cpu.cfs_quota_us` and `cpu.cfs_period_us`; a quota of -1 is no limit.
std::optional<std::uint64_t> parse_cfs_micro(std::string_view quota, std::string_view period);

/// A CPU list such as "0-3,8,10-11": how many CPUs; nothing for an empty or broken one.
std::optional<std::uint32_t> parse_cpu_list(std::string_view text);

/// What was found on the host, each in microcores; nothing where there is none.
struct CapacityFacts {
  std::optional<std::uint64_t> request_micro;  ///< LIVEKIT_CPU_REQUEST
  std::optional<std::uint64_t> quota_micro;    ///< tightest of the cgroup and its ancestors
  std::optional<std::uint64_t> cpuset_micro;   ///< likewise
  std::optional<std::uint64_t> affinity_micro;
  std::uint64_t online_micro = 1'000'000;
};

struct Capacity {
  std::uint64_t micro = 0;
  std::string source;  ///< which fact decided, for the log
};

/// The request if there is one, else the tightest of the rest.
Capacity decide_capacity(const CapacityFacts& facts);

}  // namespace slotd::broker
