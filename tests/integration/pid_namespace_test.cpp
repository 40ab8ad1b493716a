// P4 across PID namespaces, as containers have them: small pids and thread ids that are equal in
// all of them. Nobody is taken for another, neither stolen from nor kept alive by.
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <vector>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

constexpr const char* kConfig =
    "cpu: { capacity: 8 }\n"
    "types: { plain: { max: 3, cpu: 0.5 } }\n"
    "segment: { slots: 32, processes: 16 }\n";

/// With /proc of the new namespace, or with that of the old one, in which pids mean something else.
class PidNamespace : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    if (std::system("unshare --pid --fork --mount-proc true 2>/dev/null") != 0)
      GTEST_SKIP() << "making PID namespaces is not permitted here";
  }
  std::unique_ptr<WorkerProcess> start_container() const {
    std::vector<std::string> wrapper = {"unshare", "--pid", "--fork", "--kill-child"};
    if (GetParam()) wrapper.push_back("--mount-proc");
    return std::make_unique<WorkerProcess>(broker_.segment(), wrapper);
  }

  BrokerProcess broker_{kConfig};
  SegmentProbe probe_{broker_.segment()};
};
INSTANTIATE_TEST_SUITE_P(Proc, PidNamespace, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "own" : "outer"; });

TEST_P(PidNamespace, equal_pids_are_different_owners) {
  auto a = start_container();
  auto b = start_container();
  ASSERT_EQ(a->ask("pid").text, "pid 1");
  ASSERT_EQ(b->ask("pid").text, "pid 1");
  const Reply of_a = a->ask("claim plain");
  const Reply of_b = b->ask("claim plain");
  ASSERT_TRUE(of_a.is_claimed());
  ASSERT_TRUE(of_b.is_claimed());
  EXPECT_NE(probe_.word(of_a.slot()).owner(), probe_.word(of_b.slot()).owner());
  const SlotWord before = probe_.word(of_b.slot());
  a->kill_now();
  EXPECT_TRUE(wait_until([&] { return probe_.held() == 1U; })) << "the dead one's comes back";
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(probe_.word(of_b.slot()), before) << "the other one's stays";
  EXPECT_TRUE(b->ask("release " + of_b.handle()).is_ok());
}

TEST_P(PidNamespace, without_a_broker_claims_free_what_a_dead_container_left) {
  auto a = start_container();
  auto b = start_container();
  WorkerProcess host(broker_.segment());
  broker_.kill_now();
  for (int i = 0; i < 2; ++i) ASSERT_TRUE(a->ask("claim plain").is_claimed());
  const Reply of_b = b->ask("claim plain");
  ASSERT_TRUE(of_b.is_claimed());
  EXPECT_EQ(host.ask("claim plain").text, "refused type_limit");
  EXPECT_EQ(host.ask("reap").text, "reaped 0") << "their pids mean nothing here";
  EXPECT_EQ(b->ask("reap").text, "reaped 0");
  a->kill_now();
  EXPECT_TRUE(wait_until([&] { return host.ask("claim plain").is_claimed(); }));
  EXPECT_TRUE(b->ask("claim plain").is_claimed()) << "the second of the two";
  EXPECT_EQ(b->ask("claim plain").text, "refused type_limit");
  EXPECT_TRUE(b->ask("release " + of_b.handle()).is_ok()) << "b's own was never touched";
}

TEST_P(PidNamespace, host_and_container_hand_over_by_token) {
  auto container = start_container();
  WorkerProcess host(broker_.segment());
  const Reply claimed = host.ask("claim plain key=EG_1");
  const Reply adopted = container->ask("adopt " + claimed.token());
  ASSERT_TRUE(adopted.is_claimed()) << adopted.text;
  host.kill_now();
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  EXPECT_EQ(probe_.held(), 1U);
  container->kill_now();
  EXPECT_TRUE(probe_.wait_all_free());
}

TEST_P(PidNamespace, broker_killed_and_restarted_takes_nothing_from_a_container) {
  auto container = start_container();
  const Reply claimed = container->ask("claim plain memory=1000");
  for (int i = 0; i < 3; ++i) {
    broker_.kill_now();
    broker_.start();
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    ASSERT_EQ(probe_.held(), 1U);
  }
  container->kill_now();
  EXPECT_TRUE(probe_.wait_all_free()) << "with a memory cost too: the broker sees the host's pid";
}

/// The broker finds them in its own /proc by namespace and inner pid. Whom it has seen alive it
/// knows to be gone at once.
TEST_P(PidNamespace, entries_of_dead_containers_are_used_again) {
  for (int i = 0; i < 20; ++i) {  // 16 entries
    auto container = start_container();
    ASSERT_TRUE(container->ask("claim plain").is_claimed()) << i;
    ASSERT_TRUE(wait_until([&] {
      for (const ProcessSnapshot& process : probe_.snapshot().processes) {
        if (process.pid == 1 && process.watched && process.slots == 1) return true;
      }
      return false;
    }));
    container->kill_now();
    EXPECT_TRUE(probe_.wait_all_free());
  }
}

}  // namespace
}  // namespace slotd::testing
