#include "broker/host/usage_sampler.hpp"

#include <unistd.h>

#include <algorithm>
#include <map>
#include <utility>

#include "broker/host/capacity_read.hpp"
#include "broker/host/owner_cgroup.hpp"
#include "broker/host/proc_parse.hpp"
#include "broker/host/process_scan.hpp"
#include "broker/host/process_tree.hpp"
#include "broker/host/pss_reader.hpp"
#include "broker/host/read_text.hpp"
#include "broker/host/text_scan.hpp"
#include "slotd/clock.hpp"

namespace slotd::broker {

namespace {

constexpr std::uint64_t kMicro = 1'000'000;
/// The CPUs stand first in /proc/stat; 1000 of them fit.
constexpr std::size_t kHostStatBytes = std::size_t{128} << 10;

std::uint64_t read_positive_sysconf(int name, std::uint64_t otherwise) {
  const long value = ::sysconf(name);
  return value > 0 ? static_cast<std::uint64_t>(value) : otherwise;
}

std::optional<std::uint32_t> read_pressure(const std::string& path) {
  const auto text = read_text(path);
  return text ? parse_pressure_some_ppb(*text) : std::nullopt;
}

/// A process at the last look.
struct Seen {
  int pid = 0;
  std::uint64_t start_ticks = 0;
  std::uint64_t cpu_ticks = 0;
  bool fresh = false;                          ///< cpu_ticks were read at that look, not before
  std::optional<std::uint64_t> clock_ns = {};  ///< read for members only
  int owner_pid = 0;                           ///< 0: nobody's
  std::uint64_t owner_start_ticks = 0;
};

/// What one process entry was at the last look.
struct OwnerState {
  std::uint64_t attach = 0;
  int pid = 0;
  std::uint64_t start_ticks = 0;          ///< 0: never seen in /proc
  std::optional<std::uint64_t> clock_ns;  ///< of its own process
  bool looked = false;                    ///< was there at the last look
  OwnerCgroup cpu_group{CgroupCounter::kCpu};
  OwnerCgroup memory_group{CgroupCounter::kMemory};
};

/// One owner's tree at this look, added up.
struct Tree {
  std::uint64_t used_ns = 0;  ///< since the last look
  std::uint64_t rss_bytes = 0;
  std::uint64_t pss_bytes = 0;
  std::uint32_t processes = 0;
  std::vector<std::uint32_t> members;  ///< places in the scan
};

}  // namespace

class UsageSampler::Impl {
 public:
  Impl(std::string root, CpuClock clock)
      : root_(std::move(root)),
        clock_(std::move(clock)),
        tick_ns_(kNsPerSecond / read_positive_sysconf(_SC_CLK_TCK, 100)),
        page_bytes_(read_positive_sysconf(_SC_PAGESIZE, 4096)),
        scanner_(root_),
        pss_(root_) {}

  UsageReport sample(std::span<const OwnerProbe> probes, std::uint64_t now_ns,
                     MemorySource memory) {
    UsageReport report;
    report.host = sample_host();
    now_ns_ = now_ns;
    elapsed_ns_ = last_ns_ && now_ns > *last_ns_ ? now_ns - *last_ns_ : 0;
    memory_ = memory;
    pss_.collect();
    scan(probes);
    forget_others(probes);
    find_trees(probes);
    std::optional<CgroupWorld> world;
    for (std::size_t i = 0; i < probes.size(); ++i) {
      if (first_of_pid_[i] == i)
        report.owners.push_back(look_at(probes[i], trees_[i], world));
      else
        report.owners.push_back(report.owners[first_of_pid_[i]]);
      report.owners.back().index = probes[i].index;
      report.owners.back().attach = probes[i].attach;
    }
    remember();
    return report;
  }

 private:
  HostUsage sample_host() {
    HostUsage usage;
    const auto text = read_text(root_ + "/proc/stat", kHostStatBytes, Longer::kCut);
    const auto ticks = text ? parse_host_ticks(*text) : std::nullopt;
    if (ticks && host_) usage.busy_micro = decide_busy_micro(*host_, *ticks);
    cpus_ = ticks && ticks->cpus > 0 ? ticks->cpus : read_online_micro() / kMicro;
    host_ = ticks;
    usage.psi_cpu_some_ppb = read_pressure(root_ + "/proc/pressure/cpu");
    usage.psi_memory_some_ppb = read_pressure(root_ + "/proc/pressure/memory");
    return usage;
  }

  void scan(std::span<const OwnerProbe> probes) {
    std::vector<int> fresh;
    for (const Seen& seen : last_) {
      if (seen.owner_pid != 0) fresh.push_back(seen.pid);
    }
    for (const OwnerProbe& probe : probes) fresh.push_back(probe.pid);
    std::sort(fresh.begin(), fresh.end());
    // Before the scan: whoever starts during it is younger than this.
    const auto text = read_text(root_ + "/proc/uptime");
    const auto centis = text ? parse_uptime_centis(*text) : std::nullopt;
    uptime_ticks_ = centis ? std::optional(scale_saturating(*centis, kNsPerSecond / 100, tick_ns_))
                           : std::nullopt;
    const std::vector<ProcessStat>* processes = scanner_.read(fresh);
    processes_ = processes == nullptr ? std::span<const ProcessStat>{} : *processes;
  }

  const ProcessStat* find(int pid) const {
    const auto at =
        std::lower_bound(processes_.begin(), processes_.end(), pid,
                         [](const ProcessStat& stat, int wanted) { return stat.pid < wanted; });
    return at != processes_.end() && at->pid == pid ? &*at : nullptr;
  }

  const Seen* find_seen(int pid, std::uint64_t start_ticks) const {
    const auto at =
        std::lower_bound(last_.begin(), last_.end(), pid,
                         [](const Seen& seen, int wanted) { return seen.pid < wanted; });
    return at != last_.end() && at->pid == pid && at->start_ticks == start_ticks ? &*at : nullptr;
  }

  /// Keeps the state of those probed who are still the same, and makes it for the others.
  void forget_others(std::span<const OwnerProbe> probes) {
    std::map<std::uint32_t, OwnerState> kept;
    for (const OwnerProbe& probe : probes) {
      auto old = states_.extract(probe.index);
      const bool same = old && old.mapped().attach == probe.attach && old.mapped().pid == probe.pid;
      if (same)
        kept.insert(std::move(old));
      else
        kept.try_emplace(probe.index).first->second.pid = probe.pid;
      kept.at(probe.index).attach = probe.attach;
    }
    states_ = std::move(kept);
  }

  /// Is this process still the one that the entry named when it was first looked at?
  static bool is_same(const OwnerState& state, const ProcessStat& stat) {
    return state.start_ticks == 0 || state.start_ticks == stat.start_ticks;
  }

  void find_trees(std::span<const OwnerProbe> probes) {
    std::vector<int> pids(probes.size());
    std::map<int, std::uint32_t> places;
    first_of_pid_.assign(probes.size(), 0);
    for (std::uint32_t i = 0; i < probes.size(); ++i) {
      first_of_pid_[i] = places.try_emplace(probes[i].pid, i).first->second;
      OwnerState& state = states_.at(probes[i].index);
      const ProcessStat* stat = find(probes[i].pid);
      // A number that another process has by now is no owner's.
      if (stat == nullptr || !is_same(state, *stat)) continue;
      pids[i] = stat->pid;
      state.start_ticks = stat->start_ticks;
    }
    owner_of_ = assign_owners(processes_, pids, list_known(probes, places));
    trees_.assign(probes.size(), {});
    current_.assign(processes_.size(), {});
    for (std::uint32_t i = 0; i < processes_.size(); ++i) {
      // What has only now become a member may have been read some looks ago.
      const bool member = owner_of_[i] != kNobody && scanner_.refresh(i);
      const ProcessStat& stat = processes_[i];
      current_[i] = {.pid = stat.pid,
                     .start_ticks = stat.start_ticks,
                     .cpu_ticks = stat.cpu_ticks,
                     .fresh = scanner_.is_fresh(i)};
      if (!member) continue;
      const OwnerState& owner = states_.at(probes[owner_of_[i]].index);
      current_[i].owner_pid = owner.pid;
      current_[i].owner_start_ticks = owner.start_ticks;
      add_member(trees_[owner_of_[i]], i, owner);
    }
  }

  /// The members of the last look whose owner's process still has an entry.
  std::vector<KnownMember> list_known(std::span<const OwnerProbe> probes,
                                      const std::map<int, std::uint32_t>& places) const {
    std::vector<KnownMember> known;
    for (const Seen& seen : last_) {
      if (seen.owner_pid == 0) continue;
      const auto place = places.find(seen.owner_pid);
      const bool there =
          place != places.end() &&
          states_.at(probes[place->second].index).start_ticks == seen.owner_start_ticks;
      known.push_back({seen.pid, seen.start_ticks, there ? place->second : kNobody});
    }
    return known;
  }

  void add_member(Tree& tree, std::uint32_t place, const OwnerState& owner) {
    const ProcessStat& stat = processes_[place];
    Seen& now = current_[place];
    now.clock_ns = clock_ ? clock_(stat.pid) : std::nullopt;
    tree.used_ns = add_saturating(tree.used_ns, used_since(now, owner));
    std::uint64_t pages = stat.rss_pages;
    if (pages == 0 && stat.state == 'Z' && stat.threads > 1)
      pages = scanner_.read_rss_of_threads(stat.pid);
    const std::uint64_t rss = multiply_saturating(pages, page_bytes_);
    tree.rss_bytes = add_saturating(tree.rss_bytes, rss);
    if (memory_ == MemorySource::kPss) {
      tree.pss_bytes =
          add_saturating(tree.pss_bytes, pss_.latest(stat.pid, stat.start_ticks).value_or(rss));
    }
    ++tree.processes;
    tree.members.push_back(place);
  }

  /// CPU time of one process since the last look, always a difference of one counter.
  std::uint64_t used_since(const Seen& now, const OwnerState& owner) const {
    const auto difference = [](std::uint64_t before, std::uint64_t after) {
      return after > before ? after - before : 0;
    };
    if (const Seen* before = find_seen(now.pid, now.start_ticks)) {
      if (before->clock_ns && now.clock_ns) return difference(*before->clock_ns, *now.clock_ns);
      if (!before->fresh)
        return 0;  // it comes from outside, and since when it used that is not known
      return multiply_saturating(difference(before->cpu_ticks, now.cpu_ticks), tick_ns_);
    }
    if (now.pid == owner.pid && owner.clock_ns && now.clock_ns)
      return difference(*owner.clock_ns, *now.clock_ns);
    // Not there at the last look: all of it, if it has started since; one that was hidden until now
    // has no beginning.
    const bool young = !last_uptime_ticks_ || now.start_ticks >= *last_uptime_ticks_;
    if (!young) return 0;
    return now.clock_ns.value_or(multiply_saturating(now.cpu_ticks, tick_ns_));
  }

  std::uint64_t average_micro(std::uint64_t used_ns) const {
    const std::uint64_t most_ns = multiply_saturating(elapsed_ns_, cpus_);
    return scale_saturating(std::min(used_ns, most_ns), kMicro, elapsed_ns_);
  }

  OwnerUsage look_at(const OwnerProbe& probe, const Tree& tree, std::optional<CgroupWorld>& world) {
    OwnerState& state = states_.at(probe.index);
    if (tree.processes == 0) return look_at_hidden(state);
    OwnerUsage usage;
    usage.processes = tree.processes;
    usage.source = UsageSource::kTree;
    usage.memory_bytes = memory_ == MemorySource::kPss ? tree.pss_bytes : tree.rss_bytes;
    const ProcessStat* own = find(probe.pid);
    const bool there = own != nullptr && is_same(state, *own);
    std::uint64_t used_ns = tree.used_ns;
    if (there) use_cgroups(probe, tree, world, state, usage, used_ns);
    if (state.looked && elapsed_ns_ > 0) usage.cpu_micro = average_micro(used_ns);
    state.looked = true;
    if (there)
      state.clock_ns = current_[static_cast<std::size_t>(own - processes_.data())].clock_ns;
    return usage;
  }

  /// /proc does not show it: hidden, or gone a moment ago. Its clock still answers in the first
  /// case.
  OwnerUsage look_at_hidden(OwnerState& state) const {
    OwnerUsage usage;
    const auto now = clock_ && state.pid > 0 ? clock_(state.pid) : std::nullopt;
    if (now) {
      usage.source = UsageSource::kClock;
      usage.processes = 1;
      // A clock that ran backwards is another process's.
      if (state.looked && state.clock_ns && *now >= *state.clock_ns && elapsed_ns_ > 0)
        usage.cpu_micro = average_micro(*now - *state.clock_ns);
    }
    state.clock_ns = now;
    state.looked = now.has_value();
    return usage;
  }

  /// Figures of a control group of its own, with those of the members outside it added.
  void use_cgroups(const OwnerProbe& probe, const Tree& tree, std::optional<CgroupWorld>& world,
                   OwnerState& state, OwnerUsage& usage, std::uint64_t& used_ns) {
    const auto judge = [&](int pid) {
      const ProcessStat* stat = find(pid);
      if (stat == nullptr) return OwnerCgroup::Relation::kUnseen;
      const auto place = static_cast<std::size_t>(stat - processes_.data());
      return current_[place].owner_pid == probe.pid ? OwnerCgroup::Relation::kMember
                                                    : OwnerCgroup::Relation::kStranger;
    };
    const auto is_outside = [&](const OwnerCgroup::Reading& group, std::uint32_t place) {
      return !std::binary_search(group.pids.begin(), group.pids.end(), processes_[place].pid);
    };
    const auto cpu = state.cpu_group.read(probe.pid, now_ns_, root_, world, judge);
    if (cpu && cpu->before) {
      usage.source = UsageSource::kCgroup;
      used_ns = cpu->value - *cpu->before;
      for (const std::uint32_t place : tree.members) {
        if (is_outside(*cpu, place))
          used_ns = add_saturating(used_ns, used_since(current_[place], state));
      }
    }
    if (memory_ != MemorySource::kCgroup) return;
    const auto held = state.memory_group.read(probe.pid, now_ns_, root_, world, judge);
    if (!held) return;
    usage.memory_bytes = held->value;
    for (const std::uint32_t place : tree.members) {
      if (is_outside(*held, place)) {
        usage.memory_bytes = add_saturating(
            *usage.memory_bytes, multiply_saturating(processes_[place].rss_pages, page_bytes_));
      }
    }
  }

  void remember() {
    if (memory_ == MemorySource::kPss) {
      std::vector<PssReader::Process> wanted;
      for (const Seen& seen : current_) {
        if (seen.owner_pid != 0) wanted.push_back({seen.pid, seen.start_ticks});
      }
      pss_.ask(std::move(wanted));
    }
    last_ = std::move(current_);
    last_ns_ = now_ns_;
    last_uptime_ticks_ = uptime_ticks_;
  }

  std::string root_;
  CpuClock clock_;
  std::uint64_t tick_ns_;
  std::uint64_t page_bytes_;
  ProcessScanner scanner_;
  PssReader pss_;

  // Of the last look.
  std::vector<Seen> last_;  ///< sorted by pid
  std::optional<std::uint64_t> last_ns_;
  std::optional<std::uint64_t> last_uptime_ticks_;
  std::optional<HostTicks> host_;
  std::map<std::uint32_t, OwnerState> states_;  ///< by the index of the entry

  // Of this look.
  std::uint64_t now_ns_ = 0;
  std::uint64_t elapsed_ns_ = 0;
  std::uint64_t cpus_ = 1;
  MemorySource memory_ = MemorySource::kRss;
  std::optional<std::uint64_t> uptime_ticks_;
  std::span<const ProcessStat> processes_;
  std::vector<std::uint32_t> owner_of_;
  std::vector<std::uint32_t> first_of_pid_;  ///< by probe: the first one with the same pid
  std::vector<Tree> trees_;                  ///< by probe
  std::vector<Seen> current_;
};

UsageSampler::UsageSampler(std::string root) {
  CpuClock clock;
  if (root.empty()) clock = read_process_clock_ns;
  impl_ = std::make_unique<Impl>(std::move(root), std::move(clock));
}
UsageSampler::UsageSampler(std::string root, CpuClock clock)
    : impl_(std::make_unique<Impl>(std::move(root), std::move(clock))) {}
UsageSampler::~UsageSampler() = default;
UsageSampler::UsageSampler(UsageSampler&&) noexcept = default;
UsageSampler& UsageSampler::operator=(UsageSampler&&) noexcept = default;

UsageReport UsageSampler::sample(std::span<const OwnerProbe> owners, std::uint64_t now_ns,
                                 MemorySource memory) {
  return impl_->sample(owners, now_ns, memory);
}

}  // namespace slotd::broker
