// Evidence about processes: parsers on text, judgements on plain evidence, probes on real
// processes.
#include "slotd/process_probe.hpp"

#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>

#include "slotd/attachment.hpp"
#include "slotd/presence.hpp"

namespace slotd {
namespace {

TEST(ParseStartTicks, CountsFieldsAfterTheLastParenthesis) {
  const char* tail = " S 1 1 1 0 -1 4194560 100 0 0 0 1 2 0 0 20 0 1 0 133681 2281472 100";
  EXPECT_EQ(parse_start_ticks((std::string("17 (sleep)") + tail).c_str()), 133681U);
  EXPECT_EQ(parse_start_ticks((std::string("17 () R 1 1 1 (x)") + tail).c_str()), 133681U);
  EXPECT_EQ(parse_start_ticks((std::string("17 (a b\nc)") + tail).c_str()), 133681U);
}

TEST(ParseStartTicks, ZeroForAnythingElse) {
  for (const char* text : {"", "17", "17 (x", "17 (x)", "17 (x) S 1 2 3"})
    EXPECT_EQ(parse_start_ticks(text), 0U) << text;
}

TEST(ParseTimeNamespaceOffset, ReadsTheMonotonicLine) {
  EXPECT_EQ(parse_time_namespace_offset_ns(
                "monotonic           7000          5\nboottime      9000         0\n"),
            7'000'000'000'005);
  EXPECT_EQ(parse_time_namespace_offset_ns("monotonic   -3   0\n"), -3'000'000'000);
  EXPECT_EQ(parse_time_namespace_offset_ns(""), 0);
  EXPECT_EQ(parse_time_namespace_offset_ns("monotonic -186400000000 5\n"), 0) << "no overflow";
  EXPECT_EQ(parse_time_namespace_offset_ns("monotonic 1 1000000000\n"), 0);
}

TEST(JudgeProcess, OnlyPositiveEvidenceIsDeath) {
  const auto judge = [](bool opened, bool no_such, bool exited, std::uint64_t start,
                        std::uint64_t expected) {
    return judge_process({opened, no_such, exited, start}, expected);
  };
  EXPECT_EQ(judge(false, true, false, 0, 5), Life::kDead);  // ESRCH
  EXPECT_EQ(judge(true, false, true, 0, 5), Life::kDead);   // readable: exited or zombie
  EXPECT_EQ(judge(true, false, false, 6, 5), Life::kDead);  // another process has the pid
  EXPECT_EQ(judge(true, false, false, 5, 5), Life::kAlive);
  EXPECT_EQ(judge(false, false, false, 0, 5), Life::kAlive);  // EPERM
  EXPECT_EQ(judge(true, false, false, 0, 5), Life::kAlive);   // start time hidden
  EXPECT_EQ(judge(true, false, false, 6, 0), Life::kAlive);   // nothing to compare with
}

TEST(ProbePid, SeesTheLivingTheZombieAndTheGone) {
  EXPECT_EQ(judge_process(probe_pid(::getpid(), true), read_start_ticks(::getpid())), Life::kAlive);
  const pid_t child = ::fork();
  if (child == 0) ::pause();
  ASSERT_GT(child, 0);
  EXPECT_EQ(judge_process(probe_pid(child, true), 0), Life::kAlive);
  ::kill(child, SIGKILL);
  siginfo_t info{};
  ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
  EXPECT_EQ(judge_process(probe_pid(child, true), 0), Life::kDead) << "a zombie is dead";
  ::waitpid(child, nullptr, 0);
  EXPECT_EQ(judge_process(probe_pid(child, true), 0), Life::kDead);
}

/// A number that came back as the id of a thread: the process that had it is gone.
TEST(ProbePid, NumberOfAThreadIsNoProcess) {
  std::atomic<pid_t> id{0};
  std::atomic<bool> over{false};
  std::thread thread([&] {
    id = static_cast<pid_t>(::syscall(SYS_gettid));
    while (!over) std::this_thread::yield();
  });
  while (id == 0) std::this_thread::yield();
  EXPECT_EQ(judge_process(probe_pid(id, true), 0), Life::kDead);
  over = true;
  thread.join();
  EXPECT_EQ(judge_process(probe_pid(0, true), 0), Life::kAlive) << "no number says nothing";
  EXPECT_EQ(judge_process(probe_pid(-1, true), 0), Life::kAlive);
}

TEST(JudgeOpenFailure, OnlyAMissingProcessIsCalledMissing) {
  EXPECT_EQ(judge_open_failure(ESRCH), Errc::kNoSuchProcess);
  EXPECT_EQ(judge_open_failure(EINVAL), Errc::kNoSuchProcess);
  EXPECT_EQ(judge_open_failure(EPERM), Errc::kPresenceUnavailable);
  for (const int error : {EMFILE, ENFILE, ENOMEM})
    EXPECT_EQ(judge_open_failure(error), Errc::kSystem);
}

TEST(Presence, ValueOfAnotherTagIsUnarmed) {
  EXPECT_EQ(read_presence_value(make_presence(3, 77), 3), PresenceState::kAlive);
  EXPECT_EQ(read_presence_value(make_presence(3, 77), 5), PresenceState::kUnarmed);
  EXPECT_EQ(read_presence_value(make_presence(3, 77 | kFutexOwnerDied), 3), PresenceState::kMarked);
  EXPECT_EQ(read_presence_value(make_presence(3, kFutexWaiters), 3), PresenceState::kUnarmed);
  EXPECT_EQ(read_presence_value(0, 1), PresenceState::kUnarmed);
}

TEST(Keeper, HoldsPresenceAndMarksAtStop) {
  ProcessEntry entry{};
  entry.attach.store(1);
  Keeper keeper;
  ASSERT_EQ(keeper.start(entry, 1), Errc::kOk);
  EXPECT_EQ(read_presence_value(entry.presence.load(), 1), PresenceState::kAlive);
  keeper.stop();
  EXPECT_EQ(read_presence_value(entry.presence.load(), 1), PresenceState::kMarked);
}

}  // namespace
}  // namespace slotd
