// Control groups of an owner's own, on made-up hosts: when they count, and when not.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "broker/host/owner_cgroup.hpp"
#include "broker/host/usage_sampler.hpp"
#include "tests/unit/host_support.hpp"

namespace slotd::broker {
namespace {

using ::testing::ElementsAre;
using testing::FakeHost;
using testing::kPageBytes;
using testing::kTickNs;

constexpr std::uint64_t kSecond = 1'000'000'000;

/// A v2 host with the broker in /system.slice/slotd.service and the owner, process 10, in /jobs/a.
class OwnCgroup : public ::testing::Test {
 protected:
  OwnCgroup() {
    host_.set_uptime(100'000);
    host_.set_host(0, 0);
    host_.write("/proc/self/mountinfo", "30 2 0:2 / /cg rw - cgroup2 none rw\n");
    host_.write("/proc/self/cgroup", "0::/system.slice/slotd.service\n");
    host_.put({.pid = 10});
    host_.put({.pid = 11, .parent = 10, .rss_pages = 3});
    host_.put({.pid = 20});
    host_.write("/proc/10/cgroup", "0::/jobs/a\n");
    set_group("/jobs/a", "10\n11\n", 5'000'000);
  }

  void set_group(const std::string& path, const std::string& pids, std::uint64_t used_us) {
    host_.write("/cg" + path + "/cgroup.procs", pids);
    host_.write("/cg" + path + "/cpu.stat", "usage_usec " + std::to_string(used_us) + "\n");
  }

  OwnerUsage look(std::uint64_t seconds = 1, MemorySource memory = MemorySource::kRss) {
    now_ns_ += seconds * kSecond;
    return sampler_.sample(std::vector<OwnerProbe>{{1, 1, 10}}, now_ns_, memory).owners.at(0);
  }

  FakeHost host_;
  UsageSampler sampler_{host_.root()};
  std::uint64_t now_ns_ = 5000 * kSecond;
};

TEST_F(OwnCgroup, ChildrenThatCameAndWentAreInIt) {
  EXPECT_EQ(look().source, UsageSource::kTree);
  set_group("/jobs/a", "10\n11\n", 5'750'000);  // the tree's ticks stand still
  const OwnerUsage usage = look();
  EXPECT_EQ(usage.source, UsageSource::kCgroup);
  EXPECT_EQ(usage.cpu_micro, 750'000U);
  EXPECT_EQ(usage.processes, 2U);
  EXPECT_EQ(usage.memory_bytes, 13 * kPageBytes);  // rss was asked for
}

TEST_F(OwnCgroup, NeverMoreThanAllCpus) {
  look();
  set_group("/jobs/a", "10\n11\n", 999'000'000);
  EXPECT_EQ(look().cpu_micro, 2'000'000U);
}

TEST_F(OwnCgroup, AStrangerInItEndsIt) {
  look();
  set_group("/jobs/a", "10\n11\n20\n", 5'900'000);
  host_.put({.pid = 10, .cpu_ticks = 25});
  OwnerUsage usage = look();
  EXPECT_EQ(usage.source, UsageSource::kTree);
  EXPECT_EQ(usage.cpu_micro, 25 * kTickNs / 1000);
  // Alone again: looked for after 10 s, counted from the sample after that.
  set_group("/jobs/a", "10\n11\n", 6'000'000);
  for (int second = 0; second < 7; ++second) EXPECT_EQ(look().source, UsageSource::kTree);
  set_group("/jobs/a", "10\n11\n", 9'000'000);
  EXPECT_EQ(look(2).source, UsageSource::kTree);
  set_group("/jobs/a", "10\n11\n", 9'250'000);
  usage = look();
  EXPECT_EQ(usage.source, UsageSource::kCgroup);
  EXPECT_EQ(usage.cpu_micro, 250'000U);
}

TEST_F(OwnCgroup, AStrangerInAGroupBelowEndsIt) {
  set_group("/jobs/a/inner", "20\n", 0);
  look();
  EXPECT_EQ(look().source, UsageSource::kTree);
}

TEST_F(OwnCgroup, AMemberInAGroupBelowIsFine) {
  set_group("/jobs/a", "10\n", 1'000'000);
  set_group("/jobs/a/inner", "11\n", 0);
  look();
  set_group("/jobs/a", "10\n", 1'500'000);
  EXPECT_EQ(look().cpu_micro, 500'000U);
}

TEST_F(OwnCgroup, AnotherOwnerInItEndsIt) {
  const std::vector<OwnerProbe> both{{1, 1, 10}, {2, 1, 11}};
  for (int i = 0; i < 3; ++i) {
    now_ns_ += kSecond;
    for (const OwnerUsage& usage : sampler_.sample(both, now_ns_, MemorySource::kRss).owners)
      EXPECT_EQ(usage.source, UsageSource::kTree);
  }
}

TEST_F(OwnCgroup, ProcessesThatNobodySeesMayBeYoungOnceButNotTwice) {
  look();
  set_group("/jobs/a", "10\n11\n4000\n", 5'100'000);
  EXPECT_EQ(look().cpu_micro, 100'000U);
  set_group("/jobs/a", "10\n11\n4001\n", 5'300'000);
  EXPECT_EQ(look().cpu_micro, 200'000U);
  EXPECT_EQ(look().source, UsageSource::kTree);  // 4001 is still there and still hidden
}

TEST_F(OwnCgroup, ProcessesOfAnUnseenNamespaceEndIt) {
  look();
  set_group("/jobs/a", "0\n10\n11\n", 5'100'000);
  EXPECT_EQ(look().source, UsageSource::kTree);
}

TEST_F(OwnCgroup, RootAndTheBrokersOwnDoNotCount) {
  for (const std::string path : {"/", "/system.slice/slotd.service", "/../jobs/a", "/gone"}) {
    host_.write("/proc/10/cgroup", "0::" + path + "\n");
    if (path[1] != '.' && path != "/gone") set_group(path, "10\n11\n", 5'000'000);
    UsageSampler sampler(host_.root());
    for (int i = 0; i < 2; ++i) {
      now_ns_ += kSecond;
      const auto report =
          sampler.sample(std::vector<OwnerProbe>{{1, 1, 10}}, now_ns_, MemorySource::kRss);
      EXPECT_EQ(report.owners[0].source, UsageSource::kTree) << path;
    }
  }
}

TEST_F(OwnCgroup, AGroupMadeAnewCountsFromItsBeginning) {
  look();
  set_group("/jobs/a", "10\n11\n", 5'500'000);
  EXPECT_EQ(look().cpu_micro, 500'000U);
  set_group("/jobs/a", "10\n11\n", 10);
  host_.put({.pid = 10, .cpu_ticks = 5});
  const OwnerUsage usage = look();
  EXPECT_EQ(usage.source, UsageSource::kTree);
  EXPECT_EQ(usage.cpu_micro, 5 * kTickNs / 1000);
  set_group("/jobs/a", "10\n11\n", 100'010);
  EXPECT_EQ(look().cpu_micro, 100'000U);
}

TEST_F(OwnCgroup, MembersOutsideItAreAdded) {
  set_group("/jobs/a", "10\n", 5'000'000);
  look();
  set_group("/jobs/a", "10\n", 5'250'000);
  host_.put({.pid = 11, .parent = 10, .cpu_ticks = 50, .rss_pages = 3});
  const OwnerUsage usage = look();
  EXPECT_EQ(usage.source, UsageSource::kCgroup);
  EXPECT_EQ(usage.cpu_micro, 250'000U + 50 * kTickNs / 1000);
}

TEST_F(OwnCgroup, TheOwnerMovesOutOfIt) {
  look();
  set_group("/jobs/a", "11\n", 5'500'000);
  EXPECT_EQ(look().source, UsageSource::kTree);
}

TEST_F(OwnCgroup, WorkingSetOfTheSecondVersion) {
  host_.write("/cg/jobs/a/memory.current", "9000000\n");
  host_.write("/cg/jobs/a/memory.stat", "anon 1\ninactive_file 2000000\nactive_file 7\n");
  EXPECT_EQ(look(1, MemorySource::kCgroup).memory_bytes, 7'000'000U);
  EXPECT_EQ(look(1, MemorySource::kRss).memory_bytes, 13 * kPageBytes);
  host_.write("/cg/jobs/a/memory.current", "1000\n");
  EXPECT_EQ(look(1, MemorySource::kCgroup).memory_bytes, 0U);
}

TEST_F(OwnCgroup, WithoutOneItIsTheTreesRss) {
  EXPECT_EQ(look(1, MemorySource::kCgroup).memory_bytes, 13 * kPageBytes);  // no memory controller
}

TEST_F(OwnCgroup, FirstVersionAndHybrid) {
  host_.write("/proc/self/mountinfo",
              "30 2 0:2 / /cg rw - cgroup2 none rw\n"
              "31 2 0:3 / /v1/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n"
              "32 2 0:4 /docker/9f /v1/memory rw - cgroup cgroup rw,memory\n");
  host_.write("/proc/self/cgroup", "4:memory:/docker/9f\n3:cpu,cpuacct:/\n0::/\n");
  host_.write("/proc/10/cgroup", "4:memory:/docker/9f/m\n3:cpu,cpuacct:/c\n0::/jobs/a\n");
  host_.write("/v1/cpu,cpuacct/c/cgroup.procs", "10\n11\n");
  host_.write("/v1/cpu,cpuacct/c/cpuacct.usage", "700000000\n");
  host_.write("/v1/memory/m/cgroup.procs", "11\n10\n");
  host_.write("/v1/memory/m/memory.usage_in_bytes", "5000\n");
  host_.write("/v1/memory/m/memory.stat", "inactive_file 1\ntotal_inactive_file 1500\n");
  EXPECT_EQ(look(1, MemorySource::kCgroup).memory_bytes, 3500U);
  host_.write("/v1/cpu,cpuacct/c/cpuacct.usage", "1000000000\n");
  set_group("/jobs/a", "10\n11\n", 9'999'999);
  EXPECT_EQ(look(1, MemorySource::kCgroup).cpu_micro, 300'000U);
}

TEST(ReadCgroupPids, WithTheGroupsBelowAndBounded) {
  const FakeHost host;
  host.write("/g/cgroup.procs", "5\n");
  host.write("/g/a/cgroup.procs", "4\n3\n");
  host.write("/g/a/b/cgroup.procs", "");
  EXPECT_THAT(*read_cgroup_pids(host.root() + "/g"), ElementsAre(3, 4, 5));
  for (int i = 0; i < 70; ++i) host.write("/g/x" + std::to_string(i) + "/cgroup.procs", "");
  EXPECT_EQ(read_cgroup_pids(host.root() + "/g"), std::nullopt);
  std::string deep = "/d";
  for (int i = 0; i < 12; ++i) {
    host.write(deep + "/cgroup.procs", "");
    deep += "/d";
  }
  EXPECT_EQ(read_cgroup_pids(host.root() + "/d"), std::nullopt);
  EXPECT_EQ(read_cgroup_pids(host.root() + "/none"), std::nullopt);
}

}  // namespace
}  // namespace slotd::broker
