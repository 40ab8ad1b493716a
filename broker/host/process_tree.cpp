#include "broker/host/process_tree.hpp"

#include <algorithm>

namespace slotd::broker {

namespace {

constexpr std::uint32_t kNowhere = 0xffff'ffff;

template <typename Entry>
const Entry* find_pid(std::span<const Entry> sorted, int pid) {
  const auto at =
      std::lower_bound(sorted.begin(), sorted.end(), pid,
                       [](const Entry& entry, int wanted) { return entry.pid < wanted; });
  return at != sorted.end() && at->pid == pid ? &*at : nullptr;
}

class Assignment {
 public:
  Assignment(std::span<const ProcessStat> processes, std::span<const int> owner_pids,
             std::span<const KnownMember> known)
      : processes_(processes),
        known_(known),
        owners_(owner_pids.size()),
        self_(processes.size(), kNobody),
        result_(processes.size(), kNobody) {
    for (std::uint32_t i = 0; i < owner_pids.size(); ++i) {
      const std::uint32_t at = find(owner_pids[i]);
      if (at != kNowhere && self_[at] == kNobody) {
        self_[at] = i;
        owners_[i].process = at;
      }
    }
    find_parents();
    sort_parents_first();
  }

  std::vector<std::uint32_t> take() {
    find_owners_above();
    for (const std::uint32_t process : order_) result_[process] = decide_by_parent(process);
    // A leader may itself be found by its own group or session: a second round sees those.
    const std::vector<std::uint32_t> unrelated = list_unrelated();
    for (int round = 0; round < 2; ++round) {
      for (const std::uint32_t process : unrelated) {
        if (result_[process] == kNobody) result_[process] = decide_by_leaders(process);
      }
    }
    return std::move(result_);
  }

 private:
  struct Owner {
    std::uint32_t process = kNowhere;
    std::uint32_t above = kNobody;  ///< the owner that its process would belong to otherwise
  };

  std::uint32_t find(int pid) const {
    const ProcessStat* stat = find_pid(processes_, pid);
    return stat == nullptr ? kNowhere : static_cast<std::uint32_t>(stat - processes_.data());
  }

  void find_parents() {
    parents_.reserve(processes_.size());
    for (const ProcessStat& stat : processes_) {
      const std::uint32_t at = stat.parent > 0 ? find(stat.parent) : kNowhere;
      // No parent is younger than its child: the number is another process's by now.
      const bool older = at != kNowhere && processes_[at].start_ticks <= stat.start_ticks;
      parents_.push_back(older ? at : kNowhere);
    }
  }

  /// Fills order_ with every process behind its parent. A chain of parents that comes back to
  /// itself is cut where that is seen.
  void sort_parents_first() {
    enum class Mark : std::uint8_t { kNew, kOnPath, kDone };
    std::vector<Mark> marks(processes_.size(), Mark::kNew);
    std::vector<std::uint32_t> path;
    order_.reserve(processes_.size());
    for (std::uint32_t start = 0; start < processes_.size(); ++start) {
      std::uint32_t at = start;
      while (at != kNowhere && marks[at] == Mark::kNew) {
        marks[at] = Mark::kOnPath;
        path.push_back(at);
        at = parents_[at];
      }
      if (at != kNowhere && marks[at] == Mark::kOnPath) parents_[path.back()] = kNowhere;
      for (; !path.empty(); path.pop_back()) {
        marks[path.back()] = Mark::kDone;
        order_.push_back(path.back());
      }
    }
  }

  std::uint32_t inherited(std::uint32_t process) const {
    return parents_[process] == kNowhere ? kNobody : result_[parents_[process]];
  }

  std::uint32_t known_owner(std::uint32_t process) const {
    const KnownMember* known = find_pid(known_, processes_[process].pid);
    const bool same = known != nullptr && known->start_ticks == processes_[process].start_ticks;
    return same && known->owner < owners_.size() ? known->owner : kNobody;
  }

  /// For each owner the next one above it, by what was known of its process before it was an owner,
  /// else by its ancestors.
  void find_owners_above() {
    for (const std::uint32_t process : order_) {
      const std::uint32_t parent_owner = inherited(process);
      result_[process] = self_[process] != kNobody ? self_[process] : parent_owner;
      if (self_[process] == kNobody) continue;
      const std::uint32_t before = known_owner(process);
      const bool other = before != kNobody && before != self_[process];
      owners_[self_[process]].above = other ? before : parent_owner;
    }
  }

  bool is_below(std::uint32_t owner, std::uint32_t above) const {
    // Known and present relations may contradict each other and form a ring.
    for (std::size_t steps = 0; owner != kNobody && steps <= owners_.size(); ++steps) {
      owner = owners_[owner].above;
      if (owner == above) return true;
    }
    return false;
  }

  std::uint32_t decide_by_parent(std::uint32_t process) const {
    if (self_[process] != kNobody) return self_[process];
    const std::uint32_t by_parent = inherited(process);
    const std::uint32_t before = known_owner(process);
    if (before == kNobody || before == by_parent) return by_parent;
    return by_parent != kNobody && is_below(by_parent, before) ? by_parent : before;
  }

  /// In the order of order_, so that children follow what was decided for their parents.
  std::vector<std::uint32_t> list_unrelated() const {
    std::vector<std::uint32_t> unrelated;
    for (const std::uint32_t process : order_) {
      if (result_[process] == kNobody) unrelated.push_back(process);
    }
    return unrelated;
  }

  std::uint32_t decide_by_leaders(std::uint32_t process) const {
    const std::uint32_t by_parent = inherited(process);
    if (by_parent != kNobody) return by_parent;
    const std::uint32_t by_group = leader_owner(processes_[process].group);
    return by_group != kNobody ? by_group : leader_owner(processes_[process].session);
  }

  /// The number of a group or session is not given to a new process while the group lives, so a pid
  /// that was a member's and is nobody's now is still that member's.
  std::uint32_t leader_owner(int leader) const {
    if (leader <= 0) return kNobody;
    const std::uint32_t at = find(leader);
    if (at != kNowhere) return result_[at];
    const KnownMember* known = find_pid(known_, leader);
    return known != nullptr && known->owner < owners_.size() ? known->owner : kNobody;
  }

  std::span<const ProcessStat> processes_;
  std::span<const KnownMember> known_;
  std::vector<Owner> owners_;
  std::vector<std::uint32_t> self_;     ///< by process: which owner it is
  std::vector<std::uint32_t> parents_;  ///< by process: where its parent is
  std::vector<std::uint32_t> order_;
  std::vector<std::uint32_t> result_;
};

}  // namespace

std::vector<std::uint32_t> assign_owners(std::span<const ProcessStat> processes,
                                         std::span<const int> owner_pids,
                                         std::span<const KnownMember> known) {
  return Assignment(processes, owner_pids, known).take();
}

}  // namespace slotd::broker
