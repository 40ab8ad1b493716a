// P6: a restarted broker of the same layout adopts the live segment, another layout is refused
// while slots are held. And what a new broker finds in the place of a segment: a dead broker's, an
// earlier boot's, a corrupt one, one that is not there.
#include <gtest/gtest.h>
#include <sys/stat.h>

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
    "types: { plain: { max: 4, cpu: 0.5 } }\n"
    "segment: { slots: 32, processes: 16 }\n";
constexpr int kExitRefused = 69;
constexpr int kExitLayout = 76;

/// A header word changed in the file behind everybody's back.
template <typename Change>
void scribble_header(const std::string& path, Change change) {
  const OpenedSegment mapped = map_segment_file(path, Access::kReadWrite);
  ASSERT_EQ(mapped.code, Errc::kOk) << mapped.detail;
  change(*static_cast<Header*>(mapped.base));
}

Errc attach_code(const std::string& path, std::string* detail = nullptr) {
  std::error_code ec;
  const Client client({path, "attach"}, ec, detail);
  return static_cast<Errc>(ec.value());
}

TEST(BrokerRestart, second_broker_is_refused_naming_the_first) {
  BrokerProcess first(kConfig);
  WorkerProcess worker(first.segment());
  ASSERT_TRUE(worker.ask("claim plain").is_claimed());
  // Another broker process, on the same segment and config.
  const std::string log = first.folder() + "/second.log";
  const std::string command = bin_dir() + "/slotd --segment " + first.segment() + " --config " +
                              first.config_path() + " >" + log + " 2>&1";
  const int status = std::system(command.c_str());
  EXPECT_EQ(WEXITSTATUS(status), kExitRefused);
  EXPECT_NE(read_text(log).find("pid " + std::to_string(first.pid()) + ")"), std::string::npos)
      << read_text(log);
  EXPECT_TRUE(first.is_running());
  EXPECT_TRUE(worker.ask("claim plain").is_claimed());
  EXPECT_EQ(SegmentProbe(first.segment()).snapshot().broker.pid, first.pid());
}

TEST(BrokerRestart, terminated_broker_leaves_segment_and_workers_alone) {
  BrokerProcess broker(kConfig);
  WorkerProcess worker(broker.segment());
  const SegmentProbe probe(broker.segment());
  const Reply before = worker.ask("claim plain key=EG_1");
  EXPECT_EQ(broker.stop(), 0);
  EXPECT_EQ(probe.snapshot().broker.state, BrokerState::kDown);
  EXPECT_EQ(probe.held(), 1U);
  const Reply during = worker.ask("claim plain");
  ASSERT_TRUE(during.is_claimed());
  WorkerProcess late(broker.segment());
  EXPECT_TRUE(late.ask("claim plain").is_claimed()) << "attach works without a broker";
  broker.start();
  EXPECT_EQ(probe.held(), 3U);
  EXPECT_EQ(probe.snapshot().broker.state, BrokerState::kReady);
  EXPECT_EQ(worker.ask("token " + before.handle()).words.at(1), before.token());
  EXPECT_TRUE(worker.ask("release " + before.handle()).is_ok());
  EXPECT_TRUE(worker.ask("release " + during.handle()).is_ok());
}

TEST(BrokerRestart, new_broker_frees_what_died_while_there_was_none) {
  BrokerProcess broker(kConfig);
  WorkerProcess alive(broker.segment());
  auto dead = std::make_unique<WorkerProcess>(broker.segment());
  ASSERT_TRUE(alive.ask("claim plain").is_claimed());
  ASSERT_TRUE(dead->ask("claim plain").is_claimed());
  ASSERT_TRUE(dead->ask("claim plain memory=1000").is_claimed());
  broker.kill_now();
  dead->kill_now();
  const SegmentProbe probe(broker.segment());
  EXPECT_EQ(probe.held(), 3U) << "nobody has looked";
  broker.start();
  EXPECT_EQ(probe.held(), 1U) << "ready is after the first sweep";
  EXPECT_NE(broker.log_of_run().find("reaped_at_start=2"), std::string::npos)
      << broker.log_of_run();
  EXPECT_EQ(probe.counters().reaped, 2U);
}

TEST(BrokerRestart, broker_entries_do_not_pile_up) {
  BrokerProcess broker(kConfig);  // 16 entries
  WorkerProcess worker(broker.segment());
  for (int i = 0; i < 20; ++i) {
    broker.kill_now();
    broker.start();
  }
  const SegmentProbe probe(broker.segment());
  EXPECT_TRUE(wait_until([&] { return probe.snapshot().processes.size() == 2U; }));
}

TEST(BrokerRestart, process_table_full_of_workers_does_not_keep_the_broker_out) {
  BrokerProcess broker(
      "cpu: { capacity: 8 }\ntypes: { plain: { cpu: 0.5 } }\nsegment: { slots: 32, processes: 4 "
      "}\n");
  std::vector<std::unique_ptr<WorkerProcess>> workers;
  const auto attach = [&] {
    workers.push_back(std::make_unique<WorkerProcess>(broker.segment(), std::vector<std::string>{},
                                                      WorkerProcess::Failed{}));
    return workers.back()->attached();
  };
  while (attach().is_ok()) {
  }
  EXPECT_EQ(workers.back()->attached().code(), Errc::kProcessTableFull)
      << workers.back()->attached().text;
  broker.kill_now();
  attach();  // may get the dead broker's place
  broker.start();
  EXPECT_TRUE(workers.front()->ask("claim plain").is_claimed());
}

TEST(BrokerRestart, killed_during_start_leaves_nothing_half_made) {
  for (int i = 0; i < 20; ++i) {
    BrokerProcess broker = BrokerProcess::not_started(kConfig);
    broker.start_and_kill_after_us(i * 300);
    const Errc code = attach_code(broker.segment());
    EXPECT_TRUE(code == Errc::kNoSegment || code == Errc::kOk)
        << describe(code) << " after " << i * 300 << " us";
    broker.start();
    EXPECT_EQ(attach_code(broker.segment()), Errc::kOk);
  }
}

TEST(BrokerRestart, segment_of_an_earlier_boot_is_discarded) {
  BrokerProcess broker(kConfig);
  {
    WorkerProcess worker(broker.segment());
    ASSERT_TRUE(worker.ask("claim plain").is_claimed());
    broker.kill_now();
  }
  const std::uint64_t before = SegmentProbe(broker.segment()).view().segment_id();
  scribble_header(broker.segment(),
                  [](Header& header) { header.boot_id[0].set(header.boot_id[0].get() ^ 1U); });
  std::string detail;
  EXPECT_EQ(attach_code(broker.segment(), &detail), Errc::kNotReady) << detail;
  EXPECT_NE(detail.find("earlier boot"), std::string::npos) << detail;
  broker.start();
  const SegmentProbe probe(broker.segment());
  EXPECT_NE(probe.view().segment_id(), before);
  EXPECT_EQ(probe.taken(), 0U);
  EXPECT_NE(broker.log_of_run().find("event=created"), std::string::npos);
}

TEST(BrokerRestart, other_layout_is_refused_while_its_slots_are_held_and_replaced_after) {
  BrokerProcess broker(kConfig);
  auto worker = std::make_unique<WorkerProcess>(broker.segment());
  const Reply claimed = worker->ask("claim plain");
  ASSERT_TRUE(worker->ask("claim plain").is_claimed());
  broker.kill_now();
  const SegmentProbe old(broker.segment());
  scribble_header(broker.segment(), [](Header& header) { header.layout.set(kLayout + 1); });
  std::string detail;
  EXPECT_EQ(attach_code(broker.segment(), &detail), Errc::kLayoutMismatch);
  EXPECT_NE(detail.find("layout " + std::to_string(kLayout + 1)), std::string::npos) << detail;
  EXPECT_NE(detail.find("layout " + std::to_string(kLayout)), std::string::npos) << detail;

  EXPECT_EQ(broker.run_to_end(), kExitLayout);
  const std::string log = broker.log_of_run();
  EXPECT_NE(log.find("layout " + std::to_string(kLayout + 1)), std::string::npos) << log;
  EXPECT_NE(log.find("layout " + std::to_string(kLayout) + ","), std::string::npos) << log;
  EXPECT_NE(log.find("2 of its slots are held (0, 1)"), std::string::npos) << log;
  EXPECT_EQ(old.held(), 2U) << "they are not touched";

  EXPECT_TRUE(worker->ask("release " + claimed.handle()).is_ok());
  EXPECT_EQ(broker.run_to_end(), kExitLayout) << "one is left";
  worker->ask("release 1");
  broker.start();
  EXPECT_EQ(attach_code(broker.segment()), Errc::kOk);
  EXPECT_TRUE(worker->ask("claim plain").is_claimed())
      << "who has the old one mapped goes on in the new one";
}

/// A segment of another layout with two slots of a worker, which has it mapped from before.
struct OtherLayout {
  OtherLayout() {
    claimed = worker.ask("claim plain");
    EXPECT_TRUE(worker.ask("claim plain").is_claimed());
    broker.kill_now();
    scribble_header(broker.segment(), [](Header& header) { header.layout.set(kLayout + 1); });
  }

  BrokerProcess broker{kConfig};
  WorkerProcess worker{broker.segment()};
  SegmentProbe old{broker.segment()};
  Reply claimed;
};

TEST(BrokerRestart, other_layout_is_drained_with_retire_and_replaced_when_nothing_is_held) {
  OtherLayout node;
  node.broker.set_more_arguments({"--retire"});
  node.broker.start_only();
  ASSERT_TRUE(node.broker.wait_log("2 of its slots are held (0, 1)")) << node.broker.log_of_run();
  EXPECT_NE(node.worker.ask("claim plain").text.find("draining"), std::string::npos);
  EXPECT_EQ(node.old.held(), 2U) << "they are not touched";
  EXPECT_TRUE(node.worker.ask("release " + node.claimed.handle()).is_ok());
  ASSERT_TRUE(node.broker.wait_log("1 of its slots is held (1)")) << node.broker.log_of_run();
  EXPECT_EQ(attach_code(node.broker.segment()), Errc::kLayoutMismatch) << "one is left";
  node.worker.ask("release 1");
  node.broker.wait_ready();
  EXPECT_EQ(attach_code(node.broker.segment()), Errc::kOk);
  EXPECT_TRUE(node.worker.ask("claim plain").is_claimed()) << "nothing of the drain is left";
}

TEST(BrokerRestart, a_broker_that_drains_another_layout_can_be_stopped) {
  OtherLayout node;
  node.broker.set_more_arguments({"--retire"});
  node.broker.start_only();
  ASSERT_TRUE(node.broker.wait_log("event=retiring"));
  EXPECT_EQ(node.broker.stop(), 0);
  EXPECT_EQ(attach_code(node.broker.segment()), Errc::kLayoutMismatch) << "the old one stays";
  node.broker.set_more_arguments({});
  EXPECT_EQ(node.broker.run_to_end(), kExitLayout);
}

TEST(BrokerRestart, retire_changes_nothing_where_the_layout_is_the_same_or_nothing_is_held) {
  BrokerProcess broker(kConfig);
  WorkerProcess worker(broker.segment());
  ASSERT_TRUE(worker.ask("claim plain").is_claimed());
  broker.kill_now();
  broker.set_more_arguments({"--retire"});
  broker.start();
  EXPECT_EQ(SegmentProbe(broker.segment()).held(), 1U) << "adopted";
  EXPECT_TRUE(worker.ask("claim plain").is_claimed());
  worker.ask("release 0");
  worker.ask("release 1");
  broker.kill_now();
  scribble_header(broker.segment(), [](Header& header) { header.layout.set(kLayout + 1); });
  broker.start();
  EXPECT_EQ(broker.log_of_run().find("event=retiring"), std::string::npos);
  EXPECT_EQ(attach_code(broker.segment()), Errc::kOk);
}

TEST(BrokerRestart, other_fingerprint_is_another_layout) {
  BrokerProcess broker(kConfig);
  broker.kill_now();
  scribble_header(broker.segment(),
                  [](Header& header) { header.fingerprint.set(header.fingerprint.get() + 1); });
  std::string detail;
  EXPECT_EQ(attach_code(broker.segment(), &detail), Errc::kLayoutMismatch) << detail;
}

TEST(BrokerRestart, corrupt_header_is_told_and_rebuilt) {
  const std::vector<std::pair<const char*, void (*)(Header&)>> scribbles = {
      {"magic", [](Header& header) { header.magic.set(0x4141'4141'4141'4141ULL); }},
      {"state", [](Header& header) { header.state.store(77); }},
      {"segment id", [](Header& header) { header.segment_id.set(0); }},
      {"total", [](Header& header) { header.total_bytes.set(header.total_bytes.get() * 2); }},
      {"offset", [](Header& header) { header.sections[4].offset.set(~std::uint64_t{0} - 64); }},
      {"count", [](Header& header) { header.sections[4].count.set(0xffff'ffffU); }},
      {"stride", [](Header& header) { header.sections[9].stride.set(0); }}};
  for (const auto& [name, scribble] : scribbles) {
    BrokerProcess broker(kConfig);
    broker.kill_now();
    scribble_header(broker.segment(), scribble);
    std::string detail;
    EXPECT_EQ(attach_code(broker.segment(), &detail), Errc::kCorrupt) << name;
    EXPECT_NE(detail.find(broker.segment()), std::string::npos) << "which file: " << detail;
    broker.start();
    EXPECT_EQ(attach_code(broker.segment()), Errc::kOk) << name;
  }
}

TEST(BrokerRestart, truncated_file_is_told_and_rebuilt) {
  for (const off_t size : {off_t{0}, off_t{100}, off_t{4096}, off_t{8192}}) {
    BrokerProcess broker(kConfig);
    broker.kill_now();
    ASSERT_EQ(::truncate(broker.segment().c_str(), size), 0);
    EXPECT_EQ(attach_code(broker.segment()), size == 0 ? Errc::kNotReady : Errc::kCorrupt) << size;
    broker.start();
    EXPECT_EQ(attach_code(broker.segment()), Errc::kOk) << size;
  }
}

/// A claimant that was stopped between looking at the state and claiming.
TEST(BrokerRestart, nothing_is_admitted_in_a_segment_that_was_retired_on_the_way) {
  BrokerProcess broker(kConfig);
  Client client({broker.segment(), "late"});
  const TypeId type = client.type("plain");
  broker.kill_now();
  scribble_header(broker.segment(), [](Header& header) {
    header.state.store(static_cast<std::uint64_t>(SegmentState::kRetired));
  });
  ClaimRequest wanted;
  wanted.request = make_request(client.attachment()->view(), type.index);
  Verdict refusal;
  EXPECT_EQ(client.attachment()->claim(wanted, refusal).slot, kNoSlot);
  EXPECT_EQ(refusal.reason, Reason::kNone);
  for (std::uint32_t slot = 0; slot < client.attachment()->view().slot_count(); ++slot) {
    EXPECT_TRUE(SlotWord{client.attachment()->view().word(slot).load()}.is_free());
  }
}

TEST(BrokerRestart, segment_being_made_is_not_ready) {
  BrokerProcess broker(kConfig);
  broker.kill_now();
  scribble_header(broker.segment(), [](Header& header) { header.state.store(0); });
  EXPECT_EQ(attach_code(broker.segment()), Errc::kNotReady);
}

TEST(BrokerRestart, retired_segment_is_told_by_attach_and_by_every_operation) {
  BrokerProcess broker(kConfig);
  Client client({broker.segment(), "before"});
  Slot slot = client.try_claim("plain", {.key = "EG_bind"});
  broker.kill_now();
  scribble_header(broker.segment(), [](Header& header) {
    header.state.store(static_cast<std::uint64_t>(SegmentState::kRetired));
  });
  EXPECT_EQ(attach_code(broker.segment()), Errc::kRetired);
  std::error_code ec;
  const Slot none = client.try_claim("plain", {}, ec);
  EXPECT_FALSE(none);
  EXPECT_FALSE(ec) << ec.message();
  EXPECT_EQ(none.refusal().reason(), Reason::kDraining) << "the next one is on its way";
  EXPECT_EQ(client.can_accept(client.type("plain"), {}, ec).reason, Reason::kDraining);
  slot.activate(ec);
  EXPECT_EQ(ec, Errc::kRetired);
  // A change of owner that was on its way when the segment was retired counts for nothing.
  HeldSlot held = *client.attachment()->find_key("EG_bind");
  EXPECT_EQ(client.attachment()->bind(held, ::getppid()), Errc::kRetired);
  slot.release(ec);
  EXPECT_FALSE(ec) << "given back whatever comes: " << ec.message();
}

TEST(BrokerRestart, no_segment_is_told_with_what_to_do) {
  const TestFolder folder;
  std::string detail;
  EXPECT_EQ(attach_code(folder.file("segment"), &detail), Errc::kNoSegment);
  EXPECT_NE(detail.find("is slotd running"), std::string::npos) << detail;
  EXPECT_EQ(attach_code(folder.file("no/such/folder")), Errc::kNoSegment);
  EXPECT_FALSE(std::filesystem::exists(folder.file("segment"))) << "a client creates nothing";
  EXPECT_THROW(Client({folder.file("segment"), "thrown"}), Error);
}

TEST(BrokerRestart, something_else_in_the_segment_s_place_is_not_a_segment) {
  const TestFolder folder;
  write_text(folder.file("text"), std::string(10'000, 'x'));
  EXPECT_EQ(attach_code(folder.file("text")), Errc::kCorrupt);
  EXPECT_NE(attach_code(folder.path()), Errc::kOk) << "a folder";
}

TEST(BrokerRestart, no_permission_names_the_group_to_join) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root to become another user";
  BrokerProcess broker(
      std::string(kConfig).replace(std::string(kConfig).find("processes"), 0, "group: daemon, "));
  ASSERT_EQ(::chmod(broker.folder().c_str(), 0755), 0);
  const std::string as_nobody = "setpriv --reuid=65534 --regid=65534 --clear-groups ";
  if (std::system((as_nobody + "test -x " + bin_dir() + "/slotd_test_worker").c_str()) != 0)
    GTEST_SKIP() << "setpriv is missing, or the programs lie where no other user may go";
  WorkerProcess nobody(broker.segment(),
                       {"setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"},
                       WorkerProcess::Failed{});
  EXPECT_EQ(nobody.attached().code(), Errc::kPermissionDenied) << nobody.attached().text;
  EXPECT_NE(nobody.attached().text.find("'daemon'"), std::string::npos) << nobody.attached().text;
  // Who is in the group may.
  WorkerProcess member(broker.segment(),
                       {"setpriv", "--reuid=65534", "--regid=65534", "--groups=daemon"});
  EXPECT_TRUE(member.ask("claim plain").is_claimed());
  struct stat status {};
  ASSERT_EQ(::stat(broker.segment().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0660U);
}

}  // namespace
}  // namespace slotd::testing
