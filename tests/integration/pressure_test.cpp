// The pressure policy against real processes: who is told, who is signalled, and who is not. The
// node's capacity is a number, so the load is what the owners use of it; real time is short because
// the ticks are.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

/// Half a core of capacity, and a fifth of that is hot: so little that it is used on a busy machine
/// too.
std::string make_config(const std::string& pressure) {
  return "cpu: { capacity: 0.5, sample_interval: 100ms, max_utilization: 0.8, idle_rule: false }\n"
         "types: { job: { cpu: 0.05 } }\n"
         "pressure: { " +
         pressure + ", threshold: 0.2, ticks: 5, reset_ticks: 3 }\n";
}

class Pressure : public ::testing::Test {
 protected:
  void start(const std::string& config) {
    broker_ = std::make_unique<BrokerProcess>(config);
    probe_ = std::make_unique<SegmentProbe>(broker_->segment());
  }
  struct Job {
    std::unique_ptr<WorkerProcess> worker;
    Reply claim;
    std::string notice() const { return worker->ask("notice " + claim.handle()).text; }
    bool lives() const {
      siginfo_t info{};
      const int flags = WEXITED | WNOHANG | WNOWAIT;
      return ::waitid(P_PID, static_cast<id_t>(worker->pid()), &info, flags) == 0 &&
             info.si_pid == 0;
    }
  };
  Job start_job(unsigned burn_milli, const std::string& type = "job") {
    Job job{std::make_unique<WorkerProcess>(broker_->segment()), {}};
    job.claim = job.worker->ask("claim " + type);
    if (!job.claim.is_claimed()) throw std::runtime_error(job.claim.text);
    job.worker->ask("activate " + job.claim.handle());
    job.worker->ask("burn " + std::to_string(burn_milli));
    return job;
  }

  std::unique_ptr<BrokerProcess> broker_;
  std::unique_ptr<SegmentProbe> probe_;
};

TEST_F(Pressure, the_owner_of_the_job_above_its_cost_is_told_and_told_when_it_is_over) {
  start(make_config("action: notify, grace: 60s"));
  Job greedy = start_job(400);
  Job modest = start_job(30);
  ASSERT_TRUE(wait_until([&] { return greedy.notice() == "cpu"; }));
  EXPECT_TRUE(wait_until([&] {
    return greedy.worker->ask("told").text ==
           "told cpu:" + std::to_string(greedy.claim.slot()) + ":job";
  }));
  EXPECT_EQ(modest.notice(), "calm");
  EXPECT_EQ(modest.worker->ask("told").text, "told");
  EXPECT_TRUE(broker_->wait_log(
      "event=pressure kind=cpu slot=" + std::to_string(greedy.claim.slot()) + " type=job"));
  greedy.worker->ask("burn 5");
  EXPECT_TRUE(wait_until([&] { return greedy.notice() == "calm"; }));
  const std::string slot = std::to_string(greedy.claim.slot());
  EXPECT_TRUE(wait_until([&] {
    return greedy.worker->ask("told").text == "told cpu:" + slot + ":job calm:" + slot + ":job";
  }));
  EXPECT_TRUE(greedy.lives());
}

TEST_F(Pressure, a_notice_does_not_outlive_its_broker) {
  start(make_config("action: notify, grace: 60s"));
  Job greedy = start_job(400);
  Job modest = start_job(30);
  ASSERT_TRUE(wait_until([&] { return greedy.notice() == "cpu"; }));
  broker_->kill_now();
  EXPECT_TRUE(wait_until([&] { return greedy.notice() == "calm"; }));
  greedy.worker->ask("burn 5");
  broker_->start();
  EXPECT_EQ(greedy.notice(), "calm");
}

TEST_F(Pressure, action_stop_ends_the_victim_and_nobody_else) {
  start(make_config("action: stop, grace: 60s"));
  Job greedy = start_job(400);
  Job modest = start_job(30);
  EXPECT_EQ(greedy.worker->wait_end(), 128 + SIGTERM);
  EXPECT_TRUE(broker_->wait_log("event=pressure_signal kind=cpu signal=TERM"));
  EXPECT_TRUE(modest.lives());
  EXPECT_EQ(modest.notice(), "calm");
  const BrokerRecord& record = probe_->view().node().broker;
  EXPECT_EQ(record.notices.get(), 1U);
  EXPECT_EQ(record.signals.get(), 1U);
}

TEST_F(Pressure, a_victim_that_does_not_stop_is_killed_after_the_grace) {
  start(make_config("action: stop, grace: 500ms"));
  WorkerProcess* stubborn = nullptr;
  Job greedy{std::make_unique<WorkerProcess>(
                 broker_->segment(), std::vector<std::string>{"env", "--ignore-signal=TERM"}),
             {}};
  stubborn = greedy.worker.get();
  greedy.claim = stubborn->ask("claim job");
  stubborn->ask("activate " + greedy.claim.handle());
  stubborn->ask("burn 400");
  Job modest = start_job(30);
  EXPECT_EQ(stubborn->wait_end(), 128 + SIGKILL);
  const std::string log = broker_->log_of_run();
  EXPECT_LT(log.find("signal=TERM"), log.find("signal=KILL"));
  EXPECT_TRUE(modest.lives());
}

TEST_F(Pressure, one_job_alone_is_never_signalled) {
  start(make_config("action: kill, grace: 1s"));
  Job alone = start_job(450);
  ASSERT_TRUE(wait_until([&] {
    return probe_->snapshot().measured_micro != kNotMeasured &&
           probe_->snapshot().measured_micro > 120'000;
  }));
  std::this_thread::sleep_for(std::chrono::milliseconds(1500));
  EXPECT_TRUE(alone.lives());
  EXPECT_EQ(broker_->log_of_run().find("event=pressure"), std::string::npos);
}

TEST_F(Pressure, action_none_only_says_so) {
  start(make_config("action: none, grace: 1s"));
  Job greedy = start_job(400);
  Job modest = start_job(30);
  EXPECT_TRUE(broker_->wait_log("event=pressure kind=cpu"));
  EXPECT_EQ(greedy.notice(), "calm");
  EXPECT_TRUE(greedy.lives());
}

TEST_F(Pressure, memory_above_its_maximum_ends_the_largest) {
  // So many cores that writing the memory, slowly on a busy machine, is no load.
  start(
      "cpu: { capacity: 64, sample_interval: 100ms }\n"
      "types: { free: { cpu: 0 } }\n"
      "memory: { max: 300MiB, headroom: 1MiB }\n"
      "pressure: { action: kill, grace: 60s, threshold: 0.2, ticks: 5, reset_ticks: 3 }\n");
  Job large = start_job(1, "free");
  Job small = start_job(1, "free");
  small.worker->ask("grow 50");
  large.worker->send("grow 300");  // it may be gone before it answers
  EXPECT_EQ(large.worker->wait_end(), 128 + SIGKILL);
  EXPECT_TRUE(broker_->wait_log("event=pressure_signal kind=memory signal=KILL"));
  EXPECT_TRUE(small.lives());
}

}  // namespace
}  // namespace slotd::testing
