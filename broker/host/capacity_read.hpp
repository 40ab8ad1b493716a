// Reads what capacity_parse.hpp decides on. The root is injected, so that tests read a tree of
// fixtures.
#pragma once

#include <string>

#include "broker/host/capacity_parse.hpp"

namespace slotd::broker {

/// Looks at ROOT/proc/self/cgroup, ROOT/sys/fs/cgroup, the environment, sched_getaffinity and the
/// online CPUs. `root` is "" on a real host. Missing files are no facts. Blocks on procfs and
/// cgroupfs reads only.
CapacityFacts read_capacity_facts(const std::string& root);

/// CPUs of the host that are online, microcores.
std::uint64_t read_online_micro();

}  // namespace slotd::broker
