// Losses of the segment's file that nobody can tell the holders of: no broker runs, or it cannot
// make a new segment. Damage that hardly leaves a trace, and programs that touch a file that was
// cut.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <string>
#include <system_error>
#include <thread>

#include "slotd/client.hpp"
#include "slotd/fault_guard.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/slotctl.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

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
      punch_hole(broker.segment(), static_cast<off_t>(offset / 4096 * 4096), 4096);
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
