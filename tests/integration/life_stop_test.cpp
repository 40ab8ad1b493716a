// Life and death of an owner, the part about processes that stand still or die slowly: core dumps,
// the freezer, throttling, and the OOM reaper, which takes the memory that the kernel's own death
// notice is read from.
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/resource.h>

#include <atomic>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "slotd/client.hpp"
#include "tests/integration/life_support.hpp"
#include "tests/support/team.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

constexpr const char* kConfig =
    "cpu: { capacity: 8 }\n"
    "types:\n"
    "  single: { max: 1, cpu: 1.0 }\n"
    "  plain: { cpu: 0 }\n"
    "segment: { slots: 64, processes: 32 }\n";

class LifeAndDeath : public ::testing::Test {
 protected:
  /// Claims of another type, with a release each: how many were admitted of so many.
  static int claim_and_release(Client& client, int times) {
    int admitted = 0;
    for (int i = 0; i < times; ++i) admitted += client.try_claim("plain") ? 1 : 0;
    return admitted;
  }
  static Reason claim_single(Client& client) {
    return client.try_claim("single").refusal().reason();
  }

  BrokerProcess broker_{kConfig};
  SegmentProbe probe_{broker_.segment()};
};

// ---- Core dump

constexpr std::size_t kLargeBytes = 64U << 20;

/// Holds `single` and `memory` bytes, and dies of SIGSEGV with its image of 64 MiB.
[[noreturn]] void crash_with_core(const std::string& segment, const std::string& folder,
                                  std::uint64_t memory, std::atomic<bool>& holds) {
  const rlimit unlimited{RLIM_INFINITY, RLIM_INFINITY};
  if (::chdir(folder.c_str()) != 0 || ::setrlimit(RLIMIT_CORE, &unlimited) != 0) ::_exit(1);
  ::signal(SIGSEGV, SIG_DFL);  // a sanitizer's handler would dump nothing
  auto* image = static_cast<unsigned char*>(
      ::mmap(nullptr, kLargeBytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  if (image == MAP_FAILED) ::_exit(1);
  for (std::size_t at = 0; at < kLargeBytes; at += 512) image[at] = 1;
  Client client({segment, "large"});
  const Slot slot = client.try_claim("single", {.memory_bytes = memory});
  if (!slot) ::_exit(1);
  holds.store(true);
  ::raise(SIGSEGV);
  ::_exit(1);
}

class LifeAndDeathCore : public LifeAndDeath,
                         public ::testing::WithParamInterface<std::uint64_t> {};
INSTANTIATE_TEST_SUITE_P(Memory, LifeAndDeathCore, ::testing::Values(0, 1 << 20),
                         [](const auto& param) { return param.param == 0 ? "none" : "reserved"; });

TEST_P(LifeAndDeathCore, of_a_large_process_frees_its_slot_in_the_end_and_delays_nobody) {
  const std::string pattern = read_text("/proc/sys/kernel/core_pattern");
  if (pattern.find('/') != std::string::npos)
    GTEST_SKIP() << "core dumps go elsewhere here: " << pattern;
  const TestFolder folder;
  Shared<std::atomic<bool>> holds;
  Client other({broker_.segment(), "other"});
  const pid_t victim = ::fork();
  if (victim == 0) crash_with_core(broker_.segment(), folder.path(), GetParam(), *holds);
  EXPECT_TRUE(wait_until([&] { return holds->load(); }));
  int status = 0;
  int rounds = 0;
  const bool ended = wait_until([&] {
    EXPECT_EQ(claim_and_release(other, 100), 100) << "while it dumps";
    ++rounds;
    return ::waitpid(victim, &status, WNOHANG) == victim;
  });
  if (!ended) ::kill(victim, SIGKILL);
  ASSERT_TRUE(ended);
  EXPECT_GT(rounds, 1);
  ASSERT_TRUE(WIFSIGNALED(status) && WCOREDUMP(status)) << "no core was dumped: " << status;
  EXPECT_TRUE(wait_until([&] { return claim_single(other) == Reason::kNone; }));
  EXPECT_TRUE(probe_.wait_all_free());
}

// ---- Freezer

TEST_F(LifeAndDeath, frozen_owner_keeps_its_slot_and_goes_on_with_it) {
  const ControlGroup freezer("freezer");
  if (!freezer.is_made()) GTEST_SKIP() << "no freezer of version 1 may be used here";
  WorkerProcess owner(broker_.segment());
  Client other({broker_.segment(), "other"});
  const Reply claimed = owner.ask("claim single");
  ASSERT_TRUE(claimed.is_claimed());
  ASSERT_TRUE(freezer.add(owner.pid()));
  ASSERT_TRUE(freezer.freeze());
  for (int i = 0; i < 30; ++i) {  // looks of the broker, heartbeats
    ASSERT_EQ(claim_single(other), Reason::kTypeLimit);
    ASSERT_EQ(other.reap(), 0U);
    ASSERT_EQ(claim_and_release(other, 100), 100);
    ::usleep(30'000);
  }
  broker_.kill_now();
  EXPECT_EQ(other.reap(), 0U);
  broker_.start();
  EXPECT_EQ(claim_single(other), Reason::kTypeLimit) << "a new broker knows no better";
  ASSERT_TRUE(freezer.thaw());
  EXPECT_TRUE(owner.ask("release " + claimed.handle()).is_ok());
  EXPECT_EQ(claim_single(other), Reason::kNone);
}

/// Works without end, so that it is stopped in the middle of anything.
bool work_without_end(const std::string& segment, std::atomic<std::uint64_t>& rounds) {
  Client client({segment, "busy"});
  for (;;) {
    const Slot slot = client.try_claim("plain", {.key = "EG_busy"});
    client.can_accept("single");
    rounds.fetch_add(1);
  }
}

TEST_F(LifeAndDeath, frozen_in_the_middle_of_its_claims_it_stops_nobody) {
  const ControlGroup freezer("freezer");
  if (!freezer.is_made()) GTEST_SKIP() << "no freezer of version 1 may be used here";
  Shared<std::atomic<std::uint64_t>> rounds;
  Team team;
  const pid_t busy = team.add([&] { return work_without_end(broker_.segment(), *rounds); });
  Client other({broker_.segment(), "other"});
  ASSERT_TRUE(freezer.add(busy));
  for (int i = 0; i < 20; ++i) {
    const std::uint64_t before = rounds->load();
    ASSERT_TRUE(wait_until([&] { return rounds->load() > before + 100; }));
    ASSERT_TRUE(freezer.freeze());
    EXPECT_EQ(claim_and_release(other, 100), 100);
    EXPECT_EQ(claim_single(other), Reason::kNone);
    ASSERT_TRUE(freezer.thaw());
  }
  team.kill_now(busy);
  EXPECT_TRUE(probe_.wait_all_free());
}

/// A frozen process that is killed lives until it is thawed or its group is emptied: nobody takes
/// its slot from it before.
TEST_F(LifeAndDeath, frozen_owner_that_is_killed_gives_back_when_it_is_dead) {
  const ControlGroup freezer("freezer");
  if (!freezer.is_made()) GTEST_SKIP() << "no freezer of version 1 may be used here";
  WorkerProcess owner(broker_.segment());
  Client other({broker_.segment(), "other"});
  ASSERT_TRUE(owner.ask("claim single").is_claimed());
  ASSERT_TRUE(freezer.add(owner.pid()));
  ASSERT_TRUE(freezer.freeze());
  owner.signal(SIGKILL);
  ::usleep(250'000);  // looks of the broker
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(owner.pid()), &info, WEXITED | WNOHANG | WNOWAIT), 0);
  if (info.si_pid == 0) {
    EXPECT_EQ(claim_single(other), Reason::kTypeLimit) << "it is not dead yet";
  }
  ASSERT_TRUE(freezer.thaw());
  EXPECT_TRUE(wait_until([&] { return claim_single(other) == Reason::kNone; }));
}

// ---- Throttling

TEST_F(LifeAndDeath, throttled_owner_keeps_its_slot_and_stops_nobody) {
  const ControlGroup cpu("cpu");
  if (!cpu.is_made() || !cpu.write("cpu.cfs_period_us", "100000") ||
      !cpu.write("cpu.cfs_quota_us", "1000")) {
    GTEST_SKIP() << "no CPU quota of version 1 may be set here";
  }
  Shared<std::atomic<std::uint64_t>> rounds;
  WorkerProcess owner(broker_.segment());
  const Reply claimed = owner.ask("claim single");
  ASSERT_TRUE(claimed.is_claimed());
  Team team;
  const pid_t busy = team.add([&] { return work_without_end(broker_.segment(), *rounds); });
  ASSERT_TRUE(wait_until([&] { return rounds->load() > 0; }));
  Client other({broker_.segment(), "other"});
  ASSERT_TRUE(cpu.add(owner.pid()) && cpu.add(busy));
  for (int i = 0; i < 60; ++i) {
    ASSERT_EQ(claim_and_release(other, 100), 100);
    ASSERT_EQ(claim_single(other), Reason::kTypeLimit);
    ::usleep(20'000);
  }
  const std::string figures = cpu.read("cpu.stat");
  const std::size_t at = figures.find("nr_throttled ");
  ASSERT_NE(at, std::string::npos) << figures;
  EXPECT_GT(std::stoul(figures.substr(at + 13)), 3U) << "it was throttled: " << figures;
  EXPECT_EQ(probe_.counters().reaped, 0U);
  ASSERT_TRUE(cpu.leave(owner.pid()));
  EXPECT_TRUE(owner.ask("release " + claimed.handle()).is_ok());
  ASSERT_TRUE(cpu.leave(busy));
  team.kill_now(busy);
  EXPECT_TRUE(probe_.wait_all_free());
}

// ---- Killed, and its memory taken before it can die

/// The kernel reads from the dying process's memory which word it has to mark. Where the OOM reaper
/// was faster, it finds nothing there.
class LifeAndDeathUnmarked : public LifeAndDeath {
 protected:
  /// False: not possible here.
  bool kill_without_a_mark(WorkerProcess& owner) {
    const ControlGroup freezer("freezer");
    if (!freezer.is_made()) return false;
    const bool taken = freezer.add(owner.pid()) && freezer.freeze();
    owner.signal(SIGKILL);
    const bool reaped = taken && reap_memory(owner.pid());
    freezer.thaw();
    owner.wait_end();
    return reaped;
  }
  PresenceState presence(ProcessRef owner) const {
    return read_presence_value(probe_.view().process(owner.index).presence.load(), owner.attach);
  }
};

TEST_F(LifeAndDeathUnmarked, owner_that_the_oom_reaper_took_is_seen_dead_by_the_broker) {
  WorkerProcess owner(broker_.segment());
  ASSERT_TRUE(owner.ask("claim single").is_claimed());
  ASSERT_TRUE(owner.ask("claim plain memory=1000000").is_claimed());
  ASSERT_TRUE(probe_.wait_watched(owner.pid()));
  if (!kill_without_a_mark(owner))
    GTEST_SKIP() << "process_mrelease on a frozen process is not possible here";
  EXPECT_TRUE(probe_.wait_all_free());
  EXPECT_TRUE(wait_until([&] { return !probe_.find_process(owner.pid()); })) << "its entry too";
  EXPECT_EQ(probe_.counters().reaped, 2U);
}

TEST_F(LifeAndDeathUnmarked, without_a_broker_it_is_seen_dead_by_its_pid) {
  WorkerProcess owner(broker_.segment());
  Client other({broker_.segment(), "other"});
  ASSERT_TRUE(owner.ask("claim single").is_claimed());
  const ProcessRef entry = probe_.find_process(owner.pid());
  broker_.kill_now();
  if (!kill_without_a_mark(owner))
    GTEST_SKIP() << "process_mrelease on a frozen process is not possible here";
  if (presence(entry) == PresenceState::kAlive) {
    EXPECT_EQ(claim_single(other), Reason::kTypeLimit)
        << "a claim makes no system calls, and nothing else says that it is dead";
  }
  EXPECT_EQ(other.reap(), 1U);
  EXPECT_EQ(claim_single(other), Reason::kNone);
}

TEST_F(LifeAndDeathUnmarked, a_broker_that_starts_afterwards_sees_it_dead) {
  WorkerProcess owner(broker_.segment());
  ASSERT_TRUE(owner.ask("claim single").is_claimed());
  broker_.kill_now();
  if (!kill_without_a_mark(owner))
    GTEST_SKIP() << "process_mrelease on a frozen process is not possible here";
  broker_.start();
  EXPECT_EQ(probe_.taken(), 0U) << "ready is after the first sweep";
}

}  // namespace
}  // namespace slotd::testing
