// The segment's file is truncated, hole-punched, deleted or replaced while slots are held: the
// broker makes a new one, holders go on in it with what they hold, nobody else gets their room, and
// tokens stay good.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/slotctl.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

constexpr const char* kConfig =
    "cpu: { capacity: 8, idle_rule: false }\n"
    "memory: { max: 4GiB, headroom: 0 }\n"
    "types:\n"
    "  plain: { max: 4, cpu: 0.5 }\n"
    "  keyed: { max: 4, cpu: 0.25, memory: 1MiB }\n"
    "segment: { slots: 64, processes: 32 }\n";

/// One way to lose a segment; what it does to the file at `path`.
struct Loss {
  const char* name;
  std::function<void(const std::string& path)> happen;
};

const std::vector<Loss>& losses() {
  static const std::vector<Loss> all = {
      {"deleted", [](const std::string& path) { ASSERT_EQ(::unlink(path.c_str()), 0); }},
      {"moved_away",
       [](const std::string& path) {
         ASSERT_EQ(::rename(path.c_str(), (path + ".old").c_str()), 0);
       }},
      {"replaced",
       [](const std::string& path) {
         // By zeros, which could be the beginning of a segment.
         write_text(path + ".new", std::string(100'000, '\0'));
         ASSERT_EQ(::rename((path + ".new").c_str(), path.c_str()), 0);
       }},
      {"truncated_to_nothing",
       [](const std::string& path) { ASSERT_EQ(::truncate(path.c_str(), 0), 0); }},
      {"truncated_to_its_header",
       [](const std::string& path) { ASSERT_EQ(::truncate(path.c_str(), 4096), 0); }},
      {"punched_whole", [](const std::string& path) { punch_hole(path, 0, 1 << 24); }},
      {"punched_behind_the_header",
       [](const std::string& path) { punch_hole(path, 4096, 1 << 24); }},
      {"header_scribbled",
       [](const std::string& path) {
         const UniqueFd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
         const std::string noise(200, 'A');
         ASSERT_EQ(::pwrite(file.get(), noise.data(), noise.size(), 0), 200);
       }},
  };
  return all;
}

class SegmentLost : public ::testing::TestWithParam<Loss> {
 protected:
  /// Something is to have been seen by the broker's last tick.
  static void let_the_broker_look() { std::this_thread::sleep_for(std::chrono::milliseconds(250)); }
  void lose() { GetParam().happen(broker_.segment()); }
  /// Until the new segment admits.
  void wait_until_settled() {
    ASSERT_TRUE(wait_until([&] {
      return broker_.log_of_run().find("event=settled") != std::string::npos;
    })) << broker_.log_of_run();
  }

  BrokerProcess broker_{kConfig};
};

TEST_P(SegmentLost, broker_says_what_happened_and_makes_a_new_one) {
  const std::uint64_t before = SegmentProbe(broker_.segment()).view().segment_id();
  lose();
  wait_until_settled();
  EXPECT_NE(broker_.log_of_run().find("event=segment_lost"), std::string::npos);
  const SegmentProbe probe(broker_.segment());
  EXPECT_NE(probe.view().segment_id(), before);
  EXPECT_EQ(probe.snapshot().broker.state, BrokerState::kReady);
  struct stat status {};
  ASSERT_EQ(::stat(broker_.segment().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0660U);
}

TEST_P(SegmentLost, holders_that_do_nothing_keep_their_slots) {
  WorkerProcess worker(broker_.segment());
  ASSERT_TRUE(worker.ask("claim plain").is_claimed());
  const Reply keyed = worker.ask("claim keyed key=EG_1");
  ASSERT_TRUE(keyed.is_claimed());
  ASSERT_TRUE(worker.ask("activate " + keyed.handle()).is_ok());
  let_the_broker_look();
  lose();
  wait_until_settled();
  const SegmentProbe probe(broker_.segment());
  // The keeper moves by itself: the process's own entry owns them, not one known by pid.
  EXPECT_TRUE(wait_until([&] {
    const ProcessRef entry = probe.find_process(worker.pid());
    return entry && probe.held() == 2 && probe.type("plain").in_use == 1;
  })) << probe.held();
  const Snapshot seen = probe.snapshot();
  ASSERT_EQ(seen.slots.size(), 2U);
  for (const SlotSnapshot& slot : seen.slots) {
    EXPECT_EQ(slot.owner_pid, worker.pid());
    if (slot.type != "keyed") continue;
    EXPECT_EQ(slot.key, "EG_1");
    EXPECT_EQ(slot.word.state(), SlotState::kActive);
    EXPECT_EQ(slot.memory_bytes, 1U << 20);
  }
  worker.kill_now();
  EXPECT_TRUE(wait_until([&] { return probe.held() == 0; })) << "their death frees them";
}

TEST_P(SegmentLost, slots_claimed_just_before_are_asserted_by_their_holders) {
  WorkerProcess worker(broker_.segment());
  for (int i = 0; i < 4; ++i) ASSERT_TRUE(worker.ask("claim plain").is_claimed());
  lose();  // before the broker's next look, most likely
  wait_until_settled();
  const SegmentProbe probe(broker_.segment());
  EXPECT_TRUE(wait_until([&] { return probe.type("plain").in_use == 4; }))
      << broker_.log_of_run() << "the holder: " << worker.ask("claim plain").text;
  WorkerProcess other(broker_.segment());
  EXPECT_EQ(other.ask("claim plain").text, "refused type_limit") << "nobody gets their room";
}

/// The keeper looks once a second by itself, at a moment when the broker has not seen the loss yet
/// as well as at any other: it touches nothing that is gone.
TEST_P(SegmentLost, an_idle_holder_lives_through_the_look_of_its_keeper) {
  WorkerProcess worker(broker_.segment());
  ASSERT_TRUE(worker.ask("claim plain").is_claimed());
  ASSERT_EQ(::kill(broker_.pid(), SIGSTOP), 0);
  lose();
  // Two looks, and nobody who makes another segment.
  std::this_thread::sleep_for(std::chrono::milliseconds(2300));
  ASSERT_EQ(::kill(broker_.pid(), SIGCONT), 0);
  wait_until_settled();
  EXPECT_TRUE(
      wait_until([&] { return SegmentProbe(broker_.segment()).type("plain").in_use == 1; }));
}

TEST_P(SegmentLost, handles_and_tokens_stay_good) {
  WorkerProcess service(broker_.segment());
  const Reply first = service.ask("claim plain");
  const Reply second = service.ask("claim keyed key=EG_2");
  ASSERT_TRUE(first.is_claimed() && second.is_claimed());
  let_the_broker_look();
  lose();
  wait_until_settled();
  const SegmentProbe probe(broker_.segment());
  // A handler that was started with the old token takes its slot over.
  WorkerProcess handler(broker_.segment());
  const Reply adopted = handler.ask("adopt " + second.token());
  ASSERT_TRUE(adopted.is_claimed()) << adopted.text;
  EXPECT_EQ(service.ask("release " + second.handle()).code(), Errc::kStaleToken);
  EXPECT_TRUE(service.ask("activate " + first.handle()).is_ok());
  EXPECT_TRUE(service.ask("release " + first.handle()).is_ok());
  EXPECT_TRUE(handler.ask("release " + adopted.handle()).is_ok());
  EXPECT_EQ(probe.held(), 0U);
}

TEST_P(SegmentLost, owners_known_by_pid_alone_keep_their_slots) {
  WorkerProcess service(broker_.segment());
  const Reply claimed = service.ask("claim plain");
  const pid_t job = ::fork();
  if (job == 0) {
    ::alarm(60);
    for (;;) ::pause();
  }
  ASSERT_TRUE(service.ask("bind " + claimed.handle() + " " + std::to_string(job)).is_ok());
  let_the_broker_look();
  lose();
  wait_until_settled();
  const SegmentProbe probe(broker_.segment());
  const Snapshot seen = probe.snapshot();
  ASSERT_EQ(seen.slots.size(), 1U);
  EXPECT_EQ(seen.slots[0].owner_pid, job);
  ::kill(job, SIGKILL);
  ::waitpid(job, nullptr, 0);
  EXPECT_TRUE(wait_until([&] { return probe.held() == 0; }));
}

TEST_P(SegmentLost, operators_words_and_counters_are_kept) {
  WorkerProcess worker(broker_.segment());
  const Reply claimed = worker.ask("claim plain");
  ASSERT_TRUE(worker.ask("release " + claimed.handle()).is_ok());
  const Slotctl slotctl(broker_.segment());
  ASSERT_EQ(slotctl({"limits", "set", "plain=2"}).status, 0);
  ASSERT_EQ(slotctl({"drain", "keyed"}).status, 0);
  let_the_broker_look();
  lose();
  wait_until_settled();
  const SegmentProbe probe(broker_.segment());
  EXPECT_EQ(probe.type("plain").limit, 2U);
  EXPECT_TRUE(probe.type("keyed").draining);
  EXPECT_FALSE(probe.type("plain").draining);
  EXPECT_EQ(probe.counters().claims, 1U);
  EXPECT_EQ(probe.counters().releases, 1U);
}

TEST_P(SegmentLost, it_can_happen_again_and_again) {
  WorkerProcess worker(broker_.segment());
  const Reply claimed = worker.ask("claim plain");
  ASSERT_TRUE(claimed.is_claimed());
  for (int round = 0; round < 3; ++round) {
    let_the_broker_look();
    const std::uint64_t before = SegmentProbe(broker_.segment()).view().segment_id();
    lose();
    ASSERT_TRUE(wait_until([&] {
      const OpenedSegment opened =
          open_segment(broker_.segment(), Access::kReadOnly, read_boot_id());
      return opened.code == Errc::kOk && opened.validation.identity.segment_id != before;
    }));
    const SegmentProbe probe(broker_.segment());
    EXPECT_TRUE(wait_until([&] { return probe.held() == 1; })) << "round " << round;
  }
  EXPECT_TRUE(worker.ask("release " + claimed.handle()).is_ok());
  EXPECT_EQ(SegmentProbe(broker_.segment()).held(), 0U);
}

TEST_P(SegmentLost, what_others_took_over_or_gave_back_is_not_asserted_again) {
  WorkerProcess service(broker_.segment());
  WorkerProcess handler(broker_.segment());
  const Reply handed = service.ask("claim keyed key=EG_1");
  const Reply given_back = service.ask("claim keyed key=EG_2");
  const Reply adopted = handler.ask("adopt " + handed.token());
  ASSERT_TRUE(adopted.is_claimed());
  ASSERT_EQ(Slotctl(broker_.segment())({"release", given_back.token()}).status, 0);
  // Damage that leaves nothing to compare with may bring back what ended within a keeper's look.
  std::this_thread::sleep_for(std::chrono::milliseconds(kKeeperLookMs + 300));
  lose();
  wait_until_settled();
  std::this_thread::sleep_for(std::chrono::milliseconds(200));
  const SegmentProbe probe(broker_.segment());
  EXPECT_EQ(probe.held(), 1U);
  EXPECT_TRUE(handler.ask("release " + adopted.handle()).is_ok());
  EXPECT_EQ(probe.held(), 0U);
  EXPECT_TRUE(service.ask("claim keyed key=EG_1").is_claimed()) << "the key is free again";
}

TEST_P(SegmentLost, release_that_comes_right_after_is_no_stale_one) {
  WorkerProcess worker(broker_.segment());
  for (int round = 0; round < 5; ++round) {
    const Reply claimed = worker.ask("claim plain");
    ASSERT_TRUE(claimed.is_claimed() || claimed.text == "refused draining") << claimed.text;
    if (!claimed.is_claimed()) {
      std::this_thread::sleep_for(std::chrono::milliseconds(50));
      continue;
    }
    let_the_broker_look();
    const std::uint64_t before = SegmentProbe(broker_.segment()).view().segment_id();
    lose();
    ASSERT_TRUE(wait_until([&] {
      const OpenedSegment opened =
          open_segment(broker_.segment(), Access::kReadOnly, read_boot_id());
      return opened.code == Errc::kOk && opened.validation.identity.segment_id != before;
    }));
    EXPECT_TRUE(worker.ask("release " + claimed.handle()).is_ok());
    const SegmentProbe probe(broker_.segment());
    EXPECT_TRUE(wait_until([&] { return probe.held() == 0; }));
    EXPECT_EQ(probe.counters().stale, 0U);
  }
}

TEST_P(SegmentLost, more_than_half_full_process_table_is_enough_for_all) {
  std::vector<std::unique_ptr<WorkerProcess>> workers;
  for (int i = 0; i < 4; ++i) {
    workers.push_back(std::make_unique<WorkerProcess>(broker_.segment()));
    ASSERT_TRUE(workers.back()->ask("claim plain").is_claimed());
  }
  while (SegmentProbe(broker_.segment()).snapshot().processes.size() < 25) {
    workers.push_back(std::make_unique<WorkerProcess>(broker_.segment()));
    if (workers.size() <= 8) {
      ASSERT_TRUE(workers.back()->ask("claim keyed").is_claimed());
    }
  }
  let_the_broker_look();
  lose();
  wait_until_settled();
  for (const auto& worker : workers) EXPECT_TRUE(worker->ask("reap").is("reaped"));
  const SegmentProbe probe(broker_.segment());
  EXPECT_TRUE(wait_until([&] { return probe.held() == 8; })) << probe.held();
  workers.clear();
  EXPECT_TRUE(wait_until([&] { return probe.held() == 0; }));
}

INSTANTIATE_TEST_SUITE_P(Every, SegmentLost, ::testing::ValuesIn(losses()),
                         [](const auto& loss) { return loss.param.name; });

}  // namespace
}  // namespace slotd::testing
