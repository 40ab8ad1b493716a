// What went wrong elsewhere and was reported, number by number (tests/README.md says what each is):
// the same situation here. Short forms; what some of them need at length is tested where
// tests/README.md says.
#include <grp.h>
#include <gtest/gtest.h>
#include <sys/mount.h>
#include <sys/stat.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "slotd/client.hpp"
#include "tests/integration/life_support.hpp"
#include "tests/support/slotctl.hpp"
#include "tests/support/team.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

constexpr const char* kConfig =
    "cpu: { capacity: 10, max_utilization: 1.0, sample_interval: 100ms }\n"
    "types:\n"
    "  single: { max: 1, cpu: 1.0 }\n"
    "  triple: { max: 3, cpu: 1.0 }\n"
    "  plain: { cpu: 0.01 }\n"
    "segment: { slots: 64, processes: 32 }\n";

/// Claims, moves through all states and releases without end.
bool work_without_end(const std::string& segment, std::atomic<std::uint64_t>& rounds) {
  Client client({segment, "busy"});
  std::error_code ec;
  for (std::uint64_t round = 0;; ++round) {
    Slot a = client.try_claim("triple", {.key = "EG_" + std::to_string(round % 4)}, ec);
    Slot b = client.try_claim("plain", {}, ec);
    if (a) a.activate(ec);
    if (b) b.end(ec);
    rounds.fetch_add(1);
  }
}

Errc attach_code(const std::string& segment, std::string* detail = nullptr) {
  std::error_code ec;
  Client client({segment, "attach"}, ec, detail);
  if (!ec) client.detach();
  return static_cast<Errc>(ec.value());
}

class FieldReport : public ::testing::Test {
 protected:
  static Reason refusal(Client& client, const char* type) {
    return client.try_claim(type).refusal().reason();
  }
  /// What the ledger says is what the words say.
  void expect_sums_to_match() const {
    const Snapshot snapshot = probe_.snapshot();
    std::int64_t cost_micro = 0;
    for (const SlotSnapshot& slot : snapshot.slots)
      cost_micro += std::int64_t{slot.word.cost_milli()} * 1000;
    EXPECT_EQ(snapshot.available_micro(), 10'000'000 - cost_micro);
  }
  /// Kills processes in the middle of their claims.
  void kill_workers_at_random(int kills, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    for (int i = 0; i < kills; ++i) {
      Shared<std::atomic<std::uint64_t>> rounds;
      Team team;
      const pid_t pid = team.add([&] { return work_without_end(broker_.segment(), *rounds); });
      ASSERT_TRUE(wait_until([&] { return rounds->load() > 0; }));
      ::usleep(static_cast<useconds_t>(random() % 500));
      team.kill_now(pid);
    }
  }

  BrokerProcess broker_{kConfig};
  SegmentProbe probe_{broker_.segment()};
};

TEST_F(FieldReport, nr_01_after_a_death_inside_an_operation_the_next_one_goes_on) {
  Client client({broker_.segment(), "next"});
  for (std::uint64_t round = 0; round < 20; ++round) {
    kill_workers_at_random(1, round);
    Slot slot = client.try_claim("plain");
    ASSERT_TRUE(slot) << slot.refusal().text();
  }
  EXPECT_TRUE(probe_.wait_all_free());
  expect_sums_to_match();
}

TEST_F(FieldReport, nr_03_creator_that_dies_on_the_way_keeps_nobody_waiting) {
  BrokerProcess broker = BrokerProcess::not_started(kConfig);
  std::mt19937_64 random(3);
  for (int round = 0; round < 25; ++round) {
    broker.start_and_kill_after_us(static_cast<int>(random() % 8000));
    const Errc code = attach_code(broker.segment());
    EXPECT_TRUE(code == Errc::kOk || code == Errc::kNoSegment) << describe(code);
  }
  // What a creator without a last step would leave: a file of the right size, and nothing in it.
  ::unlink(broker.segment().c_str());
  write_text(broker.segment(), std::string(probe_.bytes(), '\0'));
  EXPECT_EQ(attach_code(broker.segment()), Errc::kNotReady);
  broker.start();
  EXPECT_EQ(attach_code(broker.segment()), Errc::kOk) << "a new broker makes it anew";
}

TEST_F(FieldReport, nr_04_process_with_a_dead_one_s_pid_does_not_keep_its_slot) {
  Client client({broker_.segment(), "client"});
  OwnedPid first(::fork());
  if (first.get() == 0) {
    for (;;) ::pause();
  }
  const pid_t pid = first.get();
  broker_.kill_now();
  Slot slot = client.try_claim("single");
  slot.bind(pid);
  ::usleep(30'000);  // start times are told apart in hundredths of a second
  first.die();
  const OwnedPid again(start_sleeper_with_pid(pid));
  if (again.get() != pid) GTEST_SKIP() << "clone3 with a pid of one's choice is refused here";
  EXPECT_EQ(client.reap(), 1U);
  EXPECT_EQ(refusal(client, "single"), Reason::kNone);
}

TEST_F(FieldReport, nr_05_broker_answers_whatever_clients_do) {
  Shared<std::atomic<std::uint64_t>> rounds;
  Team team;
  std::vector<pid_t> stopped;
  for (int i = 0; i < 4; ++i)
    stopped.push_back(team.add([&] { return work_without_end(broker_.segment(), *rounds); }));
  ASSERT_TRUE(wait_until([&] { return rounds->load() > 100; }));
  for (const pid_t pid : stopped) ::kill(pid, SIGSTOP);
  kill_workers_at_random(3, 5);
  const Slotctl slotctl(broker_.segment());
  for (int i = 0; i < 10; ++i) {
    const Ran ran = slotctl({"status", "-J"});
    ASSERT_EQ(ran.status, 0) << ran.err;
    EXPECT_EQ(ran.json()["broker"]["state"], "ready") << "its heartbeat is not three old";
    ::usleep(50'000);
  }
  broker_.write_config(std::string(kConfig) + "queue: { turn: 30ms }\n");
  EXPECT_TRUE(broker_.reload());
}

TEST_F(FieldReport, nr_06_stopped_owner_keeps_its_slot_over_many_heartbeats) {
  WorkerProcess owner(broker_.segment());
  Client other({broker_.segment(), "other"});
  const Reply claimed = owner.ask("claim single");
  owner.freeze();
  for (int i = 0; i < 60; ++i) {  // 30 heartbeats
    ASSERT_EQ(refusal(other, "single"), Reason::kTypeLimit);
    ::usleep(50'000);
  }
  EXPECT_EQ(other.reap(), 0U);
  owner.signal(SIGCONT);
  EXPECT_TRUE(owner.ask("activate " + claimed.handle()).is_ok());
}

TEST_F(FieldReport, nr_07_killed_broker_starts_again_without_a_hand) {
  WorkerProcess alive(broker_.segment());
  auto dead = std::make_unique<WorkerProcess>(broker_.segment());
  const Reply kept = alive.ask("claim plain");
  ASSERT_TRUE(dead->ask("claim plain").is_claimed());
  broker_.kill_now();
  dead->kill_now();
  broker_.start();
  EXPECT_EQ(probe_.held(), 1U) << "live holders are counted, dead ones are not";
  EXPECT_EQ(alive.ask("token " + kept.handle()).words.at(1), kept.token());
}

TEST_F(FieldReport, nr_08_zombie_does_not_count) {
  WorkerProcess owner(broker_.segment());
  Client other({broker_.segment(), "other"});
  ASSERT_TRUE(owner.ask("claim single").is_claimed());
  owner.kill_to_zombie();
  EXPECT_TRUE(wait_until([&] { return refusal(other, "single") == Reason::kNone; }));
}

TEST_F(FieldReport, nr_09_pid_1_of_another_namespace_is_neither_robbed_nor_kept) {
  if (!can_unshare("--pid --fork")) GTEST_SKIP() << "making PID namespaces is not permitted here";
  const std::vector<std::string> container = {"unshare", "--pid", "--fork", "--kill-child"};
  WorkerProcess a(broker_.segment(), container);
  WorkerProcess b(broker_.segment(), container);
  ASSERT_EQ(a.ask("pid").text, b.ask("pid").text);
  ASSERT_TRUE(a.ask("claim plain").is_claimed());
  const Reply of_b = b.ask("claim plain");
  Client host({broker_.segment(), "host"});
  EXPECT_EQ(host.reap(), 0U);
  EXPECT_EQ(b.ask("reap").text, "reaped 0");
  a.kill_now();
  EXPECT_TRUE(wait_until([&] { return probe_.held() == 1U; }));
  ::usleep(250'000);  // two looks of the broker
  EXPECT_TRUE(b.ask("release " + of_b.handle()).is_ok());
}

/// Becomes another user and claims; what came of it goes into `text`.
bool claim_as(gid_t gid, const std::string& segment, std::array<char, 400>& text) {
  if (::setgroups(0, nullptr) != 0 || ::setresgid(gid, gid, gid) != 0 ||
      ::setresuid(65534, 65534, 65534) != 0) {
    return false;
  }
  std::error_code ec;
  std::string detail;
  Client client({segment, "user"}, ec, &detail);
  const bool admitted = !ec && client.try_claim("single");
  std::snprintf(text.data(), text.size(), "%s", admitted ? "admitted" : detail.c_str());
  return true;
}

TEST_F(FieldReport, nr_10_second_user_needs_the_group_and_is_told_which) {
  if (::geteuid() != 0) GTEST_SKIP() << "needs root, to become somebody else";
  const mode_t before = ::umask(077);
  BrokerProcess broker(kConfig);
  ::umask(before);
  ASSERT_EQ(::chmod(broker.folder().c_str(), 0755), 0);
  struct stat status {};
  ASSERT_EQ(::stat(broker.segment().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777U, 0660U) << "whatever the umask";
  EXPECT_EQ(status.st_gid, ::getegid());
  Shared<std::array<char, 400>> text;
  Team member;
  member.add([&] { return claim_as(::getegid(), broker.segment(), *text); });
  ASSERT_TRUE(member.join());
  EXPECT_STREQ(text->data(), "admitted") << "another user of the group";
  Team stranger;
  stranger.add([&] { return claim_as(65534, broker.segment(), *text); });
  ASSERT_TRUE(stranger.join());
  const group* entry = ::getgrgid(status.st_gid);
  ASSERT_NE(entry, nullptr);
  EXPECT_NE(std::string(text->data()).find("group '" + std::string(entry->gr_name) + "'"),
            std::string::npos)
      << text->data();
}

/// Whoever removed the file: a clean-up of temporary files, or of what a user left who logged out.
TEST_F(FieldReport, nr_11_vanished_segment_is_made_again_and_holders_move_to_it) {
  WorkerProcess owner(broker_.segment());
  const Reply claimed = owner.ask("claim single");
  const std::uint64_t before = probe_.view().segment_id();
  ASSERT_EQ(::unlink(broker_.segment().c_str()), 0);
  const auto is_anew = [&] {
    return attach_code(broker_.segment()) == Errc::kOk &&
           SegmentProbe(broker_.segment()).view().segment_id() != before;
  };
  ASSERT_TRUE(wait_until(is_anew));
  const SegmentProbe anew(broker_.segment());
  Client other({broker_.segment(), "other"});
  EXPECT_TRUE(wait_until([&] { return owner.ask("can plain").is("yes"); }));
  EXPECT_EQ(anew.held(), 1U) << "what is held is held there";
  EXPECT_TRUE(wait_until([&] { return refusal(other, "single") == Reason::kTypeLimit; }));
  EXPECT_TRUE(owner.ask("release " + claimed.handle()).is_ok());
  EXPECT_TRUE(wait_until([&] { return refusal(other, "single") == Reason::kNone; }));
}

TEST_F(FieldReport, nr_12_attaching_never_writes_a_count) {
  Client holder({broker_.segment(), "holder"});
  std::vector<Slot> slots;
  for (int i = 0; i < 3; ++i) slots.push_back(holder.try_claim("triple"));
  for (int i = 0; i < 20; ++i) {
    Client other({broker_.segment(), "other"});
    ASSERT_EQ(refusal(other, "triple"), Reason::kTypeLimit);
    ASSERT_EQ(probe_.type("triple").in_use, 3U);
    if (i % 2 == 0) other.detach();
  }
  EXPECT_EQ(probe_.held(), 3U);
}

TEST_F(FieldReport, nr_13_stale_token_is_refused_and_counted) {
  WorkerProcess evicted(broker_.segment());
  Client next({broker_.segment(), "next"});
  const Slotctl slotctl(broker_.segment());
  const Reply claimed = evicted.ask("claim single");
  ASSERT_EQ(slotctl({"free", std::to_string(claimed.slot()), "--force"}).status, 0);
  const Slot slot = next.try_claim("single");
  ASSERT_TRUE(slot);
  ASSERT_EQ(slot.index(), claimed.slot()) << "the very same word";
  EXPECT_EQ(evicted.ask("release " + claimed.handle()).code(), Errc::kStaleToken);
  EXPECT_EQ(probe_.held(), 1U) << "nothing moved";
  EXPECT_EQ(probe_.counters().stale, 1U);
  EXPECT_EQ(evicted.ask("claim single").text, "refused type_limit");
}

TEST_F(FieldReport, nr_14_lowered_limit_shows_as_debt_and_drains) {
  Client holder({broker_.segment(), "holder"});
  std::vector<Slot> slots;
  for (int i = 0; i < 3; ++i) slots.push_back(holder.try_claim("triple"));
  const Slotctl slotctl(broker_.segment());
  broker_.signal(SIGSTOP);  // the setter waits for nobody
  const Ran set = slotctl({"limits", "set", "triple=1", "-J"});
  ASSERT_EQ(set.status, 0) << set.err;
  EXPECT_EQ(set.json()["limits"][1]["debt"], 2);
  EXPECT_EQ(set.json()["limits"][1]["in_use"], 3) << "nothing is revoked";
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(refusal(holder, "triple"), Reason::kTypeLimit) << 3 - i << " are held";
    slots.pop_back();
  }
  EXPECT_EQ(refusal(holder, "triple"), Reason::kNone);
  broker_.signal(SIGCONT);
}

TEST_F(FieldReport, nr_16_death_between_counting_and_recording_leaks_nothing) {
  kill_workers_at_random(40, 16);
  EXPECT_TRUE(probe_.wait_all_free());
  expect_sums_to_match();
  EXPECT_EQ(probe_.type("triple").in_use, 0U);
  Client client({broker_.segment(), "client"});
  std::vector<Slot> slots;
  for (int i = 0; i < 3; ++i) slots.push_back(client.try_claim("triple"));
  for (const Slot& slot : slots) EXPECT_TRUE(slot) << slot.refusal().text();
}

TEST_F(FieldReport, nr_17_full_file_system_is_an_error_at_start_and_no_signal) {
  const TestFolder folder;
  const std::string place = folder.file("small");
  ASSERT_EQ(::mkdir(place.c_str(), 0755), 0);
  if (::mount("tmpfs", place.c_str(), "tmpfs", 0, "size=64k,mode=755") != 0)
    GTEST_SKIP() << "mounting is not permitted here";
  write_text(folder.file("slotd.yaml"), "segment: { slots: 1024, processes: 512 }\n");
  const Ran ran =
      run_to_end("slotd", {"--segment", place + "/segment", "--config", folder.file("slotd.yaml")});
  struct stat status {};
  const bool left = ::stat((place + "/segment").c_str(), &status) == 0;
  ::umount2(place.c_str(), MNT_DETACH);
  EXPECT_GT(ran.status, 0);
  EXPECT_LT(ran.status, 128) << "not by a signal";
  EXPECT_NE((ran.out + ran.err).find("space"), std::string::npos) << ran.out << ran.err;
  EXPECT_FALSE(left) << "nothing half-made";
}

TEST_F(FieldReport, nr_18_other_layout_is_refused_and_both_sides_are_named) {
  Client holder({broker_.segment(), "holder"});
  const Slot slot = holder.try_claim("plain");
  broker_.kill_now();
  SegmentProbe(broker_.segment(), Access::kReadWrite).view().header().layout.set(kLayout + 1);
  std::string detail;
  EXPECT_EQ(attach_code(broker_.segment(), &detail), Errc::kLayoutMismatch);
  const Ran ran = Slotctl(broker_.segment())({"status"});
  EXPECT_EQ(ran.status, 76);
  EXPECT_EQ(broker_.run_to_end(), 76) << "a slot is held";
  for (const std::string& text : {detail, ran.err, broker_.log_of_run()}) {
    EXPECT_NE(text.find("layout " + std::to_string(kLayout + 1)), std::string::npos) << text;
    EXPECT_NE(text.find("layout " + std::to_string(kLayout)), std::string::npos) << text;
  }
}

TEST_F(FieldReport, nr_19_forked_child_neither_keeps_nor_releases) {
  WorkerProcess parent(broker_.segment());
  Client other({broker_.segment(), "other"});
  ASSERT_TRUE(parent.ask("claim single").is_claimed());
  EXPECT_EQ(parent.ask("fork-drop").text, "exited 0");
  EXPECT_EQ(refusal(other, "single"), Reason::kTypeLimit) << "the child released nothing";
  const int child = std::stoi(parent.ask("fork-idle").words.at(1));
  parent.kill_now();
  EXPECT_TRUE(wait_until([&] { return refusal(other, "single") == Reason::kNone; }));
  EXPECT_EQ(::kill(child, 0), 0) << "the child lives, and keeps nothing";
  ::kill(child, SIGKILL);
}

TEST_F(FieldReport, nr_21_capacity_is_the_quota_of_the_nearest_limiting_ancestor) {
  const ControlGroup outer("cpu");
  const std::string inner = outer.path() + "/inner";
  if (!outer.is_made() || ::mkdir(inner.c_str(), 0755) != 0 ||
      !outer.write("cpu.cfs_period_us", "100000") || !outer.write("cpu.cfs_quota_us", "73000")) {
    GTEST_SKIP() << "no CPU quota of version 1 may be set here";
  }
  // Exact: 0.73 of a core, of which 0.8 is 0.584; eight of 0.073 fit and a ninth does not.
  BrokerProcess broker = BrokerProcess::not_started(
      "cpu: { capacity: auto, max_utilization: 0.8 }\ntypes: { exact: { cpu: 0.073 } }\n");
  const bool moved = outer.write("inner/cgroup.procs", std::to_string(::getpid()));
  broker.start();  // in the group of its parent
  const bool back = outer.leave(::getpid());
  const Snapshot snapshot = SegmentProbe(broker.segment()).snapshot();
  Client client({broker.segment(), "client"});
  std::vector<Slot> slots;
  for (int i = 0; i < 9; ++i) slots.push_back(client.try_claim("exact"));
  broker.kill_now();
  ::rmdir(inner.c_str());
  ASSERT_TRUE(moved && back);
  EXPECT_EQ(snapshot.capacity_micro, 730'000U);
  EXPECT_EQ(snapshot.budget_micro, 584'000U);
  EXPECT_TRUE(slots[7]) << slots[7].refusal().text();
  EXPECT_EQ(slots[8].refusal().reason(), Reason::kCpu);
}

TEST_F(FieldReport, nr_22_restart_touches_no_job_and_a_reboot_keeps_none) {
  WorkerProcess owner(broker_.segment());
  const Reply claimed = owner.ask("claim plain");
  const SlotWord before = probe_.word(claimed.slot());
  EXPECT_EQ(broker_.stop(), 0);
  broker_.start();
  EXPECT_EQ(probe_.word(claimed.slot()), before);
  EXPECT_EQ(::kill(owner.pid(), 0), 0);
  broker_.kill_now();
  broker_.start();
  EXPECT_EQ(probe_.word(claimed.slot()), before);
  EXPECT_TRUE(owner.ask("release " + claimed.handle()).is_ok());
  ASSERT_TRUE(owner.ask("claim plain").is_claimed());

  broker_.kill_now();
  owner.kill_now();
  const SegmentProbe hand(broker_.segment(), Access::kReadWrite);
  const std::uint64_t id = hand.view().segment_id();
  hand.view().header().boot_id[0].set(1);  // of an earlier boot
  broker_.start();
  const SegmentProbe anew(broker_.segment());
  EXPECT_NE(anew.view().segment_id(), id);
  EXPECT_EQ(anew.held(), 0U);
}

}  // namespace
}  // namespace slotd::testing
