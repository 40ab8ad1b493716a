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

/// A host as it is stored below fixtures/host.
CapacityFacts read_fixture(const std::string& name) {
  return read_capacity_facts(std::string(SLOTD_HOST_FIXTURES) + "/" + name);
}

struct FixtureCase {
  const char* name;
  std::optional<std::uint64_t> quota_micro;
  std::optional<std::uint64_t> cpuset_micro;
};

class CapacityFixture : public ::testing::TestWithParam<FixtureCase> {};

TEST_P(CapacityFixture, QuotaAndCpusOfTheStoredHost) {
  const CapacityFacts facts = read_fixture(GetParam().name);
  EXPECT_EQ(facts.quota_micro, GetParam().quota_micro);
  EXPECT_EQ(facts.cpuset_micro, GetParam().cpuset_micro);
  EXPECT_GE(facts.online_micro, 1'000'000U);
}

INSTANTIATE_TEST_SUITE_P(
    Hosts, CapacityFixture,
    ::testing::Values(
        // 350000 / 100000 of the unit; its slice has none (-1).
        FixtureCase{"v1", 3'500'000, 8'000'000},
        // A namespace of its own: the group is the mount. CPUs 0-3 and 8.
        FixtureCase{"v2_namespace", 2'500'000, 5'000'000},
        // 4 cores for the pod, 750000 / 200000 = 3.75 for all pods; 2-7 for the pod.
        FixtureCase{"v2_nested", 3'750'000, 6'000'000},
        FixtureCase{"v2_unlimited", std::nullopt, std::nullopt},
        // 62500 / 50000 = 1.25 below 12; four CPUs; v2 has no say.
        FixtureCase{"hybrid", 1'250'000, 4'000'000}, FixtureCase{"docker_v1", 1'500'000, 2'000'000},
        FixtureCase{"docker_v2_host_namespace", 500'000, 2'000'000},
        FixtureCase{"missing_files", std::nullopt, std::nullopt},
        FixtureCase{"usual_places", 1'750'000, std::nullopt},
        FixtureCase{"no_such_host", std::nullopt, std::nullopt}),
    [](const auto& host) { return host.param.name; });

TEST(CapacityFixtureTree, ANestedQuotaThatChangesIsSeenByTheNextReading) {
  std::string root = (std::filesystem::temp_directory_path() / "slotd-capacity-XXXXXX").string();
  ASSERT_NE(::mkdtemp(root.data()), nullptr);
  std::filesystem::copy(std::string(SLOTD_HOST_FIXTURES) + "/v2_nested", root,
                        std::filesystem::copy_options::recursive);
  const std::string leaf =
      root +
      "/sys/fs/cgroup/kubepods.slice/kubepods-burstable.slice/kubepods-burstable-pod7.slice/"
      "cri-1.scope/cpu.max";
  std::ofstream(leaf) << "133333 100000\n";
  EXPECT_EQ(read_capacity_facts(root).quota_micro, 1'333'330U);
  std::ofstream(leaf) << "max 100000\n";
  EXPECT_EQ(read_capacity_facts(root).quota_micro, 3'750'000U);
  std::filesystem::remove_all(root);
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
