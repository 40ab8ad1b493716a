// Texts of /proc and of control groups as kernels print them, and as nobody does.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "broker/host/cgroup_parse.hpp"
#include "broker/host/proc_parse.hpp"
#include "broker/host/text_scan.hpp"

namespace slotd::broker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr std::uint64_t kMost = std::numeric_limits<std::uint64_t>::max();

constexpr char kShell[] =
    "4711 (bash) S 4700 4711 4700 34816 4711 4194304 1200 3400 0 5 12 34 560 780 20 0 9 0 123456 "
    "8000000 1500 18446744073709551615 1 1 0 0 0 0 65536 3670020 1266777851 1 0 0 17 1 0 0 0 0 0\n";

TEST(ParseProcessStat, FieldsOfAShell) {
  ProcessStat expected;
  expected.pid = 4711;
  expected.parent = 4700;
  expected.group = 4711;
  expected.session = 4700;
  expected.state = 'S';
  expected.cpu_ticks = 12 + 34;  // not the children's 560 and 780
  expected.start_ticks = 123456;
  expected.rss_pages = 1500;
  expected.threads = 9;
  EXPECT_EQ(parse_process_stat(kShell), expected);
}

TEST(ParseProcessStat, NamesMayHoldAnything) {
  for (const std::string name : {") R 1 1 1 (x", "a\nb", "((((", "))))", "", " ", ") S 9 9 9 9"}) {
    const std::string text = "7 (" + name + ") Z 1 2 3 0 -1 0 0 0 0 0 4 5 6 7 20 0 1 0 99 0 0 0\n";
    const auto stat = parse_process_stat(text);
    ASSERT_TRUE(stat) << name;
    EXPECT_EQ(stat->pid, 7) << name;
    EXPECT_EQ(stat->parent, 1) << name;
    EXPECT_EQ(stat->group, 2) << name;
    EXPECT_EQ(stat->session, 3) << name;
    EXPECT_EQ(stat->state, 'Z') << name;
    EXPECT_EQ(stat->cpu_ticks, 9U) << name;
    EXPECT_EQ(stat->start_ticks, 99U) << name;
  }
}

TEST(ParseProcessStat, OtherTextsAreNothing) {
  for (const char* bad :
       {"", "7", "7 (x", "7 x) S 1 1 1", "7 (x) S", "(x) S 1 2 3 0 -1 0 0 0 0 0 4 5 6 7 20 0 1 0 9",
        "x (x) S 1 2 3 0 -1 0 0 0 0 0 4 5 6 7 20 0 1 0 99 0 0",
        "0 (x) S 1 2 3 0 -1 0 0 0 0 0 4 5 6 7 20 0 1 0 99 0 0",
        "7 (x) SS 1 2 3 0 -1 0 0 0 0 0 4 5 6 7 20 0 1 0 99 0 0",
        "7 (x) S -1 2 3 0 -1 0 0 0 0 0 4 5 6 7 20 0 1 0 99 0 0",
        "7 (x) S 1 2 3 0 -1 0 0 0 0 0 4 y 6 7 20 0 1 0 99 0 0",
        "99999999999 (x) S 1 2 3 0 -1 0 0 0 0 0 4 5 6 7 20 0 1 0 99 0 0",
        "7 (x) S 1 2 3 0 -1 0 0 0 0\n0 4 5 6 7 20 0 1 0 99 0 0"}) {
    EXPECT_EQ(parse_process_stat(bad), std::nullopt) << bad;
  }
}

TEST(ParseProcessStat, NumbersSaturate) {
  const auto stat = parse_process_stat(
      "7 (x) S 1 2 3 0 -1 0 0 0 0 0 99999999999999999999999 5 6 7 20 0 1 0 9 0 -3 0\n");
  ASSERT_TRUE(stat);
  EXPECT_EQ(stat->cpu_ticks, kMost);
  EXPECT_EQ(stat->rss_pages, 0U);  // older kernels print it signed
}

TEST(ParseHostTicks, BusyIsWhatIsNeitherIdleNorWaiting) {
  // user nice system idle iowait irq softirq steal guest guest_nice
  const auto ticks = parse_host_ticks(
      "cpu  100 20 30 1000 200 4 5 6 70 7\ncpu0 1 2 3 4 5 6 7 8 9 0\ncpu1 1 2 3 4 5 6 7 8 9 0\n"
      "intr 5\ncpufreq 1\n");
  ASSERT_TRUE(ticks);
  EXPECT_EQ(ticks->busy, 100U + 20 + 30 + 4 + 5 + 6);
  EXPECT_EQ(ticks->total, ticks->busy + 1000 + 200);
  EXPECT_EQ(ticks->cpus, 2U);
}

TEST(ParseHostTicks, OldKernelsPrintFewerFields) {
  const auto ticks = parse_host_ticks("cpu 1 2 3 4\n");
  ASSERT_TRUE(ticks);
  EXPECT_EQ(ticks->busy, 6U);
  EXPECT_EQ(ticks->total, 10U);
  for (const char* bad : {"", "cpu", "cpu 1 2 3", "cpu0 1 2 3 4", "cpu 1 2 x 4", "cpu -1 2 3 4"})
    EXPECT_EQ(parse_host_ticks(bad), std::nullopt) << bad;
}

TEST(DecideBusyMicro, ShareOfAllCpus) {
  // 150 of 400 ticks on 4 CPUs: 1.5 cores.
  EXPECT_EQ(decide_busy_micro({1000, 5000, 4}, {1150, 5400, 4}), 1'500'000U);
  EXPECT_EQ(decide_busy_micro({1000, 5000, 4}, {1400, 5400, 4}), 4'000'000U);
  EXPECT_EQ(decide_busy_micro({1000, 5000, 4}, {1000, 5400, 4}), 0U);
}

TEST(DecideBusyMicro, BackwardsStepsAreClamped) {
  EXPECT_EQ(decide_busy_micro({1000, 5000, 4}, {1300, 5100, 4}), 4'000'000U);  // idle ran back
  EXPECT_EQ(decide_busy_micro({1000, 5000, 4}, {900, 5100, 4}), 0U);
  EXPECT_EQ(decide_busy_micro({1000, 5000, 4}, {1000, 5000, 4}), std::nullopt);
  EXPECT_EQ(decide_busy_micro({1000, 5000, 4}, {1000, 4000, 4}), std::nullopt);
  EXPECT_EQ(decide_busy_micro({0, 0, 4}, {kMost, kMost, 4}), 4'000'000U);
}

TEST(ParsePressure, TenSecondsOfSome) {
  EXPECT_EQ(parse_pressure_some_ppb("some avg10=1.25 avg60=0.40 avg300=0.00 total=123\n"
                                    "full avg10=9.00 avg60=0.00 avg300=0.00 total=4\n"),
            12'500'000U);
  EXPECT_EQ(parse_pressure_some_ppb("full avg10=9.00 avg60=0\nsome avg10=100.00 avg60=0\n"),
            1'000'000'000U);
  EXPECT_EQ(parse_pressure_some_ppb("some avg10=0.00 avg60=0.00\n"), 0U);
  for (const char* bad : {"", "full avg10=1.00", "some", "some avg60=1.00", "some avg10=",
                          "some avg10=1", "some avg10=1.5", "some avg10=-1.00", "some avg10=x.yz"})
    EXPECT_EQ(parse_pressure_some_ppb(bad), std::nullopt) << bad;
}

TEST(ParsePss, KibibytesOfTheRollup) {
  EXPECT_EQ(parse_pss_bytes("55ad-7ffc ---p 00000000 00:00 0  [rollup]\nRss:   900 kB\n"
                            "Pss:             321 kB\nPss_Anon:  7 kB\n"),
            321U * 1024);
  for (const char* bad : {"", "Rss: 5 kB\n", "Pss:\n", "Pss: x kB\n", "Pss: 5 MB\n"})
    EXPECT_EQ(parse_pss_bytes(bad), std::nullopt) << bad;
}

TEST(ParseUptime, Hundredths) {
  EXPECT_EQ(parse_uptime_centis("5000.25 9000.50\n"), 500'025U);
  for (const char* bad : {"", "5", "5.1", "x.25", "-5.25"})
    EXPECT_EQ(parse_uptime_centis(bad), std::nullopt) << bad;
}

TEST(ParseCgroupMounts, BothVersionsAndOptionalFields) {
  const auto mounts = parse_cgroup_mounts(
      "22 28 0:20 / /sys rw shared:7 - sysfs sysfs rw\n"
      "36 31 0:31 /docker/9f /sys/fs/cgroup/cpu,cpuacct ro,nosuid shared:15 master:2 - cgroup "
      "cgroup rw,cpu,cpuacct\n"
      "41 31 0:38 / /mnt/a\\040b\\134c rw - cgroup2 none rw,nsdelegate\n"
      "broken\n1 2 0:3 / /x rw shared:1\n5 6 0:7 relative /x rw - cgroup2 none rw\n");
  ASSERT_EQ(mounts.size(), 2U);
  EXPECT_EQ(mounts[0].root, "/docker/9f");
  EXPECT_EQ(mounts[0].point, "/sys/fs/cgroup/cpu,cpuacct");
  EXPECT_TRUE(has_controller(mounts[0].controllers, "cpuacct"));
  EXPECT_TRUE(has_controller(mounts[0].controllers, "cpu"));
  EXPECT_FALSE(has_controller(mounts[0].controllers, "cpuset"));
  EXPECT_FALSE(mounts[0].v2);
  EXPECT_EQ(mounts[1].point, "/mnt/a b\\c");
  EXPECT_TRUE(mounts[1].v2);
}

TEST(FindBelowMount, ByTheRootOfTheMount) {
  const CgroupMount whole{"/", "/sys/fs/cgroup", "", true};
  const CgroupMount part{"/docker/9f", "/sys/fs/cgroup", "", true};
  const CgroupMount outside{"/../..", "/sys/fs/cgroup", "", true};
  EXPECT_EQ(find_below_mount(whole, "/a/b"), "/a/b");
  EXPECT_EQ(find_below_mount(whole, "/"), "/");
  EXPECT_EQ(find_below_mount(part, "/docker/9f"), "/");
  EXPECT_EQ(find_below_mount(part, "/docker/9f/x"), "/x");
  EXPECT_EQ(find_below_mount(part, "/docker/9fa"), std::nullopt);
  EXPECT_EQ(find_below_mount(part, "/other"), std::nullopt);
  EXPECT_EQ(find_below_mount(whole, "/../sibling"), std::nullopt);
  EXPECT_EQ(find_below_mount(whole, "relative"), std::nullopt);
  EXPECT_EQ(find_below_mount(whole, ""), std::nullopt);
  EXPECT_EQ(find_below_mount(outside, "/a"), std::nullopt);
}

TEST(ParseCgroupCounters, BothVersions) {
  EXPECT_EQ(parse_cpu_stat_ns("usage_usec 1234567\nuser_usec 1\nsystem_usec 2\n"), 1'234'567'000U);
  EXPECT_EQ(parse_cpu_stat_ns("user_usec 1\n"), std::nullopt);
  EXPECT_EQ(parse_single_count("9876543210\n"), 9'876'543'210U);
  EXPECT_EQ(parse_single_count("max\n"), std::nullopt);
  EXPECT_EQ(parse_single_count(""), std::nullopt);
  constexpr char kStat[] = "cache 5\ninactive_file 4096\ntotal_inactive_file 8192\n";
  EXPECT_EQ(parse_stat_field(kStat, "inactive_file"), 4096U);
  EXPECT_EQ(parse_stat_field(kStat, "total_inactive_file"), 8192U);
  EXPECT_EQ(parse_stat_field(kStat, "inactive"), std::nullopt);
}

TEST(ParseCgroupPids, SortedOrNothing) {
  const auto pids = parse_cgroup_pids("30\n4\n0\n");
  ASSERT_TRUE(pids);
  EXPECT_THAT(*pids, ElementsAre(0, 4, 30));
  EXPECT_THAT(*parse_cgroup_pids(""), IsEmpty());
  for (const char* bad : {"x\n", "1\n\n2\n", "-1\n", "99999999999\n"})
    EXPECT_EQ(parse_cgroup_pids(bad), std::nullopt) << bad;
}

TEST(Saturation, EndsAtTheLargestNumber) {
  EXPECT_EQ(add_saturating(kMost - 1, 1), kMost);
  EXPECT_EQ(add_saturating(kMost, 1), kMost);
  EXPECT_EQ(multiply_saturating(kMost / 2, 2), kMost - 1);
  EXPECT_EQ(multiply_saturating(kMost / 2 + 1, 2), kMost);
  EXPECT_EQ(scale_saturating(kMost, 3, 3), kMost);
  EXPECT_EQ(scale_saturating(kMost, 2, 1), kMost);
  EXPECT_EQ(scale_saturating(7, 10, 4), 17U);
  EXPECT_EQ(scale_saturating(1, 1, 0), kMost);
}

}  // namespace
}  // namespace slotd::broker
