#include "broker/host/owner_cgroup.hpp"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <memory>
#include <utility>

#include "broker/host/capacity_read.hpp"
#include "broker/host/read_text.hpp"
#include "slotd/clock.hpp"

namespace slotd::broker {

namespace {

constexpr std::uint64_t kSearchPauseNs = 10 * kNsPerSecond;
constexpr int kMostLevels = 8;
constexpr int kMostGroups = 64;

const char* counter_file(bool v2, CgroupCounter counter) {
  if (counter == CgroupCounter::kCpu) return v2 ? "/cpu.stat" : "/cpuacct.usage";
  return v2 ? "/memory.current" : "/memory.usage_in_bytes";
}

const CgroupLine* find_line(const std::vector<CgroupLine>& lines, bool v2,
                            std::string_view controller) {
  for (const CgroupLine& line : lines) {
    if (v2 ? line.controllers.empty() : has_controller(line.controllers, controller)) return &line;
  }
  return nullptr;
}

/// Has the folder folders in it? Kernels count them in the links of a cgroup's folder; a count of 1
/// is a file system that does not.
bool may_have_children(const std::string& folder) {
  struct stat status {};
  return ::stat(folder.c_str(), &status) == 0 && status.st_nlink != 2;
}

bool collect_pids(const std::string& folder, int levels_left, int& groups_left,
                  std::vector<int>& pids) {
  if (levels_left <= 0 || groups_left-- <= 0) return false;
  const auto text = read_text(folder + "/cgroup.procs");
  const auto found = text ? parse_cgroup_pids(*text) : std::nullopt;
  if (!found) return false;
  pids.insert(pids.end(), found->begin(), found->end());
  if (!may_have_children(folder)) return true;
  const std::unique_ptr<DIR, int (*)(DIR*)> entries(::opendir(folder.c_str()), &::closedir);
  if (entries == nullptr) return false;
  while (const dirent* entry = ::readdir(entries.get())) {
    const std::string name = entry->d_name;
    if (entry->d_type != DT_DIR || name == "." || name == "..") continue;
    if (!collect_pids(folder + "/" + name, levels_left - 1, groups_left, pids)) return false;
  }
  return true;
}

}  // namespace

CgroupWorld read_cgroup_world(const std::string& root) {
  return {root, read_cgroup_mounts(root),
          parse_proc_cgroup(read_text(root + "/proc/self/cgroup").value_or(""))};
}

std::vector<CgroupFolder> list_cgroup_folders(const CgroupWorld& world,
                                              const std::vector<CgroupLine>& owner,
                                              CgroupCounter counter) {
  const std::string_view controller = counter == CgroupCounter::kCpu ? "cpuacct" : "memory";
  std::vector<CgroupFolder> folders;
  for (const bool v2 : {false, true}) {
    const CgroupLine* line = find_line(owner, v2, controller);
    const CgroupLine* broker = find_line(world.broker, v2, controller);
    if (line == nullptr || (broker != nullptr && broker->path == line->path)) continue;
    for (const CgroupMount& mount : world.mounts) {
      if (mount.v2 != v2 || (!v2 && !has_controller(mount.controllers, controller))) continue;
      const auto path = find_below_mount(mount, line->path);
      // What is at the mount point of a container's own hierarchy is everybody's there.
      if (!path || *path == "/") continue;
      const CgroupFolder folder{world.root + mount.point + *path, v2};
      if (::access((folder.path + counter_file(v2, counter)).c_str(), R_OK) != 0) continue;
      folders.push_back(folder);
      break;
    }
  }
  return folders;
}

std::optional<std::vector<int>> read_cgroup_pids(const std::string& folder) {
  std::vector<int> pids;
  int groups_left = kMostGroups;
  if (!collect_pids(folder, kMostLevels, groups_left, pids)) return std::nullopt;
  std::sort(pids.begin(), pids.end());
  return pids;
}

std::optional<std::uint64_t> read_cgroup_counter(const CgroupFolder& folder,
                                                 CgroupCounter counter) {
  const auto text = read_text(folder.path + counter_file(folder.v2, counter));
  if (!text) return std::nullopt;
  if (counter == CgroupCounter::kCpu)
    return folder.v2 ? parse_cpu_stat_ns(*text) : parse_single_count(*text);
  const auto held = parse_single_count(*text);
  const auto stat = held ? read_text(folder.path + "/memory.stat") : std::nullopt;
  if (!stat) return held;
  const std::uint64_t cache =
      parse_stat_field(*stat, folder.v2 ? "inactive_file" : "total_inactive_file").value_or(0);
  return *held > cache ? *held - cache : 0;
}

std::optional<std::vector<int>> OwnerCgroup::check(const CgroupFolder& folder, const Judge& judge) {
  auto pids = read_cgroup_pids(folder.path);
  const std::vector<int> unseen_before = std::exchange(unseen_, {});
  if (!pids || pids->empty()) return std::nullopt;
  for (const int pid : *pids) {
    // 0 is a process of a namespace that cannot be looked into.
    const Relation relation = pid == 0 ? Relation::kStranger : judge(pid);
    if (relation == Relation::kStranger) return std::nullopt;
    if (relation == Relation::kMember) continue;
    if (std::binary_search(unseen_before.begin(), unseen_before.end(), pid)) return std::nullopt;
    unseen_.push_back(pid);
  }
  return pids;
}

std::optional<std::vector<int>> OwnerCgroup::search(int owner_pid, const CgroupWorld& world,
                                                    const Judge& judge) {
  const auto text = read_text(world.root + "/proc/" + std::to_string(owner_pid) + "/cgroup");
  if (!text) return std::nullopt;
  for (const CgroupFolder& folder :
       list_cgroup_folders(world, parse_proc_cgroup(*text), counter_)) {
    unseen_.clear();
    if (auto pids = check(folder, judge)) {
      folder_ = folder;
      return pids;
    }
  }
  return std::nullopt;
}

std::optional<OwnerCgroup::Reading> OwnerCgroup::read(int owner_pid, std::uint64_t now_ns,
                                                      const std::string& root,
                                                      std::optional<CgroupWorld>& world,
                                                      const Judge& judge) {
  const auto before = std::exchange(before_, std::nullopt);
  std::optional<std::vector<int>> pids;
  if (folder_) {
    pids = check(*folder_, judge);
    // The owner may have moved on and left its children behind.
    if (pids && !std::binary_search(pids->begin(), pids->end(), owner_pid)) pids.reset();
    if (!pids) folder_.reset();
  } else if (!searched_ns_ || now_ns - *searched_ns_ >= kSearchPauseNs) {
    searched_ns_ = now_ns;
    if (!world) world = read_cgroup_world(root);
    pids = search(owner_pid, *world, judge);
  }
  if (!pids) return std::nullopt;
  const auto value = read_cgroup_counter(*folder_, counter_);
  if (!value) {
    folder_.reset();
    return std::nullopt;
  }
  before_ = value;
  // A group of the same name that was made anew counts from zero.
  const bool goes_on = before && *before <= *value;
  return Reading{*value, goes_on ? before : std::nullopt, std::move(*pids)};
}

}  // namespace slotd::broker
