// Reads what capacity_parse.hpp decides on. The root is injected, so that tests read a tree of
// fixtures.
#pragma once

#include <string>
#include <vector>

#include "broker/host/capacity_parse.hpp"
#include "broker/host/cgroup_parse.hpp"

namespace slotd::broker {

/// Looks at ROOT/proc/self/{cgroup,mountinfo}, the mounted cgroups, the environment,
/// sched_getaffinity and the online CPUs. `root` is "" on a real host. Missing files are no facts.
/// Blocks on procfs and cgroupfs reads only.
CapacityFacts read_capacity_facts(const std::string& root);

/// Where cgroups are mounted, by ROOT/proc/self/mountinfo; where they usually are when that names
/// none. The mount points are without ROOT.
std::vector<CgroupMount> read_cgroup_mounts(const std::string& root);

/// CPUs of the host that are online, microcores.
std::uint64_t read_online_micro();

}  // namespace slotd::broker
