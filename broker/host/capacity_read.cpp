#include "broker/host/capacity_read.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "slotd/process_probe.hpp"
#include "slotd/units.hpp"

namespace slotd::broker {

namespace {

constexpr std::uint64_t kMicro = 1'000'000;

std::optional<std::string> read_text(const std::string& path) {
  std::array<char, 8192> buffer{};
  if (read_small_file(path.c_str(), buffer) < 0) return std::nullopt;
  return std::string(buffer.data());
}

void tighten(std::optional<std::uint64_t>& least, std::optional<std::uint64_t> value) {
  if (value && (!least || *value < *least)) least = value;
}

bool has_controller(const std::string& list, std::string_view wanted) {
  std::string_view rest = list;
  while (!rest.empty()) {
    const std::string_view item = rest.substr(0, rest.find(','));
    if (item == wanted) return true;
    rest.remove_prefix(item.size() == rest.size() ? rest.size() : item.size() + 1);
  }
  return false;
}

std::optional<std::uint64_t> read_cpu_list_micro(const std::string& path) {
  const auto text = read_text(path);
  const auto count = text ? parse_cpu_list(*text) : std::nullopt;
  return count ? std::optional<std::uint64_t>(*count * kMicro) : std::nullopt;
}

void read_v2(const std::string& mount, const std::string& path, CapacityFacts& facts) {
  for (const std::string& ancestor : list_ancestors(path)) {
    const std::string folder = mount + ancestor;
    if (const auto text = read_text(folder + "/cpu.max"))
      tighten(facts.quota_micro, parse_cpu_max_micro(*text));
    tighten(facts.cpuset_micro, read_cpu_list_micro(folder + "/cpuset.cpus.effective"));
  }
}

void read_v1(const std::string& mount, const CgroupLine& line, CapacityFacts& facts) {
  for (const std::string& ancestor : list_ancestors(line.path)) {
    if (has_controller(line.controllers, "cpu")) {
      const std::string folder = mount + "/cpu" + ancestor;
      const auto quota = read_text(folder + "/cpu.cfs_quota_us");
      const auto period = read_text(folder + "/cpu.cfs_period_us");
      if (quota && period) tighten(facts.quota_micro, parse_cfs_micro(*quota, *period));
    }
    if (has_controller(line.controllers, "cpuset")) {
      tighten(facts.cpuset_micro,
              read_cpu_list_micro(mount + "/cpuset" + ancestor + "/cpuset.effective_cpus"));
    }
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

CapacityFacts read_capacity_facts(const std::string& root) {
  CapacityFacts facts;
  if (const char* request = std::getenv("LIVEKIT_CPU_REQUEST");
      request != nullptr && request[0] != '\0') {
    const auto micro = parse_cores_micro(request);
    if (micro && micro.value > 0) facts.request_micro = static_cast<std::uint64_t>(micro.value);
  }
  facts.online_micro = read_online_micro();
  facts.affinity_micro = read_affinity_micro();
  const std::string mount = root + "/sys/fs/cgroup";
  for (const CgroupLine& line :
       parse_proc_cgroup(read_text(root + "/proc/self/cgroup").value_or(""))) {
    if (line.controllers.empty()) {
      read_v2(mount, line.path, facts);
      read_v2(mount + "/unified", line.path, facts);  // hybrid: v2 below v1
    } else {
      read_v1(mount, line, facts);
    }
  }
  return facts;
}

}  // namespace slotd::broker
