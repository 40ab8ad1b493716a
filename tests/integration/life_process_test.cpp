// Life and death of an owner, the part about what a process is: a child with another program in it,
// a plugin with an attachment of its own, a pid that comes again at once, namespaces in which pids
// and times mean something else.
#include <dlfcn.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <memory>
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

/// Long enough for two looks of the broker.
void let_the_broker_look() { ::usleep(250'000); }

class LifeAndDeath : public ::testing::Test {
 protected:
  static Reason claim_single(Client& client) {
    return client.try_claim("single").refusal().reason();
  }

  BrokerProcess broker_{kConfig};
  SegmentProbe probe_{broker_.segment()};
};

// ---- fork and exec

/// What a process that claims, forks and runs a program in its child tells the test.
struct Told {
  std::atomic<int> image;
  std::atomic<std::uint32_t> slot;
};

bool claim_and_start_image(const std::string& segment, Told& told) {
  Client client({segment, "parent"});
  const Slot slot = client.try_claim("single");
  if (!slot) return false;
  told.slot.store(slot.index());
  const pid_t image = ::fork();
  if (image == 0) {
    ::execl("/bin/sleep", "sleep", "60", static_cast<char*>(nullptr));
    ::_exit(127);
  }
  told.image.store(image);
  for (;;) ::pause();
}

class LifeAndDeathImage : public LifeAndDeath {
 protected:
  void start() {
    parent_ = team_.add([this] { return claim_and_start_image(broker_.segment(), *told_); });
    ASSERT_TRUE(wait_until([this] { return told_->image.load() > 0; }));
    ASSERT_TRUE(wait_until([this] {  // it is the other program by now
      return read_text("/proc/" + std::to_string(image()) + "/comm") == "sleep\n";
    }));
  }
  int image() const { return told_->image.load(); }
  void TearDown() override {
    if (image() > 0) ::kill(image(), SIGKILL);
  }

  Shared<Told> told_;
  Team team_;
  pid_t parent_ = 0;
};

TEST_F(LifeAndDeathImage, the_image_dies_and_its_parent_keeps_the_slot) {
  start();
  Client other({broker_.segment(), "other"});
  const SlotWord before = probe_.word(told_->slot.load());
  ::kill(image(), SIGKILL);
  let_the_broker_look();
  EXPECT_EQ(probe_.word(told_->slot.load()), before);
  EXPECT_EQ(claim_single(other), Reason::kTypeLimit);
  team_.kill_now(parent_);
  EXPECT_TRUE(probe_.wait_all_free());
}

TEST_F(LifeAndDeathImage, the_parent_dies_and_the_image_keeps_nothing) {
  start();
  Client other({broker_.segment(), "other"});
  team_.kill_now(parent_);
  EXPECT_TRUE(wait_until([&] { return claim_single(other) == Reason::kNone; }));
  EXPECT_EQ(::kill(image(), 0), 0) << "it lives";
}

TEST_F(LifeAndDeathImage, without_a_broker_the_image_keeps_nothing_either) {
  start();
  Client other({broker_.segment(), "other"});
  broker_.kill_now();
  EXPECT_EQ(claim_single(other), Reason::kTypeLimit);
  team_.kill_now(parent_);
  EXPECT_EQ(claim_single(other), Reason::kNone) << "the very first claim";
  EXPECT_EQ(::kill(image(), 0), 0) << "it lives";
}

// ---- Two attachments, one of them in a library that is unloaded

struct Plugin {
  void* handle = nullptr;
  int (*claim)(const char*, const char*) = nullptr;
  void (*leave)() = nullptr;

  bool load(const std::string& path) {
    handle = ::dlopen(path.c_str(), RTLD_NOW | RTLD_LOCAL);
    if (handle == nullptr) return false;
    claim = reinterpret_cast<decltype(claim)>(::dlsym(handle, "plugin_claim"));
    leave = reinterpret_cast<decltype(leave)>(::dlsym(handle, "plugin_leave"));
    return claim != nullptr && leave != nullptr;
  }
};

/// Runs in a process of its own, for what a library leaves behind goes with the process.
struct PluginReport {
  std::atomic<std::uint32_t> step;  ///< 1: both hold; 2: unloaded; 3: the program has let go
  std::atomic<std::uint32_t> wish;
  std::atomic<int> program_slot;
  std::atomic<int> plugin_slot;
};

bool run_with_plugin(const std::string& segment, bool leaves, PluginReport& report) {
  const auto wait_wish = [&](std::uint32_t wish) {
    wait_until([&] { return report.wish.load() >= wish; });
  };
  Client client({segment, "program"});
  Slot slot = client.try_claim("plain");
  Plugin plugin;
  if (!slot || !plugin.load(bin_dir() + "/slotd_life_plugin.so")) return false;
  report.program_slot.store(static_cast<int>(slot.index()));
  report.plugin_slot.store(plugin.claim(segment.c_str(), "plain"));
  report.step.store(1);
  wait_wish(1);
  if (leaves) plugin.leave();
  if (::dlclose(plugin.handle) != 0) return false;
  report.step.store(2);
  wait_wish(2);
  slot.activate();
  slot.release();
  report.step.store(3);
  wait_wish(3);
  return true;
}

class LifeAndDeathPlugin : public LifeAndDeath, public ::testing::WithParamInterface<bool> {};
INSTANTIATE_TEST_SUITE_P(Plugin, LifeAndDeathPlugin, ::testing::Bool(), [](const auto& param) {
  return param.param ? "that_leaves_first" : "that_just_goes";
});

TEST_P(LifeAndDeathPlugin, two_attachments_in_one_process_one_unloaded) {
  Shared<PluginReport> report;
  Team team;
  const bool leaves = GetParam();
  team.add([&] { return run_with_plugin(broker_.segment(), leaves, *report); });
  const auto reaches = [&](std::uint32_t step) {
    return wait_until([&] { return report->step.load() >= step; });
  };
  ASSERT_TRUE(reaches(1));
  const int of_program = report->program_slot.load();
  const int of_plugin = report->plugin_slot.load();
  ASSERT_GE(of_plugin, 0);
  EXPECT_NE(probe_.word(static_cast<std::uint32_t>(of_program)).owner(),
            probe_.word(static_cast<std::uint32_t>(of_plugin)).owner())
      << "two owners";
  report->wish.store(1);
  ASSERT_TRUE(reaches(2));
  let_the_broker_look();
  EXPECT_TRUE(probe_.word(static_cast<std::uint32_t>(of_program)).is_held());
  EXPECT_EQ(probe_.word(static_cast<std::uint32_t>(of_plugin)).is_held(), !leaves)
      << "an unloaded library's slots are its process's, which lives";
  report->wish.store(2);
  ASSERT_TRUE(reaches(3)) << "the program goes on as before";
  EXPECT_EQ(probe_.held(), leaves ? 0U : 1U);
  report->wish.store(3);
  EXPECT_TRUE(team.join()) << "and ends in order, with the library's thread in it";
  EXPECT_TRUE(probe_.wait_all_free());
}

// ---- A pid that comes again at once

class LifeAndDeathPid : public LifeAndDeath {
 protected:
  void SetUp() override {
    OwnedPid first(::fork());
    if (first.get() == 0) {
      for (;;) ::pause();
    }
    const pid_t pid = first.get();
    first.die();
    const OwnedPid again(start_sleeper_with_pid(pid));
    if (again.get() != pid) GTEST_SKIP() << "clone3 with a pid of one's choice is refused here";
  }
  /// Start times are told apart in hundredths of a second.
  static void let_a_tick_pass() { ::usleep(30'000); }
};

TEST_F(LifeAndDeathPid, owner_by_presence_is_dead_though_its_pid_is_alive_again) {
  WorkerProcess owner(broker_.segment());
  Client other({broker_.segment(), "other"});
  ASSERT_TRUE(owner.ask("claim single").is_claimed());
  broker_.kill_now();
  const pid_t pid = owner.pid();
  owner.kill_now();
  const OwnedPid again(start_sleeper_with_pid(pid));
  ASSERT_EQ(again.get(), pid);
  EXPECT_EQ(claim_single(other), Reason::kNone) << "in the same instant";
}

TEST_F(LifeAndDeathPid, owner_by_pid_is_dead_for_the_broker_that_watched_it) {
  Client service({broker_.segment(), "service"});
  OwnedPid stranger(::fork());
  if (stranger.get() == 0) {
    for (;;) ::pause();
  }
  const pid_t pid = stranger.get();
  Slot slot = service.try_claim("single");
  slot.bind(pid);
  ASSERT_TRUE(probe_.wait_watched(pid));
  stranger.die();
  const OwnedPid again(start_sleeper_with_pid(pid));
  ASSERT_EQ(again.get(), pid);
  EXPECT_TRUE(probe_.wait_all_free()) << "in the same instant";
  EXPECT_EQ(::kill(pid, 0), 0) << "another process, and nobody's business";
}

TEST_F(LifeAndDeathPid, owner_by_pid_is_another_process_by_its_start_time) {
  Client service({broker_.segment(), "service"});
  OwnedPid stranger(::fork());
  if (stranger.get() == 0) {
    for (;;) ::pause();
  }
  const pid_t pid = stranger.get();
  broker_.kill_now();
  Slot slot = service.try_claim("single");
  slot.bind(pid);
  EXPECT_EQ(service.reap(), 0U);
  let_a_tick_pass();
  stranger.die();
  const OwnedPid again(start_sleeper_with_pid(pid));
  ASSERT_EQ(again.get(), pid);
  EXPECT_EQ(service.reap(), 1U) << "without a broker";
  EXPECT_EQ(claim_single(service), Reason::kNone);
}

TEST_F(LifeAndDeathPid, the_new_process_of_the_pid_has_a_life_of_its_own) {
  Client service({broker_.segment(), "service"});
  OwnedPid stranger(::fork());
  if (stranger.get() == 0) {
    for (;;) ::pause();
  }
  const pid_t pid = stranger.get();
  Slot first = service.try_claim("plain");
  first.bind(pid);
  let_a_tick_pass();
  broker_.kill_now();
  stranger.die();
  OwnedPid again(start_sleeper_with_pid(pid));
  ASSERT_EQ(again.get(), pid);
  Slot second = service.try_claim("plain");
  second.bind(pid);
  EXPECT_NE(probe_.word(first.index()).owner(), probe_.word(second.index()).owner());
  EXPECT_EQ(service.reap(), 1U) << "the first one's";
  EXPECT_TRUE(probe_.word(second.index()).is_held());
  broker_.start();
  let_the_broker_look();
  EXPECT_TRUE(probe_.word(second.index()).is_held());
  again.die();
  EXPECT_TRUE(probe_.wait_all_free());
}

// ---- Namespaces

TEST_F(LifeAndDeath, another_time_namespace_makes_nobody_dead_or_old) {
  const std::vector<std::string> away = {"unshare",     "--time", "--boottime", "7000",
                                         "--monotonic", "7000",   "--fork",     "--kill-child"};
  if (!can_unshare("--time --boottime 7000 --monotonic 7000 --fork"))
    GTEST_SKIP() << "making time namespaces is not permitted here";
  WorkerProcess owner(broker_.segment(), away);
  Client other({broker_.segment(), "other"});
  ASSERT_TRUE(owner.ask("claim single").is_claimed());
  const int pid = std::stoi(owner.ask("pid").words.at(1));
  ASSERT_TRUE(probe_.wait_watched(pid));
  let_the_broker_look();
  EXPECT_EQ(claim_single(other), Reason::kTypeLimit) << "its start time is another clock's";
  EXPECT_EQ(other.reap(), 0U);
  const Snapshot snapshot = probe_.snapshot();
  ASSERT_EQ(snapshot.slots.size(), 1U);
  EXPECT_GE(snapshot.slots[0].age_s, 0.0);
  EXPECT_LT(snapshot.slots[0].age_s, 600.0) << "its times are the host's";
  broker_.kill_now();
  EXPECT_EQ(other.reap(), 0U);
  broker_.start();
  EXPECT_EQ(claim_single(other), Reason::kTypeLimit);
  // The other way round: whoever looks from there does not take the host's processes for dead.
  WorkerProcess here(broker_.segment());
  ASSERT_TRUE(here.ask("claim plain").is_claimed());
  EXPECT_EQ(owner.ask("reap").text, "reaped 0");
  here.kill_now();
  owner.kill_now();
  EXPECT_TRUE(probe_.wait_all_free());
}

/// Two containers with a pid 1 each, and a broker that can see neither: only the kernel's marks
/// tell it.
TEST_F(LifeAndDeath, equal_pids_in_namespaces_that_the_broker_cannot_see) {
  if (!can_unshare("--pid --fork --mount-proc"))
    GTEST_SKIP() << "making PID namespaces is not permitted here";
  const std::vector<std::string> container = {"unshare", "--pid", "--fork", "--kill-child",
                                              "--mount-proc"};
  broker_.kill_now();
  const HiddenBroker hidden(broker_);
  WorkerProcess a(broker_.segment(), container);
  WorkerProcess b(broker_.segment(), container);
  WorkerProcess host(broker_.segment());
  ASSERT_EQ(a.ask("pid").text, "pid 1");
  ASSERT_EQ(b.ask("pid").text, "pid 1");
  ASSERT_TRUE(a.ask("claim single").is_claimed());
  ASSERT_TRUE(a.ask("claim plain memory=1000").is_claimed());
  const Reply of_b = b.ask("claim plain");
  const Reply of_host = host.ask("claim plain");
  let_the_broker_look();
  EXPECT_EQ(probe_.held(), 4U) << "whom it cannot see is alive";
  for (const ProcessSnapshot& process : probe_.snapshot().processes) {
    if (process.name != "slotd") {
      EXPECT_FALSE(process.watched) << process.name;
    }
  }
  a.kill_now();
  EXPECT_TRUE(wait_until([&] { return probe_.held() == 2U; })) << "without a claim";
  let_the_broker_look();
  EXPECT_EQ(probe_.held(), 2U);
  EXPECT_TRUE(b.ask("release " + of_b.handle()).is_ok());
  EXPECT_TRUE(host.ask("release " + of_host.handle()).is_ok());
}

}  // namespace
}  // namespace slotd::testing
