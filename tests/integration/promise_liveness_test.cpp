// P4: a dead owner's slots come back without anybody asking, broker up or down; a live owner never
// loses a slot, however slow or stopped it is. And P9's part about threads and exec: what ends
// presence and what does not.
#include <gtest/gtest.h>

#include <string>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

/// Room for one `single`; as many `plain` as there are words.
constexpr const char* kConfig =
    "cpu: { capacity: 8 }\n"
    "types:\n"
    "  single: { max: 1, cpu: 1.0 }\n"
    "  plain: { cpu: 0 }\n"
    "segment: { slots: 64, processes: 32 }\n";

class Liveness : public ::testing::Test {
 protected:
  BrokerProcess broker_{kConfig};
  SegmentProbe probe_{broker_.segment()};
};

/// The same with the broker killed (true) or stopped by SIGTERM (false) as soon as all have
/// attached.
class WithoutBroker : public Liveness, public ::testing::WithParamInterface<bool> {
 protected:
  void take_broker_away() {
    if (GetParam()) {
      broker_.kill_now();
    } else {
      EXPECT_EQ(broker_.stop(), 0);
    }
  }
};
INSTANTIATE_TEST_SUITE_P(Broker, WithoutBroker, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "killed" : "terminated"; });

TEST_F(Liveness, dead_owner_s_slots_come_back_without_a_claim) {
  WorkerProcess owner(broker_.segment());
  for (int i = 0; i < 10; ++i)
    ASSERT_TRUE(owner.ask("claim plain key=K" + std::to_string(i)).is_claimed());
  owner.kill_now();
  EXPECT_TRUE(probe_.wait_all_free());
  EXPECT_EQ(probe_.counters().reaped, 10U);
  EXPECT_TRUE(broker_.wait_log("event=reaped"));
}

TEST_F(Liveness, zombie_that_nobody_reaps_is_dead) {
  WorkerProcess owner(broker_.segment());
  ASSERT_TRUE(owner.ask("claim single").is_claimed());
  owner.kill_to_zombie();
  EXPECT_TRUE(probe_.wait_all_free());
}

TEST_P(WithoutBroker, first_claim_that_would_be_refused_frees_the_dead_owner_s_slot) {
  WorkerProcess owner(broker_.segment());
  WorkerProcess other(broker_.segment());
  take_broker_away();
  ASSERT_TRUE(owner.ask("claim single").is_claimed());
  EXPECT_EQ(other.ask("claim single").text, "refused type_limit");
  owner.kill_now();
  EXPECT_TRUE(other.ask("can single").is("yes"));
  EXPECT_TRUE(other.ask("claim single").is_claimed()) << "the very first one";
  EXPECT_EQ(probe_.counters().reaped, 1U);
}

TEST_P(WithoutBroker, zombie_s_slot_is_freed_too) {
  WorkerProcess owner(broker_.segment());
  WorkerProcess other(broker_.segment());
  take_broker_away();
  ASSERT_TRUE(owner.ask("claim single").is_claimed());
  owner.kill_to_zombie();
  EXPECT_TRUE(other.ask("claim single").is_claimed());
}

TEST_P(WithoutBroker, slot_with_a_memory_cost_is_freed_too) {
  WorkerProcess owner(broker_.segment());
  WorkerProcess other(broker_.segment());
  ASSERT_TRUE(probe_.wait_watched(owner.pid()));
  take_broker_away();
  ASSERT_TRUE(owner.ask("claim single memory=1000000").is_claimed());
  owner.kill_now();
  EXPECT_TRUE(other.ask("claim single").is_claimed());
}

TEST_P(WithoutBroker, owner_that_exits_without_releasing_is_dead) {
  WorkerProcess owner(broker_.segment());
  WorkerProcess other(broker_.segment());
  take_broker_away();
  ASSERT_TRUE(owner.ask("claim single").is_claimed());
  owner.send("exit");
  EXPECT_EQ(owner.wait_end(), 0);
  EXPECT_TRUE(other.ask("claim single").is_claimed());
}

TEST_P(WithoutBroker, process_table_full_of_the_dead_lets_new_ones_attach) {
  for (int i = 0; i < 40; ++i) {  // more than the 32 entries
    WorkerProcess owner(broker_.segment());
    if (i == 0) take_broker_away();
    ASSERT_TRUE(owner.ask("claim plain").is_claimed());
    owner.kill_now();
  }
  WorkerProcess last(broker_.segment());
  last.ask("reap");
  EXPECT_EQ(probe_.taken(), 0U);
}

TEST_F(Liveness, stopped_owner_keeps_its_slot_and_goes_on_with_it) {
  WorkerProcess owner(broker_.segment());
  WorkerProcess other(broker_.segment());
  const Reply claimed = owner.ask("claim single");
  ASSERT_TRUE(probe_.wait_watched(owner.pid()));
  owner.freeze();
  for (int i = 0; i < 50;
       ++i) {  // with the broker looking every 100 ms, and a heartbeat in between
    ASSERT_EQ(other.ask("claim single").text, "refused type_limit");
    ASSERT_TRUE(other.ask("reap").text == "reaped 0");
    std::this_thread::sleep_for(std::chrono::milliseconds(30));
  }
  broker_.kill_now();
  broker_.start();
  ASSERT_EQ(other.ask("claim single").text, "refused type_limit")
      << "a new broker does not think so either";
  EXPECT_EQ(probe_.word(claimed.slot()).state(), SlotState::kPending);
  EXPECT_EQ(probe_.counters().reaped, 0U);
  owner.signal(SIGCONT);
  EXPECT_TRUE(owner.ask("activate " + claimed.handle()).is_ok());
  EXPECT_TRUE(owner.ask("release " + claimed.handle()).is_ok());
}

TEST_F(Liveness, stopped_owner_that_is_then_killed_is_dead) {
  WorkerProcess owner(broker_.segment());
  WorkerProcess other(broker_.segment());
  ASSERT_TRUE(owner.ask("claim single").is_claimed());
  owner.freeze();
  owner.kill_now();
  EXPECT_TRUE(wait_until([&] { return other.ask("claim single").is_claimed(); }));
}

TEST_F(Liveness, thread_that_claimed_may_end) {
  WorkerProcess owner(broker_.segment());
  WorkerProcess other(broker_.segment());
  const Reply claimed = owner.ask("claim-in-thread single");
  ASSERT_TRUE(claimed.is_claimed());
  std::this_thread::sleep_for(std::chrono::milliseconds(250));  // two looks of the broker
  EXPECT_EQ(other.ask("claim single").text, "refused type_limit");
  EXPECT_TRUE(owner.ask("release " + claimed.handle()).is_ok());
}

TEST_F(Liveness, main_thread_may_end) {
  WorkerProcess owner(broker_.segment());
  WorkerProcess other(broker_.segment());
  const Reply claimed = owner.ask("claim single");
  ASSERT_TRUE(owner.ask("leave-main").is_ok());
  ASSERT_TRUE(wait_until([&] {  // the leader is a zombie by now, its process is not
    const std::string stat = read_text("/proc/" + std::to_string(owner.pid()) + "/stat");
    return stat.find(") Z ") != std::string::npos;
  }));
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
  EXPECT_EQ(other.ask("claim single").text, "refused type_limit");
  EXPECT_EQ(other.ask("reap").text, "reaped 0");
  broker_.kill_now();
  EXPECT_EQ(other.ask("reap").text, "reaped 0");
  broker_.start();
  EXPECT_EQ(other.ask("claim single").text, "refused type_limit");
  EXPECT_TRUE(owner.ask("release " + claimed.handle()).is_ok());
  EXPECT_TRUE(other.ask("claim single").is_claimed());
}

TEST_F(Liveness, exec_ends_presence_though_the_process_lives) {
  WorkerProcess owner(broker_.segment());
  WorkerProcess other(broker_.segment());
  ASSERT_TRUE(owner.ask("claim single").is_claimed());
  ASSERT_TRUE(owner.ask("exec").is_ok());
  EXPECT_TRUE(wait_until([&] { return other.ask("claim single").is_claimed(); }));
  EXPECT_EQ(::kill(owner.pid(), 0), 0);
}

TEST_P(WithoutBroker, exec_ends_presence_though_the_process_lives) {
  WorkerProcess owner(broker_.segment());
  WorkerProcess other(broker_.segment());
  take_broker_away();
  ASSERT_TRUE(owner.ask("claim single").is_claimed());
  ASSERT_TRUE(owner.ask("exec").is_ok());
  EXPECT_TRUE(wait_until([&] { return other.ask("claim single").is_claimed(); }));
  EXPECT_EQ(::kill(owner.pid(), 0), 0);
}

TEST_P(WithoutBroker, forked_child_that_lives_on_does_not_keep_its_dead_parent_s_slot) {
  WorkerProcess owner(broker_.segment());
  WorkerProcess other(broker_.segment());
  take_broker_away();
  ASSERT_TRUE(owner.ask("claim single").is_claimed());
  const int child = std::stoi(owner.ask("fork-idle").words.at(1));
  owner.kill_now();
  EXPECT_TRUE(other.ask("claim single").is_claimed());
  EXPECT_EQ(::kill(child, 0), 0) << "it lives";
  ::kill(child, SIGKILL);
}

}  // namespace
}  // namespace slotd::testing
