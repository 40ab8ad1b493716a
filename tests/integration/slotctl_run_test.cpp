// `run`: the command's own process owns the slot, its status and its signals pass through slotctl,
// and kills on either side.
#include <gtest/gtest.h>

#include <filesystem>
#include <memory>

#include "tests/support/segment_probe.hpp"
#include "tests/support/slotctl.hpp"

namespace slotd::testing {
namespace {

constexpr char kConfig[] =
    "cpu: { capacity: 12, max_utilization: 0.8 }\n"
    "types:\n"
    "  track: { max: 1, cpu: 0.5, aliases: [sound] }\n"
    "  participant: { cpu: 2.0 }\n";

class SlotctlRun : public ::testing::Test {
 protected:
  Words run_words(const Words& command, const Words& options = {}) const {
    Words words{"run", "-t", "track"};
    words.insert(words.end(), options.begin(), options.end());
    words.emplace_back("--");
    words.insert(words.end(), command.begin(), command.end());
    return words;
  }
  Ran run(const Words& command, const Words& options = {}) const {
    return slotctl_(run_words(command, options));
  }
  /// A run that goes on until the test ends it; the command has started when this returns.
  std::unique_ptr<Program> start(const std::string& script) const {
    auto child = std::make_unique<Program>(
        "slotctl", slotctl_.words(run_words({"sh", "-c", "echo $$; " + script})),
        slotctl_.environment());
    EXPECT_TRUE(wait_until([&] { return child->out().find('\n') != std::string::npos; }))
        << child->err();
    return child;
  }
  static int command_pid(const Program& child) { return std::stoi(child.out()); }
  AnyJson slots() const { return slotctl_({"slots", "-J"}).json()["slots"]; }

  BrokerProcess broker_{kConfig};
  SegmentProbe probe_{broker_.segment()};
  Slotctl slotctl_{broker_.segment()};
};

TEST_F(SlotctlRun, PassesTheExitStatusOn) {
  EXPECT_EQ(run({"true"}).status, 0);
  EXPECT_EQ(run({"false"}).status, 1);
  EXPECT_EQ(run({"sh", "-c", "exit 75"}).status, 75);
  EXPECT_EQ(run({"sh", "-c", "exit 255"}).status, 255);
  EXPECT_EQ(run({"sh", "-c", "kill -9 $$"}).status, 137);
  EXPECT_EQ(run({"sh", "-c", "kill -TERM $$"}).status, 143);
  EXPECT_EQ(probe_.taken(), 0U);
  const AnyJson counters = slotctl_({"status", "-J"}).json()["counters"];
  EXPECT_EQ(counters["claims"], 6);
  EXPECT_EQ(counters["stale_releases"], 0);
}

TEST_F(SlotctlRun, TheCommandOwnsTheSlotFromItsFirstInstruction) {
  Program child(
      "slotctl",
      slotctl_.words(run_words({"sh", "-c", "echo $$; $SLOTCTL slots -J"}, {"--key", "EG_1"})),
      slotctl_.environment());
  ASSERT_EQ(child.wait_end(), 0) << child.err();
  const std::string out = child.out();
  const AnyJson slot = AnyJson::parse(out.substr(out.find('\n')))["slots"][0];
  EXPECT_EQ(slot["owner"]["pid"], std::stoi(out));
  EXPECT_EQ(slot["state"], "active");
  EXPECT_EQ(slot["type"], "track");
  EXPECT_EQ(slot["key"], "EG_1");
}

TEST_F(SlotctlRun, TokenAndTypeAreInTheEnvironment) {
  Program child("slotctl",
                slotctl_.words({"run", "-t", "sound", "--", "sh", "-c",
                                "echo $SLOTD_TYPE; $SLOTCTL end $SLOTD_TOKEN -J"}),
                slotctl_.environment());
  ASSERT_EQ(child.wait_end(), 0) << child.err();
  EXPECT_EQ(child.out(), "track\n{\"schema\":1,\"slot\":0,\"state\":\"ending\"}\n");
}

TEST_F(SlotctlRun, TheCommandsWordsAreItsOwn) {
  const Ran ran = run({"printf", "%s,", "-J", "--", "--help", "", "a b"});
  EXPECT_EQ(ran.status, 0) << ran.err;
  EXPECT_EQ(ran.out, "-J,--,--help,,a b,");
}

TEST_F(SlotctlRun, WithoutADoubleDash) {
  EXPECT_EQ(slotctl_({"run", "-t", "track", "echo", "hello"}).out, "hello\n");
}

TEST_F(SlotctlRun, CommandsThatCannotBeExecuted) {
  const Ran none = run({"no-such-command-anywhere"});
  EXPECT_EQ(none.status, 127);
  EXPECT_NE(none.err.find("no-such-command-anywhere"), std::string::npos);
  EXPECT_EQ(run({"/nonexistent/command"}).status, 127);
  EXPECT_EQ(run({""}).status, 127);
  EXPECT_EQ(run({broker_.config_path()}).status, 126) << "not executable";
  EXPECT_EQ(run({"/"}).status, 126) << "a folder";
  EXPECT_EQ(probe_.taken(), 0U);
}

TEST_F(SlotctlRun, RefusedCommandsDoNotStart) {
  ASSERT_EQ(slotctl_({"claim", "-t", "track"}).status, 0);
  const TestFolder folder;
  const Ran ran = run({"touch", folder.file("started")});
  EXPECT_EQ(ran.status, 75);
  EXPECT_EQ(ran.err, "slotctl: track refused: type_limit: 1 of 1 in use\n");
  const Ran json = run({"touch", folder.file("started")}, {"-J"});
  EXPECT_EQ(json.status, 75);
  EXPECT_EQ(json.out, R"({"schema":1,"refusal":"type_limit","type":"track","limit":1,"in_use":1})"
                      "\n");
  EXPECT_FALSE(std::filesystem::exists(folder.file("started")));
}

TEST_F(SlotctlRun, NoSegment) {
  EXPECT_EQ(Slotctl("/nonexistent/segment")(run_words({"true"})).status, 69);
}

TEST_F(SlotctlRun, ExitCodeOfRefusalsIsTheOneAskedFor) {
  const std::string token = slotctl_({"claim", "-t", "track"}).line();
  EXPECT_EQ(run({"true"}, {"-E", "0"}).status, 0);
  EXPECT_EQ(run({"true"}, {"--exit-code", "255"}).status, 255);
  EXPECT_EQ(run({"true"}, {"-E", "7", "-w", "0.01"}).status, 7) << "timed out";
  EXPECT_EQ(run({"true"}, {"-E", "7"}).err, "slotctl: track refused: type_limit: 1 of 1 in use\n");
  EXPECT_EQ(Slotctl("/nonexistent/segment")(run_words({"true"}, {"-E", "7"})).status, 69)
      << "no refusal";
  ASSERT_EQ(slotctl_({"release", token}).status, 0);
  EXPECT_EQ(run({"sh", "-c", "exit 75"}, {"-E", "7"}).status, 75) << "the command's own";
}

TEST_F(SlotctlRun, WithoutASegmentNothingRunsUnlessAskedFor) {
  const Slotctl nowhere("/nonexistent/segment");
  const Words report{"sh", "-c", "echo ${SLOTD_TOKEN-none} $SLOTD_TYPE; exit 7"};
  for (const Words& options : {Words{}, Words{"--no-broker", "fail"}, Words{"-q"}}) {
    const Ran ran = nowhere(run_words(report, options));
    EXPECT_EQ(ran.status, 69);
    EXPECT_EQ(ran.out, "");
    EXPECT_NE(ran.err.find("/nonexistent/segment"), std::string::npos) << "loud with -q too";
  }
  for (const Words& options : {Words{"--no-broker", "ok"}, Words{"--no-broker", "ok", "-q"}}) {
    // Around it is a `run` that has a slot: that one is not the command's.
    Program child("slotctl", nowhere.words(run_words(report, options)), {"SLOTD_TOKEN=another's"});
    EXPECT_EQ(child.wait_end(), 7);
    EXPECT_EQ(child.out(), "none track\n");
    EXPECT_NE(child.err().find("WITHOUT A SLOT"), std::string::npos) << child.err();
    EXPECT_NE(child.err().find("/nonexistent/segment"), std::string::npos) << child.err();
  }
  EXPECT_EQ(nowhere(run_words({"/nonexistent/command"}, {"--no-broker", "ok"})).status, 127);
}

TEST_F(SlotctlRun, WithoutASegmentSignalsReachTheCommandToo) {
  Program child("slotctl",
                Slotctl("/nonexistent/segment")
                    .words(run_words({"sh", "-c",
                                      "trap 'exit 42' TERM; echo ready; while :; do sleep "
                                      "0.02; done"},
                                     {"--no-broker", "ok"})));
  ASSERT_TRUE(wait_until([&] { return child.out() == "ready\n"; })) << child.err();
  child.signal(SIGTERM);
  EXPECT_EQ(child.wait_end(), 42);
}

TEST_F(SlotctlRun, BrokerThatIsDownIsNoReasonToRunWithoutASlot) {
  broker_.kill_now();
  for (const std::string choice : {"ok", "fail"}) {
    const Ran ran = run({"sh", "-c", "echo ${SLOTD_TOKEN:+slot}"}, {"--no-broker", choice});
    EXPECT_EQ(ran.status, 0) << ran.err;
    EXPECT_EQ(ran.out, "slot\n");
    EXPECT_EQ(ran.err, "");
  }
  ASSERT_EQ(slotctl_({"claim", "-t", "track"}).status, 0);
  EXPECT_EQ(run({"true"}, {"--no-broker", "ok"}).status, 75) << "limits hold";
}

TEST_F(SlotctlRun, SegmentThatIsCorruptIsNoReasonEither) {
  broker_.kill_now();
  std::filesystem::resize_file(broker_.segment(), 4096);
  EXPECT_EQ(run({"true"}, {"--no-broker", "ok"}).status, 125);
}

TEST_F(SlotctlRun, WaitsForRoom) {
  const std::string token = slotctl_({"claim", "-t", "track"}).line();
  Program waiter("slotctl", slotctl_.words(run_words({"echo", "ran"}, {"-w", "60"})));
  ASSERT_TRUE(wait_until([&] { return probe_.counters().refused() >= 2; }));
  EXPECT_EQ(waiter.out(), "");
  ASSERT_EQ(slotctl_({"release", token}).status, 0);
  EXPECT_EQ(waiter.wait_end(), 0) << waiter.err();
  EXPECT_EQ(waiter.out(), "ran\n");
}

TEST_F(SlotctlRun, SignalsReachTheCommand) {
  const std::vector<std::pair<int, std::string>> signals{{SIGTERM, "TERM"}, {SIGINT, "INT"},
                                                         {SIGHUP, "HUP"},   {SIGQUIT, "QUIT"},
                                                         {SIGUSR1, "USR1"}, {SIGUSR2, "USR2"}};
  for (const auto& [number, name] : signals) {
    const auto child =
        start("trap 'exit 42' " + name + "; echo ready; while :; do sleep 0.02; done");
    ASSERT_TRUE(wait_until([&] { return child->out().find("ready") != std::string::npos; }));
    child->signal(number);
    EXPECT_EQ(child->wait_end(), 42) << name;
  }
  EXPECT_EQ(probe_.taken(), 0U);
}

TEST_F(SlotctlRun, SignalThatTheCommandDiesOf) {
  const auto child = start("exec sleep 1000");
  child->signal(SIGTERM);
  EXPECT_EQ(child->wait_end(), 143);
  EXPECT_EQ(probe_.taken(), 0U);
}

TEST_F(SlotctlRun, KeyboardInterruptIsDeliveredOnce) {
  Terminal terminal(bin_dir() + "/slotctl",
                    slotctl_.words(run_words({bin_dir() + "/slotd_test_interrupts"})), 80);
  ASSERT_TRUE(terminal.read_until("ready"));
  terminal.type("\x03");
  terminal.read_to_end();
  EXPECT_EQ(terminal.status(), 1);
}

TEST_F(SlotctlRun, SlotctlKilledDoesNotFreeTheSlot) {
  const auto child = start("exec sleep 1000");
  const int command = command_pid(*child);
  child->signal(SIGKILL);
  EXPECT_EQ(child->wait_end(), 137);
  EXPECT_EQ(run({"true"}).status, 75) << "still taken";
  ASSERT_EQ(slots().size(), 1U);
  EXPECT_EQ(slots()[0]["owner"]["pid"], command);
  ASSERT_EQ(::kill(command, SIGKILL), 0);
  EXPECT_EQ(run({"true"}, {"-w", "20"}).status, 0) << "the command's death frees it";
}

TEST_F(SlotctlRun, CommandKilledFreesTheSlot) {
  const auto child = start("exec sleep 1000");
  ASSERT_EQ(::kill(command_pid(*child), SIGKILL), 0);
  EXPECT_EQ(child->wait_end(), 137);
  EXPECT_EQ(run({"true"}).status, 0);
}

TEST_F(SlotctlRun, CommandKilledFreesTheSlotWithoutTheBroker) {
  broker_.kill_now();
  const auto child = start("exec sleep 1000");
  ASSERT_EQ(::kill(command_pid(*child), SIGKILL), 0);
  EXPECT_EQ(child->wait_end(), 137);
  EXPECT_EQ(run({"true"}).status, 0);
}

TEST_F(SlotctlRun, SlotctlKilledWhileItWaitsStartsNothing) {
  ASSERT_EQ(slotctl_({"claim", "-t", "track"}).status, 0);
  const TestFolder folder;
  Program waiter("slotctl",
                 slotctl_.words(run_words({"touch", folder.file("started")}, {"-w", "600"})));
  ASSERT_TRUE(wait_until([&] { return probe_.counters().refused() >= 2; }));
  const std::string pid = std::to_string(waiter.pid());
  const int gated = std::stoi(read_text("/proc/" + pid + "/task/" + pid + "/children"));
  waiter.signal(SIGKILL);
  waiter.wait_end();
  EXPECT_TRUE(wait_until([&] {
    const std::string stat = read_text("/proc/" + std::to_string(gated) + "/stat");
    return stat.empty() || stat.find(") Z ") != std::string::npos;
  })) << "the child behind the gate ends";
  EXPECT_FALSE(std::filesystem::exists(folder.file("started")));
}

TEST_F(SlotctlRun, StatusIsPassedOnWhereChildrenAreIgnored) {
  // Not by a shell's trap: shells need their own children, and undo it.
  const std::string run = "exec env --ignore-signal=CHLD $SLOTCTL run -t track -- ";
  EXPECT_EQ(slotctl_.shell(run + "sh -c 'exit 7'").status, 7);
  const Ran ran = slotctl_.shell(run + "grep SigIgn /proc/self/status");
  ASSERT_EQ(ran.status, 0) << ran.err;
  const unsigned long ignored = std::stoul(ran.out.substr(ran.out.find('\t') + 1), nullptr, 16);
  EXPECT_NE(ignored & (1UL << (SIGCHLD - 1)), 0U) << "the command gets what was inherited";
}

TEST_F(SlotctlRun, StatusIsPassedOnWhenTheSegmentIsTruncatedMeanwhile) {
  const TestFolder folder;
  const auto child = start("while [ ! -e " + folder.file("go") + " ]; do sleep 0.02; done; exit 7");
  broker_.kill_now();
  std::filesystem::resize_file(broker_.segment(), 0);
  write_text(folder.file("go"), "");
  EXPECT_EQ(child->wait_end(), 7);
}

}  // namespace
}  // namespace slotd::testing
