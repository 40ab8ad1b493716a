// How many cores: texts of real hosts, the decision, and reading a tree of fixtures.
#include "broker/host/capacity_parse.hpp"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "broker/host/capacity_read.hpp"
#include "broker/liveness/pid_translate.hpp"
#include "slotd/process_probe.hpp"

namespace slotd::broker {
namespace {

TEST(ParseCpuMax, QuotaOverPeriodFloored) {
  EXPECT_EQ(parse_cpu_max_micro("150000 100000\n"), 1'500'000U);
  EXPECT_EQ(parse_cpu_max_micro("100000 300000"), 333'333U);
  EXPECT_EQ(parse_cpu_max_micro("max 100000\n"), std::nullopt);
  for (const char* bad : {"", "max", "150000", "0 100000", "1 0", "x y", "-1 100000"}) {
    EXPECT_EQ(parse_cpu_max_micro(bad), std::nullopt) << bad;
  }
}

TEST(ParseCfs, MinusOneIsNoLimit) {
  EXPECT_EQ(parse_cfs_micro("-1\n", "100000\n"), std::nullopt);
  EXPECT_EQ(parse_cfs_micro("250000\n", "100000\n"), 2'500'000U);
}

TEST(ParseCpuList, CountsRanges) {
  EXPECT_EQ(parse_cpu_list("0-3,8,10-11\n"), 7U);
  EXPECT_EQ(parse_cpu_list("0"), 1U);
  for (const char* bad : {"", "\n", "3-1", "a", "1,,2", "0-99999999"})
    EXPECT_EQ(parse_cpu_list(bad), std::nullopt) << bad;
}

TEST(ParseProcCgroup, BothVersions) {
  const auto lines = parse_proc_cgroup("4:cpu,cpuacct:/docker/abc\n0::/user.slice/x:y\nbroken\n");
  ASSERT_EQ(lines.size(), 2U);
  EXPECT_EQ(lines[0].controllers, "cpu,cpuacct");
  EXPECT_EQ(lines[0].path, "/docker/abc");
  EXPECT_EQ(lines[1].controllers, "");
  EXPECT_EQ(lines[1].path, "/user.slice/x:y");
}

TEST(ListAncestors, UpToTheRoot) {
  EXPECT_EQ(list_ancestors("/a/b"), (std::vector<std::string>{"/a/b", "/a", "/"}));
  EXPECT_EQ(list_ancestors("/"), std::vector<std::string>{"/"});
  EXPECT_EQ(list_ancestors(""), std::vector<std::string>{"/"});
}

TEST(DecideCapacity, TheRequestWinsElseTheTightest) {
  CapacityFacts facts;
  facts.online_micro = 32'000'000;
  EXPECT_EQ(decide_capacity(facts).micro, 32'000'000U);
  facts.affinity_micro = 16'000'000;
  facts.cpuset_micro = 8'000'000;
  facts.quota_micro = 1'500'000;
  EXPECT_EQ(decide_capacity(facts).micro, 1'500'000U);
  EXPECT_EQ(decide_capacity(facts).source, "cgroup CPU quota");
  facts.request_micro = 20'000'000;
  EXPECT_EQ(decide_capacity(facts).micro, 20'000'000U);
}

class CapacityTree : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "slotd-capacity-XXXXXX").string();
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    root_ = pattern;
  }
  void TearDown() override { std::filesystem::remove_all(root_); }
  void write(const std::string& path, const std::string& text) const {
    const std::filesystem::path file = root_ + path;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }
  std::string root_;
};

TEST_F(CapacityTree, TightestAncestorOfVersion2) {
  write("/proc/self/cgroup", "0::/kubepods/pod1/c1\n");
  write("/sys/fs/cgroup/kubepods/pod1/c1/cpu.max", "max 100000\n");
  write("/sys/fs/cgroup/kubepods/pod1/cpu.max", "350000 100000\n");
  write("/sys/fs/cgroup/kubepods/cpu.max", "800000 100000\n");
  write("/sys/fs/cgroup/kubepods/pod1/c1/cpuset.cpus.effective", "0-5\n");
  const CapacityFacts facts = read_capacity_facts(root_);
  EXPECT_EQ(facts.quota_micro, 3'500'000U);
  EXPECT_EQ(facts.cpuset_micro, 6'000'000U);
}

TEST_F(CapacityTree, Version1) {
  write("/proc/self/cgroup", "5:cpuset:/d\n4:cpu,cpuacct:/d\n");
  write("/sys/fs/cgroup/cpu/d/cpu.cfs_quota_us", "-1\n");
  write("/sys/fs/cgroup/cpu/d/cpu.cfs_period_us", "100000\n");
  write("/sys/fs/cgroup/cpu/cpu.cfs_quota_us", "200000\n");
  write("/sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  write("/sys/fs/cgroup/cpuset/d/cpuset.effective_cpus", "0,2\n");
  const CapacityFacts facts = read_capacity_facts(root_);
  EXPECT_EQ(facts.quota_micro, 2'000'000U);
  EXPECT_EQ(facts.cpuset_micro, 2'000'000U);
}

TEST_F(CapacityTree, MissingFilesAreNoFacts) {
  const CapacityFacts facts = read_capacity_facts(root_);
  EXPECT_FALSE(facts.quota_micro);
  EXPECT_FALSE(facts.cpuset_micro);
  EXPECT_GE(facts.online_micro, 1'000'000U);
}

TEST(PidTranslation, InnermostPidOfTheStatusText) {
  EXPECT_EQ(parse_innermost_pid("Name:\tx\nNSpid:\t4711\t17\t1\nThreads:\t1\n"), 1);
  EXPECT_EQ(parse_innermost_pid("Name:\tx\nNSpid:\t4711\n"), 4711);
  for (const char* bad : {"", "NSpid:\t1", "\nNSpid:\n", "\nNSpid:\tx\n"})
    EXPECT_EQ(parse_innermost_pid(bad), std::nullopt);
}

TEST(PidTranslation, TheOwnNamespaceAndWhatCannotBeReadAreLeftOut) {
  const auto own = static_cast<std::uint32_t>(read_inode("/proc/self/ns/pid"));
  for (const auto& [key, host_pid] : read_pid_map(own)) {
    EXPECT_NE(key.first, own);
    EXPECT_NE(key.first, 0U);
    EXPECT_GT(host_pid, 0);
  }
  const PidMap all = read_pid_map(1);  // nobody's namespace: the own one is read like a foreign one
  const auto self = all.find({own, static_cast<std::uint32_t>(::getpid())});
  ASSERT_NE(self, all.end());
  EXPECT_EQ(self->second, ::getpid());
}

}  // namespace
}  // namespace slotd::broker
