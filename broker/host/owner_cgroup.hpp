// The control group that one owner has for itself, where it has one: found, watched, read.
//
// A group is an owner's own when it is not the root of its hierarchy, not the broker's, and every
// process in it and in the groups below it belongs to the owner. Then its counters are the better
// figures: they keep what children used that came and went between two samples. Whether that still
// holds is asked at every sample.
//
// Single-threaded; reads cgroup files alone and never waits for a process.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "broker/host/cgroup_parse.hpp"

namespace slotd::broker {

enum class CgroupCounter : std::uint8_t { kCpu, kMemory };

/// A group's folder (with the injected root), and how its files are called.
struct CgroupFolder {
  std::string path;
  bool v2 = false;

  bool operator==(const CgroupFolder&) const = default;
};

/// The hierarchies of this host, and where the broker itself is in them.
struct CgroupWorld {
  std::string root;
  std::vector<CgroupMount> mounts;
  std::vector<CgroupLine> broker;
};
CgroupWorld read_cgroup_world(const std::string& root);

/// The folders that may be an owner's own by their names, the preferred one first: v1 before v2,
/// for a hybrid host's v2 hierarchy has no controllers. `owner` is its /proc/PID/cgroup. Looks
/// whether the folder and its counter exist.
std::vector<CgroupFolder> list_cgroup_folders(const CgroupWorld& world,
                                              const std::vector<CgroupLine>& owner,
                                              CgroupCounter counter);

/// All pids in a group and below it, sorted. Nothing when it cannot be read, or when it is too
/// large to be one owner's (more than 64 groups, 8 levels or 64 KiB of pids a group).
std::optional<std::vector<int>> read_cgroup_pids(const std::string& folder);

/// CPU time that the group has used, nanoseconds, or its working set in bytes (what it holds
/// without the file cache that nobody needs).
std::optional<std::uint64_t> read_cgroup_counter(const CgroupFolder& folder, CgroupCounter counter);

/// One counter of one owner.
class OwnerCgroup {
 public:
  /// What a pid in the group is to the owner. kUnseen: the sample does not show that process; it
  /// may have just started or ended.
  enum class Relation : std::uint8_t { kMember, kStranger, kUnseen };
  using Judge = std::function<Relation(int pid)>;

  explicit OwnerCgroup(CgroupCounter counter) : counter_(counter) {}

  struct Reading {
    std::uint64_t value = 0;
    std::optional<std::uint64_t> before;  ///< of the same counter at the last sample
    std::vector<int> pids;                ///< in the group, sorted
  };

  /// The counter, if the group that was found is still the owner's own. Looks for another one when
  /// there is none and 10 s have passed. `world` is read when that is needed and kept for the
  /// caller's next owner.
  std::optional<Reading> read(int owner_pid, std::uint64_t now_ns, const std::string& root,
                              std::optional<CgroupWorld>& world, const Judge& judge);

 private:
  std::optional<std::vector<int>> check(const CgroupFolder& folder, const Judge& judge);
  std::optional<std::vector<int>> search(int owner_pid, const CgroupWorld& world,
                                         const Judge& judge);

  CgroupCounter counter_;
  std::optional<CgroupFolder> folder_;
  std::optional<std::uint64_t> before_;
  std::optional<std::uint64_t> searched_ns_;
  std::vector<int> unseen_;  ///< at the last sample; who is unseen twice is hidden, not young
};

}  // namespace slotd::broker
