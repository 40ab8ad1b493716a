// P10: no system call and no allocation on a claim, release or dry-run check that meets no
// conflict.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <optional>
#include <sstream>
#include <string>
#include <vector>

#include "slotd/client.hpp"
#include "tests/support/allocation_count.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

constexpr const char* kConfig =
    "cpu: { capacity: 8 }\n"
    "memory: { max: 0 }\n"
    "types:\n"
    "  plain: { cpu: 0.5, groups: [some] }\n"
    "  none: { max: 0, cpu: 0.5 }\n"
    "  other: { cpu: 0 }\n"
    "groups: { some: { max: 100 } }\n";

/// What `operation` allocates in `count` runs, its first one left out.
template <typename Operation>
long count_allocations(int count, Operation operation) {
  operation();
  const long before = allocation_count();
  for (int i = 0; i < count; ++i) operation();
  return allocation_count() - before;
}

TEST(Quiet, the_counter_counts) {
  EXPECT_EQ(count_allocations(10, [] { ::operator delete(::operator new(1)); }), 10);
}

TEST(Quiet, claim_and_release_allocate_nothing) {
  BrokerProcess broker(kConfig);
  Client client({broker.segment(), "quiet"});
  const TypeId plain = client.type("plain");
  std::error_code ec;
  EXPECT_EQ(count_allocations(10'000,
                              [&] {
                                Slot slot = client.try_claim(plain, {}, ec);
                                ASSERT_TRUE(slot);
                                slot.release(ec);
                              }),
            0);
  // By name, with a key and a memory cost, through all states, given back by the destructor.
  EXPECT_EQ(
      count_allocations(10'000,
                        [&] {
                          Slot slot = client.try_claim(
                              "plain",
                              {.key = "EG_0123456789012345678901234567890", .memory_bytes = 5}, ec);
                          ASSERT_TRUE(slot);
                          slot.activate(ec);
                          slot.end(ec);
                        }),
      0);
}

TEST(Quiet, refused_claim_allocates_nothing) {
  BrokerProcess broker(kConfig);
  Client client({broker.segment(), "quiet"});
  WorkerProcess other(broker.segment());
  const TypeId plain = client.type("plain");
  const TypeId none = client.type("none");
  std::error_code ec;
  const Slot held = client.try_claim("other", {.key = "EG_1"}, ec);
  EXPECT_EQ(count_allocations(
                10'000,
                [&] {
                  ASSERT_EQ(client.try_claim(none, {}, ec).refusal().reason(), Reason::kTypeLimit);
                  ASSERT_EQ(client.try_claim(plain, {.key = "EG_1"}, ec).refusal().reason(),
                            Reason::kDuplicateKey);
                  ASSERT_EQ(client.try_claim(plain, {.cost_milli = 7000}, ec).refusal().reason(),
                            Reason::kCpu);
                  ASSERT_EQ(client.try_claim(TypeId{}, {}, ec).refusal().reason(),
                            Reason::kUnknownType);
                }),
            0);
}

TEST(Quiet, can_accept_allocates_nothing) {
  BrokerProcess broker(kConfig);
  Client client({broker.segment(), "quiet"});
  const TypeId plain = client.type("plain");
  const TypeId none = client.type("none");
  std::error_code ec;
  EXPECT_EQ(count_allocations(10'000,
                              [&] {
                                ASSERT_TRUE(client.can_accept(plain, {}, ec));
                                ASSERT_FALSE(client.can_accept(none, {}, ec));
                              }),
            0);
}

/// Runs a program under strace, all its threads traced into `trace`. Nothing where that is not
/// permitted here.
std::optional<int> run_traced(const std::string& trace, const std::vector<std::string>& program) {
  std::vector<std::string> words = {"strace", "-f", "-o", trace};
  words.insert(words.end(), program.begin(), program.end());
  std::vector<char*> arguments;
  for (std::string& word : words) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::execvp("strace", arguments.data());
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (code == 127 || read_text(trace).find("getppid") == std::string::npos) return std::nullopt;
  return code;
}

TEST(Quiet, a_million_pairs_make_no_system_call) {
  BrokerProcess broker(kConfig);
  const std::string trace = broker.folder() + "/trace";
  const auto code =
      run_traced(trace, {bin_dir() + "/slotd_test_pairs", broker.segment(), "1000000"});
  if (!code) GTEST_SKIP() << "strace is not installed or not permitted here";
  EXPECT_EQ(*code, 0);
  std::istringstream lines(read_text(trace));
  int marks = 0;
  std::string thread;  // that claims; the keeper, which sleeps for good, may do so after the first
                       // mark only
  std::vector<std::string> inside;
  for (std::string line; std::getline(lines, line);) {
    const std::string by = line.substr(0, line.find(' '));
    if (line.find("getppid") != std::string::npos) {
      marks += line.find("getppid(") != std::string::npos ? 1 : 0;  // or the rest of a split line
      thread = by;
    } else if (marks % 2 == 1 && by == thread) {
      inside.push_back(line);
    }
  }
  EXPECT_EQ(marks, 8) << "pairs, pairs with a key, refusals, checks";
  EXPECT_TRUE(inside.empty()) << inside.size() << " calls, the first: " << inside.front();
}

}  // namespace
}  // namespace slotd::testing
