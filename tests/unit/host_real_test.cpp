// The sampler on this machine, with real children: what they used at least is counted at least.
// Nothing here says how much it may be at most: the machine has other things to do.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>

#include "broker/host/owner_cgroup.hpp"
#include "broker/host/process_scan.hpp"
#include "broker/host/usage_sampler.hpp"
#include "slotd/clock.hpp"

namespace slotd::broker {
namespace {

constexpr std::uint64_t kBurnNs = 30 * kNsPerMs;

class Pipe {
 public:
  Pipe() {
    if (::pipe(ends_.data()) != 0) std::abort();
  }
  Pipe(const Pipe&) = delete;
  Pipe& operator=(const Pipe&) = delete;
  ~Pipe() {
    ::close(ends_[0]);
    ::close(ends_[1]);
  }
  template <typename T>
  void put(const T& value) const {
    if (::write(ends_[1], &value, sizeof value) != sizeof value) ::_exit(9);
  }
  template <typename T>
  T take() const {
    T value{};
    if (::read(ends_[0], &value, sizeof value) != sizeof value) ::_exit(9);
    return value;
  }

 private:
  std::array<int, 2> ends_{};
};

void burn(std::uint64_t cpu_ns) {
  const std::uint64_t end = read_clock_ns(CLOCK_PROCESS_CPUTIME_ID) + cpu_ns;
  while (read_clock_ns(CLOCK_PROCESS_CPUTIME_ID) < end) {
  }
}

[[noreturn]] void sleep_for_ever() {
  while (true) ::pause();
}

/// Children that are told to burn and tell when they have; all die with the test.
class Crew {
 public:
  Crew() = default;
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;
  ~Crew() {
    for (const int pid : mine_) ::kill(pid, SIGKILL);
    for (const int pid : mine_) ::waitpid(pid, nullptr, 0);
    for (const int pid : strangers_) ::kill(pid, SIGKILL);
  }

  /// Forks the owner, which runs `body` and then sleeps.
  int start_owner(const std::function<void(const Crew&)>& body) {
    const int pid = ::fork();
    if (pid == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      body(*this);
      sleep_for_ever();
    }
    mine_.push_back(pid);
    return pid;
  }

  /// In a child: tells its pid, waits for the order, burns, tells, sleeps.
  [[noreturn]] void work() const {
    ::prctl(PR_SET_PDEATHSIG, 0);
    started_.put(::getpid());
    go_.take<char>();
    burn(kBurnNs);
    burnt_.put('x');
    sleep_for_ever();
  }

  /// In the owner: when told so, forks twice; the one in between ends at once.
  void work_later(const Pipe& go) const {
    go.take<char>();
    const int child = ::fork();
    if (child == 0) {
      if (::fork() == 0) work();
      ::_exit(0);
    }
    ::waitpid(child, nullptr, 0);
  }

  int await_worker() {
    const int pid = started_.take<int>();
    strangers_.push_back(pid);
    return pid;
  }
  void order() const {
    go_.put('x');
    burnt_.take<char>();
  }

 private:
  Pipe started_;
  Pipe go_;
  Pipe burnt_;
  std::vector<int> mine_;
  std::vector<int> strangers_;
};

/// CPU that the owner used between two looks, nanoseconds.
class Watch {
 public:
  explicit Watch(int owner_pid) : owner_{{1, 1, owner_pid}} { look(); }

  OwnerUsage look(MemorySource memory = MemorySource::kRss) {
    const std::uint64_t now_ns = monotonic_ns();
    const OwnerUsage usage = sampler_.sample(owner_, now_ns, memory).owners.at(0);
    used_ns_ = usage.cpu_micro.value_or(0) * ((now_ns - last_ns_) / 1000) / 1000;
    last_ns_ = now_ns;
    return usage;
  }
  std::uint64_t used_ns() const { return used_ns_; }

 private:
  std::vector<OwnerProbe> owner_;
  UsageSampler sampler_;
  std::uint64_t last_ns_ = 0;
  std::uint64_t used_ns_ = 0;
};

/// The figure is in whole microcores of the interval.
constexpr std::uint64_t kRoundingNs = kNsPerMs;

TEST(HostReal, ChildOfTheOwner) {
  Crew crew;
  const int owner = crew.start_owner([](const Crew& all) {
    if (::fork() == 0) all.work();
  });
  crew.await_worker();
  Watch watch(owner);
  crew.order();
  const OwnerUsage usage = watch.look();
  EXPECT_EQ(usage.source, UsageSource::kTree);
  EXPECT_EQ(usage.processes, 2U);
  EXPECT_GE(watch.used_ns(), kBurnNs - kRoundingNs);
  EXPECT_GT(usage.memory_bytes.value_or(0), 0U);
}

TEST(HostReal, OrphanWhoseParentDiedBetweenTwoLooks) {
  Crew crew;
  const Pipe intermediate;
  const int owner = crew.start_owner([&](const Crew& all) {
    const int child = ::fork();
    if (child == 0) {
      if (::fork() == 0) all.work();
      sleep_for_ever();
    }
    intermediate.put(child);
    ::waitpid(child, nullptr, 0);
  });
  const int child = intermediate.take<int>();
  crew.await_worker();
  Watch watch(owner);
  EXPECT_EQ(watch.look().processes, 3U);
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  while (read_process_clock_ns(child)) ::usleep(1000);  // reaped by the owner
  crew.order();
  EXPECT_EQ(watch.look().processes, 2U);
  EXPECT_GE(watch.used_ns(), kBurnNs - kRoundingNs);
}

TEST(HostReal, OrphanInASessionOfItsOwn) {
  Crew crew;
  const Pipe intermediate;
  const int owner = crew.start_owner([&](const Crew& all) {
    const int child = ::fork();
    if (child == 0) {
      ::setsid();
      if (::fork() == 0) {
        ::setsid();
        all.work();
      }
      sleep_for_ever();
    }
    intermediate.put(child);
    ::waitpid(child, nullptr, 0);
  });
  const int child = intermediate.take<int>();
  crew.await_worker();
  Watch watch(owner);
  ASSERT_EQ(::kill(child, SIGKILL), 0);
  while (read_process_clock_ns(child)) ::usleep(1000);
  crew.order();
  EXPECT_EQ(watch.look().processes, 2U);
  EXPECT_GE(watch.used_ns(), kBurnNs - kRoundingNs);
}

TEST(HostReal, ForkedTwiceBetweenTwoLooks) {
  Crew crew;
  const Pipe go;
  const int owner = crew.start_owner([&](const Crew& all) {
    ::setpgid(0, 0);  // as a service manager or a shell starts a service
    all.work_later(go);
  });
  Watch watch(owner);
  go.put('x');
  crew.await_worker();
  crew.order();
  const OwnerUsage usage = watch.look();
  EXPECT_EQ(usage.processes, 2U);
  EXPECT_GE(watch.used_ns(), kBurnNs - kRoundingNs);
}

TEST(HostReal, NeighboursBurnForThemselves) {
  Crew crew;
  const int owner = crew.start_owner([](const Crew&) {});
  const int neighbour = crew.start_owner([](const Crew& all) { all.work(); });
  ASSERT_EQ(crew.await_worker(), neighbour);
  Watch watch(owner);
  crew.order();
  EXPECT_EQ(watch.look().processes, 1U);
  EXPECT_LT(watch.used_ns(), kBurnNs);  // it slept
}

TEST(HostReal, PssCountsSharedPagesOnceForAll) {
  constexpr std::size_t kBytes = std::size_t{16} << 20;
  void* memory = ::mmap(nullptr, kBytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  ASSERT_NE(memory, MAP_FAILED);
  std::memset(memory, 1, kBytes);
  const Pipe ready;
  Crew crew;
  const int owner = crew.start_owner([&](const Crew&) {
    std::memset(memory, 2, kBytes);
    ready.put('x');
  });
  ready.take<char>();
  Watch watch(owner);
  // All of it in the one, half of it in the other; both with pages of their own, and more of them
  // under a sanitizer, so the two figures are compared with each other.
  std::uint64_t resident = 0;
  std::uint64_t pss = 0;
  for (int tries = 0; tries < 2000 && (pss == 0 || pss > resident - kBytes * 7 / 16); ++tries) {
    resident = watch.look().memory_bytes.value_or(0);
    pss = watch.look(MemorySource::kPss).memory_bytes.value_or(0);
    ASSERT_GE(resident, kBytes * 7 / 8);
    ::usleep(1000);
  }
  EXPECT_LE(pss, resident - kBytes * 7 / 16);
  EXPECT_GE(pss, kBytes / 2);
  ::munmap(memory, kBytes);
}

/// A group of the test's own in the hierarchy that counts CPU; none where the machine forbids it.
class RealGroup {
 public:
  RealGroup() {
    const CgroupWorld world = read_cgroup_world("");
    for (const CgroupMount& mount : world.mounts) {
      if (!mount.v2 && !has_controller(mount.controllers, "cpuacct")) continue;
      path_ = mount.point + "/slotd-test-" + std::to_string(::getpid());
      std::error_code failed;
      if (std::filesystem::create_directory(path_, failed)) return;
      path_.clear();
    }
  }
  RealGroup(const RealGroup&) = delete;
  RealGroup& operator=(const RealGroup&) = delete;
  ~RealGroup() {
    for (int tries = 0; tries < 1000 && !path_.empty() && ::rmdir(path_.c_str()) != 0; ++tries)
      ::usleep(1000);
  }
  bool try_enter(int pid) const {
    if (path_.empty()) return false;
    std::ofstream file(path_ + "/cgroup.procs");
    file << pid << std::flush;
    return file.good();
  }

 private:
  std::string path_;
};

TEST(HostReal, ChildrenThatCameAndWentCountInAGroupOfItsOwn) {
  const RealGroup group;
  const Pipe go;
  const Pipe done;
  Crew crew;
  const int owner = crew.start_owner([&](const Crew&) {
    go.take<char>();
    for (int i = 0; i < 3; ++i) {
      if (::fork() == 0) {
        burn(kBurnNs / 3);
        ::_exit(0);
      }
      ::wait(nullptr);
    }
    done.put('x');
  });
  if (!group.try_enter(owner)) GTEST_SKIP() << "no control group can be made here";
  Watch watch(owner);
  go.put('x');
  done.take<char>();
  const OwnerUsage usage = watch.look();
  EXPECT_EQ(usage.processes, 1U);
  EXPECT_EQ(usage.source, UsageSource::kCgroup);
  EXPECT_GE(watch.used_ns(), kBurnNs - kRoundingNs);
}

TEST(HostReal, OnlyWhatIsAskedForAndWhatIsNewIsReadAgain) {
  ProcessScanner scanner("");
  const std::vector<int> mine{::getpid()};
  const auto place_of = [](const std::vector<ProcessStat>& all, int pid) {
    return static_cast<std::size_t>(
        std::find_if(all.begin(), all.end(), [&](const auto& stat) { return stat.pid == pid; }) -
        all.begin());
  };
  const auto* all = scanner.read({});
  ASSERT_NE(all, nullptr);
  EXPECT_TRUE(std::is_sorted(all->begin(), all->end(),
                             [](const auto& a, const auto& b) { return a.pid < b.pid; }));
  ASSERT_TRUE(scanner.is_fresh(place_of(*all, ::getpid())));
  int read = 0;
  for (int round = 0; round < ProcessScanner::kPatience; ++round) {
    all = scanner.read({});
    const std::size_t place = place_of(*all, ::getpid());
    ASSERT_LT(place, all->size());
    if (scanner.is_fresh(place)) ++read;
    EXPECT_TRUE(scanner.refresh(place));
    EXPECT_TRUE(scanner.is_fresh(place));
    EXPECT_EQ((*all)[place].parent, ::getppid());
  }
  EXPECT_EQ(read, 1);
  for (int round = 0; round < ProcessScanner::kPatience; ++round) {
    all = scanner.read(mine);
    EXPECT_TRUE(scanner.is_fresh(place_of(*all, ::getpid())));
  }
  const int child = ::fork();
  if (child == 0) sleep_for_ever();
  all = scanner.read({});
  const std::size_t place = place_of(*all, child);
  ASSERT_LT(place, all->size());
  EXPECT_TRUE(scanner.is_fresh(place));
  ::kill(child, SIGKILL);
  ::waitpid(child, nullptr, 0);
  EXPECT_TRUE(scanner.is_fresh(place));
  all = scanner.read({});
  EXPECT_EQ(place_of(*all, child), all->size());
}

int fork_sleeper() {
  const int pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    sleep_for_ever();
  }
  return pid;
}

void end_child(int pid) {
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

TEST(HostReal, ANumberThatAnotherProcessHasByNowIsReadAgain) {
  for (int tries = 0; tries < 50; ++tries) {
    ProcessScanner scanner("");
    const int first = fork_sleeper();
    scanner.read({});
    scanner.read({});
    end_child(first);
    std::ofstream last_pid("/proc/sys/kernel/ns_last_pid");
    last_pid << first - 1 << std::flush;
    if (!last_pid.good()) GTEST_SKIP() << "pids cannot be chosen here";
    const int second = fork_sleeper();
    bool fresh = false;
    if (second == first) {
      const auto* all = scanner.read({});
      for (std::size_t place = 0; place < all->size(); ++place) {
        if ((*all)[place].pid == second) fresh = scanner.is_fresh(place);
      }
    }
    end_child(second);
    if (second != first) continue;  // somebody else was faster
    EXPECT_TRUE(fresh);
    return;
  }
  GTEST_SKIP() << "others took the number every time";
}

TEST(HostReal, TheClockOfAProcessThatIsGone) {
  const int child = ::fork();
  if (child == 0) ::_exit(0);
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(read_process_clock_ns(child), std::nullopt);
  EXPECT_EQ(read_process_clock_ns(0), std::nullopt);
  EXPECT_EQ(read_process_clock_ns(-1), std::nullopt);
  EXPECT_GT(read_process_clock_ns(::getpid()), 0U);
}

}  // namespace
}  // namespace slotd::broker
