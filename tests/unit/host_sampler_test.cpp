// The sampler on made-up hosts: every figure follows from the ticks, clocks and pages written
// there.
#include <gtest/gtest.h>

#include <chrono>
#include <thread>

#include "broker/host/usage_sampler.hpp"
#include "tests/unit/host_support.hpp"

namespace slotd::broker {
namespace {

using testing::FakeClocks;
using testing::FakeHost;
using testing::FakeProcess;
using testing::kPageBytes;
using testing::kTickNs;

constexpr std::uint64_t kSecond = 1'000'000'000;

class Sampler : public ::testing::Test {
 protected:
  Sampler() {
    host_.set_uptime(100'000);
    host_.set_host(0, 0);
  }

  /// A look `seconds` after the last one.
  UsageReport look(const std::vector<OwnerProbe>& owners, std::uint64_t seconds = 1,
                   MemorySource memory = MemorySource::kRss) {
    now_ns_ += seconds * kSecond;
    return sampler_.sample(owners, now_ns_, memory);
  }

  /// Microcores of so many ticks used in one second.
  static std::uint64_t micro(std::uint64_t ticks) { return ticks * kTickNs / 1000; }

  FakeHost host_;
  FakeClocks clocks_;
  UsageSampler sampler_{host_.root(), [this](int pid) -> std::optional<std::uint64_t> {
                          const auto at = clocks_.find(pid);
                          if (at == clocks_.end()) return std::nullopt;
                          return at->second;
                        }};
  std::uint64_t now_ns_ = 5000 * kSecond;
  const std::vector<OwnerProbe> owner_{{7, 3, 10}};
};

TEST_F(Sampler, TheFirstLookHasMemoryAndNoAverage) {
  host_.put({.pid = 10, .cpu_ticks = 5000, .rss_pages = 30});
  host_.put({.pid = 11, .parent = 10, .rss_pages = 12});
  host_.put({.pid = 20, .rss_pages = 1000});
  const auto report = look(owner_);
  ASSERT_EQ(report.owners.size(), 1U);
  const OwnerUsage& usage = report.owners[0];
  EXPECT_EQ(usage.index, 7U);
  EXPECT_EQ(usage.attach, 3U);
  EXPECT_EQ(usage.cpu_micro, std::nullopt);
  EXPECT_EQ(usage.memory_bytes, 42 * kPageBytes);
  EXPECT_EQ(usage.source, UsageSource::kTree);
  EXPECT_EQ(usage.processes, 2U);
  EXPECT_EQ(report.host.busy_micro, std::nullopt);
}

TEST_F(Sampler, TheTreeIsAddedUpOverTheInterval) {
  host_.put({.pid = 10, .cpu_ticks = 100});
  host_.put({.pid = 11, .parent = 10, .cpu_ticks = 1000});
  look(owner_);
  host_.put({.pid = 10, .cpu_ticks = 120});
  host_.put({.pid = 11, .parent = 10, .cpu_ticks = 1030});
  EXPECT_EQ(look(owner_).owners[0].cpu_micro, micro(50));
  host_.put({.pid = 10, .cpu_ticks = 220});
  EXPECT_EQ(look(owner_, 4).owners[0].cpu_micro, micro(100) / 4);
  EXPECT_EQ(look(owner_).owners[0].cpu_micro, 0U);
}

TEST_F(Sampler, TheClocksCountWhereTheyAnswer) {
  host_.put({.pid = 10, .cpu_ticks = 100});
  host_.put({.pid = 11, .parent = 10, .cpu_ticks = 100});
  clocks_ = {{10, 1'000'000'000}, {11, 5'000}};
  look(owner_);
  host_.put({.pid = 10, .cpu_ticks = 199});
  clocks_ = {{10, 1'250'000'000}, {11, 6'000}};
  EXPECT_EQ(look(owner_).owners[0].cpu_micro, 250'001U);
  // Refused from now on: the difference is one of ticks, never of a tick and a clock.
  clocks_ = {};
  host_.put({.pid = 10, .cpu_ticks = 201});
  EXPECT_EQ(look(owner_).owners[0].cpu_micro, micro(2));
  clocks_ = {{10, 90'000'000'000}};
  host_.put({.pid = 10, .cpu_ticks = 204});
  EXPECT_EQ(look(owner_).owners[0].cpu_micro, micro(3));
}

TEST_F(Sampler, AChildYoungerThanTheIntervalCountsWhole) {
  host_.put({.pid = 10});
  look(owner_);
  host_.set_uptime(100'100);
  host_.put({.pid = 12, .parent = 10, .cpu_ticks = 40, .start_ticks = 100'030});
  EXPECT_EQ(look(owner_).owners[0].cpu_micro, micro(40));
}

TEST_F(Sampler, AChildHiddenUntilNowCountsFromNowOn) {
  host_.put({.pid = 10});
  look(owner_);
  host_.put({.pid = 12, .parent = 10, .cpu_ticks = 9000, .start_ticks = 50'000});
  EXPECT_EQ(look(owner_).owners[0].cpu_micro, 0U);
  host_.put({.pid = 12, .parent = 10, .cpu_ticks = 9007, .start_ticks = 50'000});
  EXPECT_EQ(look(owner_).owners[0].cpu_micro, micro(7));
}

TEST_F(Sampler, AProcessThatComesIntoTheTreeCountsSinceTheLastLook) {
  host_.put({.pid = 10});
  host_.put({.pid = 12, .parent = 1, .cpu_ticks = 700});
  look(owner_);
  clocks_[12] = 999 * kSecond;  // read for the first time: no difference yet
  host_.end(12);                // a folder of its own again, so that it is not taken for unchanged
  host_.put({.pid = 12, .parent = 10, .cpu_ticks = 725});
  EXPECT_EQ(look(owner_).owners[0].cpu_micro, micro(25));
}

TEST_F(Sampler, ADeadChildTakesItsLastPieceAlongAndNothingElse) {
  host_.put({.pid = 10, .cpu_ticks = 10});
  host_.put({.pid = 11, .parent = 10, .cpu_ticks = 5000});
  look(owner_);
  host_.end(11);
  host_.put({.pid = 10, .cpu_ticks = 15});
  const auto report = look(owner_);
  EXPECT_EQ(report.owners[0].cpu_micro, micro(5));
  EXPECT_EQ(report.owners[0].processes, 1U);
}

TEST_F(Sampler, AnOrphanStaysItsOwners) {
  host_.put({.pid = 10});
  host_.put({.pid = 11, .parent = 10});
  host_.put({.pid = 12, .parent = 11, .cpu_ticks = 1});
  look(owner_);
  host_.end(11);
  host_.put({.pid = 12, .parent = 1, .cpu_ticks = 61});
  EXPECT_EQ(look(owner_).owners[0].cpu_micro, micro(60));
  host_.put({.pid = 12, .parent = 1, .cpu_ticks = 91});
  EXPECT_EQ(look(owner_).owners[0].cpu_micro, micro(30));
}

TEST_F(Sampler, AnOwnerThatEndedBeforeItsSecondLookHasNoFigure) {
  host_.put({.pid = 10, .cpu_ticks = 77});
  look(owner_);
  host_.end(10);
  const auto usage = look(owner_).owners[0];
  EXPECT_EQ(usage.cpu_micro, std::nullopt);
  EXPECT_EQ(usage.memory_bytes, std::nullopt);
  EXPECT_EQ(usage.source, UsageSource::kNone);
  EXPECT_EQ(usage.processes, 0U);
}

TEST_F(Sampler, AReusedPidIsNotTheOwner) {
  host_.put({.pid = 10, .start_ticks = 500});
  look(owner_);
  host_.put({.pid = 10, .cpu_ticks = 90, .start_ticks = 100'001});
  EXPECT_EQ(look(owner_).owners[0].source, UsageSource::kNone);
  // Another tenancy of the entry, which is that process: from the beginning.
  const std::vector<OwnerProbe> next{{7, 4, 10}};
  EXPECT_EQ(look(next).owners[0].cpu_micro, std::nullopt);
  host_.put({.pid = 10, .cpu_ticks = 93, .start_ticks = 100'001});
  EXPECT_EQ(look(next).owners[0].cpu_micro, micro(3));
}

TEST_F(Sampler, AChildWithADeadOnesPidCountsWhole) {
  host_.put({.pid = 10});
  host_.put({.pid = 11, .parent = 10, .cpu_ticks = 900, .start_ticks = 500});
  look(owner_);
  host_.set_uptime(100'100);
  host_.put({.pid = 11, .parent = 10, .cpu_ticks = 8, .start_ticks = 100'050});
  EXPECT_EQ(look(owner_).owners[0].cpu_micro, micro(8));
}

TEST_F(Sampler, NeverMoreThanAllCpusNorLessThanNothing) {
  host_.put({.pid = 10, .cpu_ticks = 1000});
  look(owner_);
  host_.put({.pid = 10, .cpu_ticks = 900'000});
  EXPECT_EQ(look(owner_).owners[0].cpu_micro, 2'000'000U);  // two CPUs
  host_.put({.pid = 10, .cpu_ticks = 5});
  EXPECT_EQ(look(owner_).owners[0].cpu_micro, 0U);
}

TEST_F(Sampler, NoTimeNoAverage) {
  host_.put({.pid = 10});
  look(owner_);
  EXPECT_EQ(look(owner_, 0).owners[0].cpu_micro, std::nullopt);
  host_.put({.pid = 10, .cpu_ticks = 4});
  EXPECT_EQ(look(owner_).owners[0].cpu_micro, micro(4));
}

TEST_F(Sampler, WhereProcShowsNothingTheClockAloneCounts) {
  clocks_[10] = 7 * kSecond;
  const auto first = look(owner_).owners[0];
  EXPECT_EQ(first.source, UsageSource::kClock);
  EXPECT_EQ(first.cpu_micro, std::nullopt);
  EXPECT_EQ(first.memory_bytes, std::nullopt);
  clocks_[10] = 7 * kSecond + kSecond / 2;
  const auto second = look(owner_).owners[0];
  EXPECT_EQ(second.cpu_micro, 500'000U);
  EXPECT_EQ(second.processes, 1U);
  // It becomes visible: the same clock goes on.
  host_.put({.pid = 10, .cpu_ticks = 775});
  clocks_[10] += kSecond / 4;
  const auto third = look(owner_).owners[0];
  EXPECT_EQ(third.source, UsageSource::kTree);
  EXPECT_EQ(third.cpu_micro, 250'000U);
}

TEST_F(Sampler, NeighboursAreNotCounted) {
  host_.put({.pid = 10, .cpu_ticks = 0, .rss_pages = 5});
  host_.put({.pid = 20, .cpu_ticks = 0, .rss_pages = 700});
  const std::vector<OwnerProbe> both{{1, 1, 10}, {2, 1, 30}};
  host_.put({.pid = 30, .parent = 10, .cpu_ticks = 0, .rss_pages = 9});
  look(both);
  host_.put({.pid = 20, .cpu_ticks = 99, .rss_pages = 700});
  host_.put({.pid = 30, .parent = 10, .cpu_ticks = 20, .rss_pages = 9});
  const auto owners = look(both).owners;
  EXPECT_EQ(owners[0].cpu_micro, 0U);
  EXPECT_EQ(owners[0].memory_bytes, 5 * kPageBytes);
  EXPECT_EQ(owners[1].cpu_micro, micro(20));
  EXPECT_EQ(owners[1].memory_bytes, 9 * kPageBytes);
}

TEST_F(Sampler, TwoEntriesOfOneProcess) {
  host_.put({.pid = 10, .cpu_ticks = 0, .rss_pages = 5});
  const std::vector<OwnerProbe> both{{4, 1, 10}, {5, 9, 10}};
  look(both);
  host_.put({.pid = 10, .cpu_ticks = 30, .rss_pages = 5});
  const auto owners = look(both).owners;
  EXPECT_EQ(owners[0].cpu_micro, micro(30));
  EXPECT_EQ(owners[1].index, 5U);
  EXPECT_EQ(owners[1].attach, 9U);
  EXPECT_EQ(owners[1].cpu_micro, micro(30));
}

TEST_F(Sampler, AProcessWhoseFirstThreadHasEndedKeepsItsMemory) {
  host_.put({.pid = 10, .rss_pages = 0, .state = 'Z', .threads = 3});
  host_.write("/proc/10/task/10/stat", testing::stat_text({.pid = 10, .rss_pages = 0}));
  host_.write("/proc/10/task/14/stat", testing::stat_text({.pid = 14, .rss_pages = 88}));
  EXPECT_EQ(look(owner_).owners[0].memory_bytes, 88 * kPageBytes);
}

TEST_F(Sampler, TheWholeHostAndItsPressure) {
  host_.set_host(1000, 9000);
  host_.write("/proc/pressure/cpu", "some avg10=12.50 avg60=0.00 avg300=0.00 total=1\n");
  look({});
  host_.set_host(1150, 9050);  // 150 of 200 ticks on two CPUs
  const auto host = look({}).host;
  EXPECT_EQ(host.busy_micro, 1'500'000U);
  EXPECT_EQ(host.psi_cpu_some_ppb, 125'000'000U);
  EXPECT_EQ(host.psi_memory_some_ppb, std::nullopt);
}

TEST_F(Sampler, PssIsThereOneLookLaterAndRssUntilThen) {
  host_.put({.pid = 10, .rss_pages = 100});
  host_.put({.pid = 11, .parent = 10, .rss_pages = 7});
  host_.write("/proc/10/smaps_rollup", "0-1 ---p 0 0:0 0 [rollup]\nRss: 400 kB\nPss: 33 kB\n");
  EXPECT_EQ(look(owner_, 1, MemorySource::kPss).owners[0].memory_bytes, 107 * kPageBytes);
  // The figures come from another thread; 11 has none to be read and counts with its RSS.
  const std::uint64_t expected = 33 * 1024 + 7 * kPageBytes;
  std::optional<std::uint64_t> seen;
  for (int tries = 0; tries < 2000 && seen != expected; ++tries) {
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    seen = look(owner_, 1, MemorySource::kPss).owners[0].memory_bytes;
  }
  EXPECT_EQ(seen, expected);
}

TEST_F(Sampler, RubbishEverywhereIsNothing) {
  const std::string rubbish("\xff\0(()\n%n 999999999999999999999999", 32);
  for (const char* path : {"/proc/10/stat", "/proc/10/cgroup", "/proc/stat", "/proc/uptime",
                           "/proc/self/cgroup", "/proc/self/mountinfo", "/proc/pressure/cpu"}) {
    host_.write(path, rubbish);
  }
  host_.put({.pid = 11});
  const auto report = look({{1, 1, 10}, {2, 1, 11}, {3, 1, 0}, {4, 1, -5}, {5, 1, 1 << 30}});
  ASSERT_EQ(report.owners.size(), 5U);
  EXPECT_EQ(report.owners[0].source, UsageSource::kNone);
  EXPECT_EQ(report.owners[1].source, UsageSource::kTree);
  for (std::size_t i = 2; i < 5; ++i) EXPECT_EQ(report.owners[i].source, UsageSource::kNone) << i;
  EXPECT_EQ(report.host.busy_micro, std::nullopt);
}

TEST(SamplerFixture, NamesOfCommandsDoNotMislead) {
  UsageSampler sampler(std::string(SLOTD_HOST_FIXTURES) + "/odd_names");
  std::vector<OwnerProbe> owners;
  for (int pid = 101; pid <= 109; ++pid)
    owners.push_back({static_cast<std::uint32_t>(pid), 1, pid});
  const auto report = sampler.sample(owners, kSecond, MemorySource::kRss);
  for (const OwnerUsage& usage : report.owners) {
    const bool whole = usage.index <= 107;
    EXPECT_EQ(usage.processes, whole ? 1U : 0U) << usage.index;
    if (whole) {
      EXPECT_EQ(usage.memory_bytes, 42 * kPageBytes) << usage.index;
    }
  }
}

}  // namespace
}  // namespace slotd::broker
