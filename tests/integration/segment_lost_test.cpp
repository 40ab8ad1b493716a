// The segment's file is truncated, hole-punched, deleted or replaced while slots are held: the
// broker makes a new one, holders go on in it with what they hold, nobody else gets their room, and
// tokens stay good. What is lost is tested too.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "slotd/client.hpp"
#include "slotd/fault_guard.hpp"
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

void punch(const std::string& path, off_t at, off_t bytes) {
  const UniqueFd file(::open(path.c_str(), O_RDWR | O_CLOEXEC));
  ASSERT_EQ(::fallocate(file.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, at, bytes), 0);
}

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
      {"punched_whole", [](const std::string& path) { punch(path, 0, 1 << 24); }},
      {"punched_behind_the_header", [](const std::string& path) { punch(path, 4096, 1 << 24); }},
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

// ---- Without a broker that could tell

constexpr const char* kSmallConfig =
    "cpu: { capacity: 8 }\n"
    "types:\n"
    "  plain: { max: 4, cpu: 0.5 }\n"
    "segment: { slots: 64, processes: 32 }\n";

TEST(SegmentLostUntold, holders_find_the_next_broker_s_segment_by_themselves) {
  BrokerProcess broker(kSmallConfig);
  WorkerProcess worker(broker.segment());
  for (int i = 0; i < 3; ++i) ASSERT_TRUE(worker.ask("claim plain").is_claimed());
  broker.kill_now();
  ASSERT_EQ(::unlink(broker.segment().c_str()), 0);
  EXPECT_TRUE(worker.ask("claim plain").is_claimed()) << "nothing ends while no broker runs";
  broker.start();
  EXPECT_NE(broker.log_of_run().find("event=settling"), std::string::npos);
  // It was not ready before the holders had had the time to come.
  const SegmentProbe probe(broker.segment());
  EXPECT_EQ(probe.held(), 4U);
  WorkerProcess other(broker.segment());
  EXPECT_EQ(other.ask("claim plain").text, "refused type_limit");
}

TEST(SegmentLostUntold, first_start_ever_does_not_wait) {
  BrokerProcess broker(kSmallConfig);
  EXPECT_EQ(broker.log_of_run().find("event=settling"), std::string::npos);
}

/// What a type is called counts, not where the new broker's config happens to put it.
TEST(SegmentLostUntold, types_are_found_by_their_names) {
  BrokerProcess broker(
      "cpu: { capacity: 8 }\ntypes:\n  other: { max: 4, cpu: 0.5 }\n  plain: { max: 4, cpu: 0.5 "
      "}\n");
  WorkerProcess worker(broker.segment());
  ASSERT_TRUE(worker.ask("claim plain").is_claimed());
  broker.kill_now();
  ASSERT_EQ(::unlink(broker.segment().c_str()), 0);
  broker.write_config("cpu: { capacity: 8 }\ntypes:\n  plain: { max: 4, cpu: 0.5 }\n");
  broker.start();
  EXPECT_EQ(SegmentProbe(broker.segment()).type("plain").in_use, 1U);
}

TEST(SegmentLostUntold, something_else_in_its_place_is_left_alone_and_named) {
  BrokerProcess broker(kSmallConfig);
  WorkerProcess worker(broker.segment());
  ASSERT_TRUE(worker.ask("claim plain").is_claimed());
  ASSERT_EQ(::unlink(broker.segment().c_str()), 0);
  write_text(broker.segment() + ".x", "somebody's diary, " + std::string(5000, 'x'));
  ASSERT_EQ(::rename((broker.segment() + ".x").c_str(), broker.segment().c_str()), 0);
  // Whether the broker was faster with its own is not known; if not, the file stays.
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  const std::string text = read_text(broker.segment());
  if (text.find("diary") == std::string::npos) GTEST_SKIP() << "the broker was faster";
  EXPECT_NE(broker.log_of_run().find("something else stands where the segment was"),
            std::string::npos)
      << broker.log_of_run();
  ASSERT_EQ(::unlink(broker.segment().c_str()), 0);
  EXPECT_TRUE(wait_until([&] {
    const OpenedSegment opened = open_segment(broker.segment(), Access::kReadOnly, read_boot_id());
    return opened.code == Errc::kOk && SegmentProbe(broker.segment()).held() == 1;
  })) << broker.log_of_run();
}

/// While the broker cannot make a new segment: what its owner's service gives back is not carried
/// over as held, although the service is not the owner.
TEST(SegmentLostUntold, what_is_given_back_before_the_new_segment_stands_stays_given_back) {
  BrokerProcess broker(kSmallConfig);
  WorkerProcess service(broker.segment());
  const Reply claimed = service.ask("claim plain");
  const Sleeper job;
  Client leaver({broker.segment(), "leaver"});  // a member no more, so it does not come again
  const Slot left_behind = leaver.try_claim("plain");
  ASSERT_TRUE(left_behind);
  ASSERT_TRUE(service.ask("bind " + claimed.handle() + " " + std::to_string(job.pid())).is_ok());
  write_text(broker.segment() + ".x", "in the way: " + std::string(5000, 'x'));
  ASSERT_EQ(::rename((broker.segment() + ".x").c_str(), broker.segment().c_str()), 0);
  ASSERT_TRUE(wait_until([&] {
    return broker.log_of_run().find("something else stands where the segment was") !=
           std::string::npos;
  }));
  leaver.detach();
  // It is told what stands in the way; in the segment that both still have mapped it is done.
  EXPECT_EQ(service.ask("release " + claimed.handle()).code(), Errc::kCorrupt);
  ASSERT_EQ(::unlink(broker.segment().c_str()), 0);
  ASSERT_TRUE(wait_until([&] {
    return broker.log_of_run().find("event=settled") != std::string::npos;
  })) << broker.log_of_run();
  EXPECT_EQ(SegmentProbe(broker.segment()).held(), 0U);
}

/// A broker that dies while its rebuilt segment settles does not close the node for good.
TEST(SegmentLostUntold, settling_ends_without_the_broker) {
  BrokerProcess broker(kSmallConfig);
  WorkerProcess worker(broker.segment());
  ASSERT_EQ(::unlink(broker.segment().c_str()), 0);
  ASSERT_TRUE(
      wait_until([&] { return broker.log_of_run().find("event=rebuilt") != std::string::npos; }));
  broker.kill_now();
  {
    const SegmentProbe hand(broker.segment(), Access::kReadWrite);
    hand.view().header().drain.fetch_or(kDrainRebuild);  // if it was too late to be in it
  }
  EXPECT_EQ(worker.ask("claim plain").text, "refused draining");
  EXPECT_TRUE(wait_until([&] { return worker.ask("claim plain").is_claimed(); }));
}

TEST(SegmentLostUntold, folder_taken_away_with_everything_in_it) {
  BrokerProcess broker(kSmallConfig);
  WorkerProcess worker(broker.segment());
  ASSERT_TRUE(worker.ask("claim plain").is_claimed());
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
  std::filesystem::remove_all(broker.folder());
  EXPECT_TRUE(wait_until([&] {
    const OpenedSegment opened = open_segment(broker.segment(), Access::kReadOnly, read_boot_id());
    return opened.code == Errc::kOk && SegmentProbe(broker.segment()).held() == 1;
  }));
}

/// A page that is touched again right after it was taken out leaves no trace but its content.
TEST(SegmentDamage, hole_in_a_busy_page_is_seen) {
  struct Part {
    const char* name;
    SectionId section;
  };
  for (const Part part :
       {Part{"slot words", SectionId::kSlotWords}, Part{"processes", SectionId::kProcesses},
        Part{"records", SectionId::kRecords}, Part{"rules", SectionId::kConfig}}) {
    BrokerProcess broker(kSmallConfig);
    WorkerProcess worker(broker.segment());
    for (int i = 0; i < 4; ++i) ASSERT_TRUE(worker.ask("claim plain").is_claimed());
    std::this_thread::sleep_for(std::chrono::milliseconds(250));
    std::uint64_t offset = compute_geometry({64, 32})[part.section].offset;
    // The second of the two blocks is the first that is published.
    if (part.section == SectionId::kConfig) offset += sizeof(ConfigBlock);
    {
      const SegmentProbe busy(broker.segment(), Access::kReadWrite);
      punch(broker.segment(), static_cast<off_t>(offset / 4096 * 4096), 4096);
      volatile char* page = static_cast<char*>(static_cast<void*>(&busy.view().header())) + offset;
      *page = *page;
    }
    ASSERT_TRUE(wait_until([&] {
      return broker.log_of_run().find("event=settled") != std::string::npos;
    })) << part.name
        << broker.log_of_run();
    const SegmentProbe probe(broker.segment());
    EXPECT_TRUE(wait_until([&] { return probe.type("plain").in_use == 4; })) << part.name;
    worker.kill_now();
    EXPECT_TRUE(wait_until([&] { return probe.held() == 0; })) << part.name;
  }
}

/// A group member who cuts the file whenever it has its size again.
TEST(SegmentDamage, truncating_in_a_loop_does_not_bring_the_broker_down) {
  BrokerProcess broker(kSmallConfig);
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(2);
  while (std::chrono::steady_clock::now() < end)
    static_cast<void>(::truncate(broker.segment().c_str(), 0));
  EXPECT_TRUE(wait_until([&] {
    const OpenedSegment opened = open_segment(broker.segment(), Access::kReadOnly, read_boot_id());
    if (opened.code != Errc::kOk) return false;
    return SegmentProbe(broker.segment()).snapshot().broker.state == BrokerState::kReady;
  })) << broker.log_of_run();
  WorkerProcess worker(broker.segment());
  EXPECT_TRUE(worker.ask("claim plain").is_claimed());
}

/// The header's word for it: a program that wants to live through a truncation installs the guard.
TEST(FaultGuard, truncated_mapping_reads_as_zeros) {
  BrokerProcess broker(kSmallConfig);
  const std::string segment = broker.segment();
  broker.kill_now();
  const pid_t child = ::fork();
  if (child == 0) {
    Client client({segment, "guarded"});
    Slot slot = client.try_claim("plain");
    const bool ready = slot && install_fault_guard() && ::truncate(segment.c_str(), 0) == 0;
    std::error_code ec;
    const Slot next = client.try_claim("plain", {}, ec);
    const bool drains = !next && next.refusal().reason() == Reason::kDraining;
    ::_exit(ready && drains && count_missing_pages() > 0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0) << status;
}

/// What is lost: a worker without the guard that touches the file before the broker has restored
/// its size is killed by SIGBUS, and its slots come back as after any death.
TEST(FaultGuard, without_it_a_worker_dies_and_its_slots_come_back) {
#if defined(__SANITIZE_ADDRESS__)
  GTEST_SKIP() << "AddressSanitizer has a handler of its own for SIGBUS";
#endif
  BrokerProcess broker(kSmallConfig);
  WorkerProcess worker(broker.segment());
  ASSERT_TRUE(worker.ask("claim plain").is_claimed());
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
  ::kill(broker.pid(), SIGSTOP);
  ASSERT_EQ(::truncate(broker.segment().c_str(), 0), 0);
  worker.send("claim plain");
  siginfo_t end{};
  bool has_ended = false;
  for (int look = 0; look < 500 && !has_ended; ++look) {
    std::this_thread::sleep_for(std::chrono::milliseconds(10));
    ::waitid(P_PID, static_cast<id_t>(worker.pid()), &end, WEXITED | WNOHANG | WNOWAIT);
    has_ended = end.si_pid == worker.pid();
  }
  ::kill(broker.pid(), SIGCONT);
  if (!has_ended) GTEST_SKIP() << "its keeper had seen it first";
  EXPECT_EQ(end.si_code, CLD_KILLED);
  EXPECT_EQ(end.si_status, SIGBUS);
  EXPECT_TRUE(wait_until([&] {
    const OpenedSegment opened = open_segment(broker.segment(), Access::kReadOnly, read_boot_id());
    return opened.code == Errc::kOk && SegmentProbe(broker.segment()).held() == 0;
  }));
}

}  // namespace
}  // namespace slotd::testing
