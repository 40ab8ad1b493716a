// Counts from files that others write, and files that are none; the thread that reads them.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <filesystem>
#include <limits>
#include <thread>

#include "broker/host/external_count.hpp"
#include "broker/host/side_thread.hpp"
#include "slotd/process_probe.hpp"
#include "tests/unit/host_support.hpp"

namespace slotd::broker {
namespace {

using testing::FakeHost;

TEST(ParseExternalCount, DigitsWithBlanksAround) {
  EXPECT_EQ(parse_external_count("56"), 56U);
  EXPECT_EQ(parse_external_count(" \t56 \r\n\n"), 56U);
  EXPECT_EQ(parse_external_count("0"), 0U);
  EXPECT_EQ(parse_external_count("99999999999999999999999999"),
            std::numeric_limits<std::uint64_t>::max());
  for (const char* bad : {"", " \n", "-1", "+1", "5 6", "5\n6", "0x5", "5.0", "five", "5%"})
    EXPECT_EQ(parse_external_count(bad), std::nullopt) << bad;
}

TEST(ReadExternalCount, RegularFilesOfAtMostFourKibibytes) {
  const FakeHost host;
  const std::string path = host.root() + "/count";
  EXPECT_EQ(read_external_count(path), std::nullopt);
  host.write("/count", "57\n");
  EXPECT_EQ(read_external_count(path), 57U);
  host.write("/count", std::string(4090, ' ') + "57\n");
  EXPECT_EQ(read_external_count(path), 57U);
  host.write("/count", std::string(4096, ' ') + "57\n");
  EXPECT_EQ(read_external_count(path), std::nullopt);
}

TEST(ReadExternalCount, OtherKindsAreNotRead) {
  const FakeHost host;
  EXPECT_EQ(read_external_count(host.root()), std::nullopt);
  EXPECT_EQ(read_external_count("/dev/zero"), std::nullopt);
  EXPECT_EQ(read_external_count("/dev/null"), std::nullopt);
  EXPECT_EQ(read_external_count(""), std::nullopt);
}

TEST(ReadExternalCount, AFifoDoesNotHangAndItsLastLineCounts) {
  const FakeHost host;
  const std::string path = host.root() + "/fifo";
  ASSERT_EQ(::mkfifo(path.c_str(), 0600), 0);
  EXPECT_EQ(read_external_count(path), std::nullopt);  // no writer
  const UniqueFd both(::open(path.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC));
  ASSERT_TRUE(both);
  EXPECT_EQ(read_external_count(path), std::nullopt);  // a writer that has nothing to say
  ASSERT_EQ(::write(both.get(), "12\n57\n", 6), 6);
  EXPECT_EQ(read_external_count(path), 57U);
}

/// Polls until the figure is there; it comes from another thread.
std::optional<std::uint64_t> poll_until(ExternalCounts& counts, const std::string& path,
                                        std::optional<std::uint64_t> expected) {
  std::optional<std::uint64_t> seen;
  for (int tries = 0; tries < 5000; ++tries) {
    counts.poll();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    seen = counts.latest(path, monotonic_ns());
    if (seen == expected) break;
  }
  return seen;
}

TEST(ExternalCounts, FiguresComeAndAgeOut) {
  const FakeHost host;
  const std::string path = host.root() + "/count";
  ExternalCounts counts;
  counts.follow({path});
  EXPECT_EQ(counts.latest(path, monotonic_ns()), std::nullopt);
  host.write("/count", "56\n");
  EXPECT_EQ(poll_until(counts, path, 56), 56U);
  host.write("/count", "57\n");
  EXPECT_EQ(poll_until(counts, path, 57), 57U);
  // Unreadable from now on: the last one for three seconds, then nothing.
  host.write("/count", "rubbish");
  counts.poll();
  const std::uint64_t now_ns = monotonic_ns();
  EXPECT_EQ(counts.latest(path, now_ns + 4 * kNsPerSecond), std::nullopt);
  EXPECT_EQ(counts.latest(path, 0), 57U);  // a clock that lags makes nothing old
  EXPECT_EQ(counts.latest("another", now_ns), std::nullopt);
}

TEST(ExternalCounts, TheAgeCountsByTheGivenClock) {
  const FakeHost host;
  host.write("/count", "5");
  const std::string path = host.root() + "/count";
  const auto clock = std::make_shared<std::atomic<std::uint64_t>>(100 * kNsPerSecond);
  ExternalCounts counts([clock] { return clock->load(); });
  counts.follow({path});
  for (int tries = 0; tries < 5000 && !counts.latest(path, 0); ++tries) {
    counts.poll();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  EXPECT_EQ(counts.latest(path, 103 * kNsPerSecond), 5U);
  EXPECT_EQ(counts.latest(path, 103 * kNsPerSecond + 1), std::nullopt);
}

TEST(ExternalCounts, FilesThatAreNotFollowedAnyMoreAreForgottenOthersKept) {
  const FakeHost host;
  host.write("/a", "1");
  host.write("/b", "2");
  const std::string a = host.root() + "/a";
  const std::string b = host.root() + "/b";
  ExternalCounts counts;
  counts.follow({a, b});
  EXPECT_EQ(poll_until(counts, a, 1), 1U);
  EXPECT_EQ(poll_until(counts, b, 2), 2U);
  counts.follow({b});
  EXPECT_EQ(counts.latest(a, monotonic_ns()), std::nullopt);
  EXPECT_EQ(counts.latest(b, monotonic_ns()), 2U);
  counts.follow({});
  EXPECT_EQ(counts.latest(b, monotonic_ns()), std::nullopt);
  counts.poll();
}

std::size_t count_threads() {
  std::size_t threads = 0;
  for ([[maybe_unused]] const auto& task : std::filesystem::directory_iterator("/proc/self/task"))
    ++threads;
  return threads;
}

TEST(ExternalCounts, WithoutFilesThereIsNoThread) {
  const std::size_t before = count_threads();
  ExternalCounts counts;
  counts.follow({});
  for (int i = 0; i < 10; ++i) counts.poll();
  EXPECT_LE(count_threads(), before);  // one of an earlier test may have ended meanwhile
}

TEST(SideThread, OneJobAtATimeAndNobodyWaitsForIt) {
  const auto gate = std::make_shared<std::atomic<bool>>(false);
  const auto done = std::make_shared<std::atomic<int>>(0);
  SideThread thread;
  ASSERT_TRUE(thread.try_run([gate, done] {
    while (!gate->load()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    done->fetch_add(1);
  }));
  EXPECT_FALSE(thread.try_run([done] { done->fetch_add(100); }));
  EXPECT_EQ(done->load(), 0);
  gate->store(true);
  while (!thread.try_run([done] { done->fetch_add(10); })) std::this_thread::yield();
  while (done->load() != 11) std::this_thread::yield();
}

TEST(SideThread, AJobThatHangsDoesNotKeepTheDestructor) {
  const auto started = std::make_shared<std::atomic<bool>>(false);
  const auto gate = std::make_shared<std::atomic<bool>>(false);
  const auto done = std::make_shared<std::atomic<bool>>(false);
  {
    SideThread thread;
    ASSERT_TRUE(thread.try_run([started, gate, done] {
      started->store(true);
      while (!gate->load()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
      done->store(true);
    }));
    while (!started->load()) std::this_thread::yield();
  }
  EXPECT_FALSE(done->load());  // left behind in the middle of its job
  gate->store(true);
  while (!done->load()) std::this_thread::yield();
}

TEST(SideThread, AfterAStopTheNextJobHasAThreadOfItsOwn) {
  const auto started = std::make_shared<std::atomic<bool>>(false);
  const auto gate = std::make_shared<std::atomic<bool>>(false);
  const auto done = std::make_shared<std::atomic<int>>(0);
  SideThread thread;
  thread.stop();
  ASSERT_TRUE(thread.try_run([started, gate, done] {
    started->store(true);
    while (!gate->load()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
    done->fetch_add(1);
  }));
  while (!started->load()) std::this_thread::yield();
  thread.stop();
  EXPECT_EQ(done->load(), 0);  // it is not waited for
  ASSERT_TRUE(thread.try_run([done] { done->fetch_add(10); }));
  while (done->load() != 10) std::this_thread::yield();
  gate->store(true);
  while (done->load() != 11) std::this_thread::yield();
}

TEST(SideThread, SignalsAreBlockedInIt) {
  const auto blocked = std::make_shared<std::atomic<int>>(-1);
  SideThread thread;
  ASSERT_TRUE(thread.try_run([blocked] {
    sigset_t mask;
    ::pthread_sigmask(SIG_BLOCK, nullptr, &mask);
    blocked->store(::sigismember(&mask, SIGTERM) + ::sigismember(&mask, SIGCHLD));
  }));
  while (blocked->load() < 0) std::this_thread::yield();
  EXPECT_EQ(blocked->load(), 2);
  sigset_t mine;
  ::pthread_sigmask(SIG_BLOCK, nullptr, &mine);
  EXPECT_EQ(::sigismember(&mine, SIGTERM), 0);
}

}  // namespace
}  // namespace slotd::broker
