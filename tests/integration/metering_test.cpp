// Real processes that use CPU and memory, measured and charged by a real broker. What was measured
// is compared with what the processes' own getrusage says, with room for a busy machine: a wrong
// owner, a lost child or a neighbour's use is a multiple off.
#include <gtest/gtest.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include <chrono>
#include <cmath>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/burn.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

std::string make_config(const std::string& cpu = "", const std::string& rest = "") {
  return "cpu: { capacity: 12, sample_interval: 100ms" + cpu +
         " }\ntypes:\n  web: { cpu: 4.0 }\n  participant: { cpu: 2.0 }\n  track: { cpu: 0.1 }\n"
         "  light: { cpu: 0.01 }\n" +
         rest;
}

class Metering : public ::testing::Test {
 protected:
  void start(const std::string& config) {
    broker_ = std::make_unique<BrokerProcess>(config);
    probe_ = std::make_unique<SegmentProbe>(broker_->segment());
  }
  /// A worker with one active slot.
  struct Job {
    std::unique_ptr<WorkerProcess> worker;
    Reply claim;
  };
  /// In a session of its own, as services run their handlers.
  Job start_job(const std::string& type, const std::string& more = "") {
    Job job{std::make_unique<WorkerProcess>(broker_->segment(), std::vector<std::string>{"setsid"}),
            {}};
    job.claim = job.worker->ask("claim " + type + more);
    if (!job.claim.is_claimed()) throw std::runtime_error(job.claim.text);
    if (!job.worker->ask("activate " + job.claim.handle()).is_ok())
      throw std::runtime_error("not activated");
    return job;
  }
  SlotSnapshot slot(std::uint32_t index) const {
    for (const SlotSnapshot& slot : probe_->snapshot().slots) {
      if (slot.slot == index) return slot;
    }
    throw std::runtime_error("no such slot is held");
  }
  /// Mean of the slot's measured figure over about a second, microcores.
  double measure(std::uint32_t index) const {
    double sum = 0;
    int samples = 0;
    std::uint64_t epoch = 0;
    wait_until([&] {
      const std::uint64_t now = probe_->view().header().sample_epoch.load();
      if (now != epoch) {
        epoch = now;
        const auto micro = slot(index).measured_micro;
        if (micro) {
          sum += static_cast<double>(*micro);
          ++samples;
        }
      }
      return samples == 12;
    });
    return sum / samples;
  }
  bool wait_measured(std::uint32_t index) const {
    return wait_until([&] { return slot(index).measured_micro.value_or(0) > 0; });
  }
  void wait_samples(std::uint64_t count) const {
    const std::uint64_t before = probe_->view().header().sample_epoch.load();
    ASSERT_TRUE(
        wait_until([&] { return probe_->view().header().sample_epoch.load() >= before + count; }));
  }

  std::unique_ptr<BrokerProcess> broker_;
  std::unique_ptr<SegmentProbe> probe_;
};

/// A job that costs this little goes beyond it on a machine that is busy with other things too.
constexpr std::uint64_t kLightMicro = 10'000;
constexpr std::uint64_t kBeyondLightMicro = 3 * kLightMicro;

/// Microcores that a process and its threads get between two looks, as the kernel says.
class Use {
 public:
  explicit Use(pid_t pid) : pid_(pid), begin_ticks_(ticks()), begin_(Clock::now()) {}
  double micro() const {
    const double seconds = std::chrono::duration<double>(Clock::now() - begin_).count();
    return (ticks() - begin_ticks_) * 1e6 / static_cast<double>(::sysconf(_SC_CLK_TCK)) / seconds;
  }

 private:
  using Clock = std::chrono::steady_clock;
  double ticks() const {
    const std::string text = read_text("/proc/" + std::to_string(pid_) + "/stat");
    std::istringstream fields(text.substr(text.rfind(')') + 1));  // from the state on: field 3
    std::string skipped;
    for (int field = 3; field < 14; ++field) fields >> skipped;
    double user = 0;
    double system = 0;
    fields >> user >> system;
    return user + system;
  }

  pid_t pid_;
  double begin_ticks_;
  Clock::time_point begin_;
};

double cpu_of(WorkerProcess& worker) { return std::stod(worker.ask("cpu").words.at(1)); }

TEST_F(Metering, an_owner_is_measured_as_getrusage_says) {
  start(make_config());
  Job job = start_job("participant");
  ASSERT_TRUE(job.worker->ask("burn 400").is_ok());
  ASSERT_TRUE(wait_measured(job.claim.slot()));
  const auto begin = std::chrono::steady_clock::now();
  const double before = cpu_of(*job.worker);
  const double measured = measure(job.claim.slot());
  const double used = cpu_of(*job.worker) - before;
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  EXPECT_NEAR(measured, used / seconds, 0.25 * used / seconds);
  EXPECT_EQ(slot(job.claim.slot()).origin, UsageOrigin::kTree);
}

TEST_F(Metering, children_count_and_orphans_of_a_dead_intermediate_too) {
  start(make_config());
  Job job = start_job("participant");
  const int child = std::stoi(job.worker->ask("burn-child 200").words.at(1));
  const int orphan = std::stoi(job.worker->ask("burn-orphan 200").words.at(1));
  ASSERT_TRUE(wait_measured(job.claim.slot()));
  const Use of_child(child);
  const Use of_orphan(orphan);
  const double measured = measure(job.claim.slot());
  const double both = of_child.micro() + of_orphan.micro();
  // Two of the same; one of them alone would be half of it.
  EXPECT_NEAR(measured, both, 0.25 * both);
  ::kill(child, SIGKILL);
  ::kill(orphan, SIGKILL);
  EXPECT_TRUE(
      wait_until([&] { return slot(job.claim.slot()).measured_micro.value_or(1) < 20'000; }));
}

TEST_F(Metering, a_pending_slot_is_not_charged_its_service_s_use) {
  start(make_config());
  WorkerProcess service(broker_->segment());
  const Reply claim = service.ask("claim light");
  ASSERT_TRUE(claim.is_claimed());
  ASSERT_TRUE(service.ask("burn 400").is_ok());
  ASSERT_TRUE(wait_until([&] {
    const Snapshot snapshot = probe_->snapshot();
    return snapshot.measured_micro != kNotMeasured && snapshot.measured_micro > kBeyondLightMicro;
  })) << "the owner's use is shown";
  EXPECT_EQ(slot(claim.slot()).charge_micro, kLightMicro);
  EXPECT_FALSE(slot(claim.slot()).measured_micro.has_value());
  ASSERT_TRUE(service.ask("activate " + claim.handle()).is_ok());
  EXPECT_TRUE(wait_until([&] { return slot(claim.slot()).charge_micro > kBeyondLightMicro; }));
}

TEST_F(Metering, a_handler_s_tree_is_its_own_and_not_its_service_s) {
  start(make_config());
  Job service = start_job("participant");
  const int handler = std::stoi(service.worker->ask("burn-child 400").words.at(1));
  const Reply claim = service.worker->ask("claim web");
  ASSERT_TRUE(claim.is_claimed());
  ASSERT_TRUE(service.worker->ask("activate " + claim.handle()).is_ok());
  ASSERT_TRUE(
      service.worker->ask("bind " + claim.handle() + " " + std::to_string(handler)).is_ok());
  ASSERT_TRUE(wait_measured(claim.slot()));
  const Use of_handler(handler);
  const double measured = measure(claim.slot());
  const double used = of_handler.micro();
  EXPECT_NEAR(measured, used, 0.25 * used);
  EXPECT_LT(measure(service.claim.slot()), used / 2);
  ::kill(handler, SIGKILL);
}

TEST_F(Metering, charge_measured_falls_to_what_is_used_after_the_hold) {
  start(make_config(", charge: measured, hold: 500ms"));
  Job job = start_job("participant");
  ASSERT_TRUE(job.worker->ask("burn 300").is_ok());
  EXPECT_EQ(slot(job.claim.slot()).charge_micro, 2'000'000U);
  EXPECT_TRUE(wait_until([&] {
    const SlotSnapshot now = slot(job.claim.slot());
    return now.charge_micro < 600'000 && now.charge_micro > kBeyondLightMicro &&
           now.charge_origin == ChargeOrigin::kMeasured;
  }));
  EXPECT_GT(probe_->available_micro(), 9'000'000);
  broker_->kill_now();
  EXPECT_EQ(probe_->available_micro(), 7'600'000)
      << "without a broker a figure below the reserved cost is not believed";
  broker_->start();
  EXPECT_TRUE(wait_until([&] { return probe_->available_micro() > 9'000'000; }));
}

TEST_F(Metering, charge_max_counts_what_goes_beyond_the_cost) {
  start(make_config(", hold: 200ms"));
  Job job = start_job("light");
  ASSERT_TRUE(job.worker->ask("burn 500").is_ok());
  EXPECT_TRUE(wait_until([&] { return slot(job.claim.slot()).charge_micro > kBeyondLightMicro; }));
  broker_->kill_now();
  EXPECT_GT(slot(job.claim.slot()).charge_micro, kBeyondLightMicro)
      << "the last published one stays";
  broker_->start();
  EXPECT_GT(slot(job.claim.slot()).charge_micro, kBeyondLightMicro)
      << "and so it does after a restart";
}

TEST_F(Metering, a_report_is_charged_where_it_is_larger) {
  start(make_config());
  Job job = start_job("participant");
  const std::string handle = job.claim.handle();
  ASSERT_TRUE(job.worker->ask("report " + handle + " cpu=3500000 memory=1048576").is_ok());
  EXPECT_TRUE(wait_until([&] { return slot(job.claim.slot()).charge_micro == 3'500'000; }));
  EXPECT_EQ(slot(job.claim.slot()).charge_origin, ChargeOrigin::kReported);
  EXPECT_EQ(slot(job.claim.slot()).reported.cpu_micro, 3'500'000U);
  EXPECT_EQ(slot(job.claim.slot()).reported.memory_bytes, 1'048'576U);
  ASSERT_TRUE(job.worker->ask("release " + handle).is_ok());
  EXPECT_EQ(job.worker->ask("report " + handle + " cpu=1").code(), Errc::kStaleToken);
}

TEST_F(Metering, a_killed_job_gives_its_charge_back_at_once) {
  start(make_config(", hold: 200ms"));
  Job job = start_job("light");
  ASSERT_TRUE(job.worker->ask("burn 500").is_ok());
  ASSERT_TRUE(wait_until([&] { return slot(job.claim.slot()).charge_micro > kBeyondLightMicro; }));
  job.worker->kill_now();
  EXPECT_TRUE(wait_until([&] { return probe_->available_micro() == 9'600'000; }));
}

TEST_F(Metering, the_budget_follows_the_cores_that_the_broker_may_use) {
  cpu_set_t all;
  ASSERT_EQ(::sched_getaffinity(0, sizeof(all), &all), 0);
  if (CPU_COUNT(&all) < 2) GTEST_SKIP() << "one CPU only: nothing can be taken away";
  start("cpu: { sample_interval: 100ms }\ntypes: { track: { cpu: 0.1 }, web: { cpu: 1.5 } }\n");
  const std::uint64_t before = probe_->snapshot().capacity_micro;
  cpu_set_t one;
  CPU_ZERO(&one);
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (!CPU_ISSET(cpu, &all)) continue;
    CPU_SET(cpu, &one);
    break;
  }
  ASSERT_EQ(::sched_setaffinity(broker_->pid(), sizeof(one), &one), 0);
  EXPECT_TRUE(wait_until([&] { return probe_->snapshot().capacity_micro <= 1'000'000; }));
  EXPECT_EQ(probe_->snapshot().budget_micro, probe_->snapshot().capacity_micro / 10 * 8);
  EXPECT_EQ(probe_->type("web").verdict.reason, Reason::kTooLarge);
  EXPECT_TRUE(broker_->wait_log("type web can never run here"));
  ASSERT_EQ(::sched_setaffinity(broker_->pid(), sizeof(all), &all), 0);
  EXPECT_TRUE(wait_until([&] { return probe_->snapshot().capacity_micro == before; }));
}

class External : public Metering {
 protected:
  void start_with(const std::string& file) {
    start(make_config("",
                      "  pulse_web: { cpu: 0.1, groups: { pulse: 4 } }\n"
                      "groups: { pulse: { max: 60, external: " +
                          file + " } }\n"));
  }
  std::string refusal(const std::string& type) const {
    return reason_name(probe_->type(type).verdict.reason);
  }
  TestFolder folder_;
};

/// Worked case 5 with its numbers, the pool being taken from outside.
TEST_F(External, livekit_case_5_with_the_count_of_a_file) {
  const std::string file = folder_.file("clients");
  write_text(file, "56\n");
  start_with(file);
  ASSERT_TRUE(wait_until([&] { return refusal("pulse_web") == "none"; }));
  Client client({broker_->segment(), "case"});
  {
    const Slot web = client.try_claim("pulse_web");
    ASSERT_TRUE(web) << web.refusal().text();
    EXPECT_EQ(refusal("pulse_web"), "group_limit") << "60 of 60";
  }
  write_text(file, "57\n");
  ASSERT_TRUE(wait_until([&] { return refusal("pulse_web") == "group_limit"; }));
  const Slot refused = client.try_claim("pulse_web");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.refusal().reason(), Reason::kGroupLimit);
  EXPECT_EQ(refused.refusal().verdict().in_use, 57U);
  EXPECT_EQ(refused.refusal().verdict().weight, 4U);
  EXPECT_TRUE(client.try_claim("participant"));
  write_text(file, "0\n");
  EXPECT_TRUE(wait_until([&] { return refusal("pulse_web") == "none"; }));
}

TEST_F(External, a_count_that_cannot_be_read_leaves_no_room_and_stops_nothing) {
  const std::string file = folder_.file("clients");
  start_with(file);
  EXPECT_TRUE(broker_->wait_log("event=external_unreadable group=pulse"));
  EXPECT_EQ(refusal("pulse_web"), "group_limit");
  EXPECT_EQ(refusal("participant"), "none");
  write_text(file, "3");
  EXPECT_TRUE(wait_until([&] { return refusal("pulse_web") == "none"; }));
  for (const char* garbage : {"", "1 2"}) {
    write_text(file, garbage);
    EXPECT_TRUE(wait_until([&] { return refusal("pulse_web") == "group_limit"; })) << garbage;
    write_text(file, "3");
    EXPECT_TRUE(wait_until([&] { return refusal("pulse_web") == "none"; })) << garbage;
  }
}

TEST_F(External, a_pipe_that_nobody_writes_does_not_stop_the_broker) {
  const std::string pipe = folder_.file("pipe");
  ASSERT_EQ(::mkfifo(pipe.c_str(), 0600), 0);
  start_with(pipe);
  wait_samples(10);
  EXPECT_EQ(refusal("pulse_web"), "group_limit");
  EXPECT_EQ(refusal("participant"), "none");
  EXPECT_EQ(broker_->stop(), 0);
}

class Memory : public Metering {
 protected:
  static std::string limited(const std::string& more = "") {
    return make_config("", "memory: { max: 600MiB, headroom: 100MiB" + more + " }\n");
  }
  std::uint64_t used_mib() const { return probe_->snapshot().memory_used_bytes >> 20; }
};

TEST_F(Memory, owners_trees_count_and_their_neighbours_do_not) {
  start(limited());
  const std::string neighbour(300 << 20, 'x');
  Job job = start_job("track");
  ASSERT_TRUE(job.worker->ask("grow 200").is_ok());
  ASSERT_TRUE(wait_until([&] { return used_mib() >= 200; }));
  wait_samples(3);
  EXPECT_LT(used_mib(), 300U) << "the test's own " << neighbour.size() << " bytes are no owner's";
  EXPECT_GE(slot(job.claim.slot()).measured_memory_bytes.value_or(0), 200U << 20);
  Client client({broker_->segment(), "case"});
  Slot fits = client.try_claim("track", {.memory_bytes = 100U << 20});
  EXPECT_TRUE(fits) << fits.refusal().text();
  fits.release();
  const Slot refused = client.try_claim("track", {.memory_bytes = 400U << 20});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.refusal().reason(), Reason::kMemory);
  job.worker->kill_now();
  EXPECT_TRUE(wait_until(
      [&] { return static_cast<bool>(client.try_claim("track", {.memory_bytes = 400U << 20})); }));
}

TEST_F(Memory, pss_counts_pages_that_are_shared_once) {
  start(limited(", source: pss"));
  Job job = start_job("track");
  ASSERT_TRUE(job.worker->ask("grow 100").is_ok());
  const int child = std::stoi(job.worker->ask("burn-child 1").words.at(1));
  ASSERT_TRUE(wait_until([&] { return used_mib() >= 100; }));
  wait_samples(5);
  EXPECT_LT(used_mib(), 180U) << "the child's pages are its parent's";
  ::kill(child, SIGKILL);
}

}  // namespace
}  // namespace slotd::testing
