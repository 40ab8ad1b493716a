#include "broker/host/capacity_read.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>

#include "broker/host/read_text.hpp"
#include "slotd/units.hpp"

namespace slotd::broker {

namespace {

constexpr std::uint64_t kMicro = 1'000'000;

void tighten(std::optional<std::uint64_t>& least, std::optional<std::uint64_t> value) {
  if (value && (!least || *value < *least)) least = value;
}

std::optional<std::uint64_t> read_cpu_list_micro(const std::string& path) {
  const auto text = read_text(path);
  const auto count = text ? parse_cpu_list(*text) : std::nullopt;
  return count ? std::optional<std::uint64_t>(*count * kMicro) : std::nullopt;
}

void read_quota_v1(const std::string& folder, CapacityFacts& facts) {
  const auto quota = read_text(folder + "/cpu.cfs_quota_us");
  const auto period = read_text(folder + "/cpu.cfs_period_us");
  if (quota && period) tighten(facts.quota_micro, parse_cfs_micro(*quota, *period));
}

/// The limits of one group of one mounted hierarchy.
void read_group(const CgroupMount& mount, const std::string& folder, CapacityFacts& facts) {
  if (mount.v2) {
    if (const auto text = read_text(folder + "/cpu.max"))
      tighten(facts.quota_micro, parse_cpu_max_micro(*text));
    tighten(facts.cpuset_micro, read_cpu_list_micro(folder + "/cpuset.cpus.effective"));
    return;
  }
  if (has_controller(mount.controllers, "cpu")) read_quota_v1(folder, facts);
  if (has_controller(mount.controllers, "cpuset"))
    tighten(facts.cpuset_micro, read_cpu_list_micro(folder + "/cpuset.effective_cpus"));
}

bool share_controller(const CgroupMount& mount, const CgroupLine& line) {
  if (mount.v2 || line.controllers.empty()) return mount.v2 && line.controllers.empty();
  return (has_controller(mount.controllers, "cpu") && has_controller(line.controllers, "cpu")) ||
         (has_controller(mount.controllers, "cpuset") &&
          has_controller(line.controllers, "cpuset"));
}

/// All limits of one hierarchy, from the group up to what is mounted. A container that shares the
/// host's cgroup namespace is told a path that its mounts do not hold: what is mounted there is its
/// own group then.
void read_hierarchy(const std::string& root, const std::vector<CgroupMount>& mounts,
                    const CgroupLine& line, CapacityFacts& facts) {
  bool found = false;
  for (const CgroupMount& mount : mounts) {
    if (!share_controller(mount, line)) continue;
    const auto path = find_below_mount(mount, line.path);
    if (!path || ::access((root + mount.point + *path).c_str(), F_OK) != 0) continue;
    found = true;
    for (const std::string& group : list_ancestors(*path))
      read_group(mount, root + mount.point + group, facts);
  }
  if (found) return;
  for (const CgroupMount& mount : mounts) {
    if (share_controller(mount, line)) read_group(mount, root + mount.point, facts);
  }
}

std::optional<std::uint64_t> read_affinity_micro() {
  for (int cpus = CPU_SETSIZE; cpus <= CPU_SETSIZE * 64; cpus *= 2) {
    cpu_set_t* set = CPU_ALLOC(static_cast<std::size_t>(cpus));
    const std::size_t bytes = CPU_ALLOC_SIZE(static_cast<std::size_t>(cpus));
    const bool done = ::sched_getaffinity(0, bytes, set) == 0;
    const int count = done ? CPU_COUNT_S(bytes, set) : 0;
    CPU_FREE(set);
    if (count > 0) return static_cast<std::uint64_t>(count) * kMicro;
    if (errno != EINVAL) break;
  }
  return std::nullopt;
}

}  // namespace

std::uint64_t read_online_micro() {
  const long online = ::sysconf(_SC_NPROCESSORS_ONLN);
  return static_cast<std::uint64_t>(std::max(online, 1L)) * kMicro;
}

std::vector<CgroupMount> read_cgroup_mounts(const std::string& root) {
  auto mounts =
      parse_cgroup_mounts(read_text(root + "/proc/self/mountinfo", kLargeTextBytes).value_or(""));
  return mounts.empty() ? list_usual_mounts() : mounts;
}

CapacityFacts read_capacity_facts(const std::string& root) {
  CapacityFacts facts;
  if (const char* request = std::getenv("LIVEKIT_CPU_REQUEST");
      request != nullptr && request[0] != '\0') {
    const auto micro = parse_cores_micro(request);
    if (micro && micro.value > 0) facts.request_micro = static_cast<std::uint64_t>(micro.value);
  }
  facts.online_micro = read_online_micro();
  facts.affinity_micro = read_affinity_micro();
  const std::vector<CgroupMount> mounts = read_cgroup_mounts(root);
  for (const CgroupLine& line :
       parse_proc_cgroup(read_text(root + "/proc/self/cgroup").value_or(""))) {
    read_hierarchy(root, mounts, line, facts);
  }
  return facts;
}

}  // namespace slotd::broker
