// Lines of real processes: killed and stopped at random moments, many of them, small ones against a
// large one. Long runs by hand: SLOTD_STRESS_LONG=1.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/team.hpp"

namespace slotd::testing {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kPatience{30};  // catches a hang
constexpr const char* kTypes =
    "cpu: { capacity: 10, max_utilization: 1.0, idle_rule: false }\n"
    "types: { one: { max: 1, cpu: 0 }, small: { cpu: 1 }, large: { cpu: 8 } }\n";

bool is_long_run() { return std::getenv("SLOTD_STRESS_LONG") != nullptr; }

/// Nanoseconds that this thread was ready to run and did not.
std::uint64_t run_delay_ns() {
  unsigned long long ran = 0;
  unsigned long long delayed = 0;
  if (std::FILE* file = std::fopen("/proc/thread-self/schedstat", "r")) {
    if (std::fscanf(file, "%llu %llu", &ran, &delayed) != 2) delayed = 0;
    std::fclose(file);
  }
  return delayed;
}

class WaitingLines : public ::testing::TestWithParam<bool> {
 protected:
  void start(const std::string& more = "") {
    broker_ = std::make_unique<BrokerProcess>(kTypes + more);
    probe_ = std::make_unique<SegmentProbe>(broker_->segment());
    if (!GetParam()) broker_->kill_now();
  }
  std::size_t waiters() const { return probe_->snapshot().waiters.size(); }
  std::uint64_t tellings() const {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < kMaxWaiters; ++i)
      sum += WaiterTold{probe_->view().waiter(i).told.load()}.count();
    return sum;
  }

  std::unique_ptr<BrokerProcess> broker_;
  std::unique_ptr<SegmentProbe> probe_;
};
INSTANTIATE_TEST_SUITE_P(Broker, WaitingLines, ::testing::Bool(),
                         [](const auto& up) { return up.param ? "up" : "down"; });

// ---- One of four is killed ----------------------------------------------------------------------

constexpr std::uint32_t kLanes = 4;

/// What one waiter says about its part of a round.
struct Lane {
  std::atomic<std::uint64_t> admitted_ns;
  std::atomic<std::uint64_t> delayed_ns;  ///< that it was kept from running in the round
  std::atomic<std::uint64_t> releasing_ns;
  std::atomic<std::uint64_t> released_ns;
  std::atomic<std::uint32_t> done_round;
};
struct Rounds {
  std::atomic<std::uint32_t> round;
  Lane lanes[kLanes];
};

bool wait_in_rounds(const std::string& segment, Rounds& rounds, Lane& lane, std::uint32_t last) {
  Client client({segment, "lane"});
  for (std::uint32_t round = last + 1;; ++round) {
    // From here: without a processor it may also come to its claim only after the release.
    const std::uint64_t delayed = run_delay_ns();
    while (rounds.round.load() < round) {
      futex_wait(reinterpret_cast<const std::uint32_t*>(&rounds.round), round - 1, 100 * kNsPerMs,
                 FutexScope::kShared);
    }
    Slot slot = client.claim_for("one", kPatience);
    lane.admitted_ns = monotonic_ns();
    lane.delayed_ns = run_delay_ns() - delayed;
    if (!slot) return false;
    lane.releasing_ns = monotonic_ns();
    slot.release();
    lane.released_ns = monotonic_ns();
    lane.done_round = round;
  }
}

/// Waits longer than a recheck from the moment that there was room to the admission, time without
/// a processor taken off.
struct LostWakes {
  std::uint32_t unexplained = 0;
  std::uint32_t by_the_kill = 0;  ///< the killed one was freeing, telling, told or holding then

  void judge(const Rounds& rounds, std::uint32_t round, std::uint64_t releasing_ns,
             std::uint64_t released_ns, std::uint64_t killed_ns) {
    std::vector<const Lane*> done;
    for (const Lane& lane : rounds.lanes) {
      if (lane.done_round == round) done.push_back(&lane);
    }
    std::sort(done.begin(), done.end(),
              [](const Lane* a, const Lane* b) { return a->admitted_ns < b->admitted_ns; });
    for (const Lane* lane : done) {
      const std::uint64_t busy_ns = released_ns + lane->delayed_ns;
      const bool is_kill_between = killed_ns >= releasing_ns && killed_ns <= lane->admitted_ns;
      const bool is_late =
          lane->admitted_ns > busy_ns && lane->admitted_ns - busy_ns >= kRecheckNs * 9 / 10;
      if (is_late) ++(is_kill_between ? by_the_kill : unexplained);
      releasing_ns = lane->releasing_ns;
      released_ns = lane->released_ns;
    }
  }
};

TEST_P(WaitingLines, one_of_four_is_killed_and_nobody_hangs_or_oversleeps) {
  start("queue: { overtake_window: 60s }\n");
  Shared<Rounds> rounds;
  Team team;
  std::vector<pid_t> pids(kLanes);
  const auto add = [&](std::uint32_t lane, std::uint32_t last) {
    pids[lane] = team.add([&, lane, last] {
      return wait_in_rounds(broker_->segment(), *rounds, rounds->lanes[lane], last);
    });
  };
  for (std::uint32_t lane = 0; lane < kLanes; ++lane) add(lane, 0);
  Client client({broker_->segment(), "holder"});
  std::mt19937 random(7);
  LostWakes lost;
  constexpr std::uint32_t kCount = 1000;
  for (std::uint32_t round = 1; round <= kCount; ++round) {
    Slot slot = client.claim_for("one", kPatience);
    ASSERT_TRUE(slot) << "round " << round;
    rounds->round = round;
    futex_wake(reinterpret_cast<const std::uint32_t*>(&rounds->round), kLanes, FutexScope::kShared);
    const std::uint32_t victim = static_cast<std::uint32_t>(random()) % kLanes;
    // Most kills fall around the release; some come long before it.
    const bool is_before = random() % 3 == 0;
    std::this_thread::sleep_for(std::chrono::microseconds(random() % 1500));
    std::uint64_t killed_ns = monotonic_ns();
    if (is_before) team.kill_now(pids[victim]);
    const std::uint64_t releasing_ns = monotonic_ns();
    slot.release();
    const std::uint64_t released_ns = monotonic_ns();
    if (!is_before) {
      std::this_thread::sleep_for(std::chrono::microseconds(random() % 300));
      killed_ns = monotonic_ns();
      team.kill_now(pids[victim]);
    }
    const auto is_done = [&] {
      for (std::uint32_t lane = 0; lane < kLanes; ++lane) {
        if (lane != victim && rounds->lanes[lane].done_round != round) return false;
      }
      return true;
    };
    const auto give_up = std::chrono::steady_clock::now() + kPatience;
    while (!is_done() && std::chrono::steady_clock::now() < give_up)
      std::this_thread::sleep_for(std::chrono::microseconds(50));
    ASSERT_TRUE(is_done()) << "a waiter hangs, round " << round;
    lost.judge(*rounds, round, releasing_ns, released_ns, killed_ns);
    add(victim, round);
  }
  std::printf("%u rounds, %u lost wakes without a cause, %u by the kill\n", kCount,
              lost.unexplained, lost.by_the_kill);
  EXPECT_EQ(lost.unexplained, 0U);
}

// ---- Fairness, order, wakes ---------------------------------------------------------------------

struct Shares {
  std::atomic<std::uint32_t> attached;
  std::atomic<bool> stop;
  std::atomic<std::uint64_t> of[16];
};

TEST_P(WaitingLines, equal_waiters_get_equal_shares) {
  // No turn ends: whoever gets no processor in its turn is passed over, and that is no equal
  // waiter.
  start("queue: { overtake_window: 1h, turn: 1m }\n");
  Shared<Shares> shares;
  Team team;
  for (std::atomic<std::uint64_t>& share : shares->of) {
    team.add([&] {
      Client client({broker_->segment(), "equal"});
      for (++shares->attached; shares->attached < std::size(shares->of);)
        std::this_thread::sleep_for(milliseconds(1));
      while (!shares->stop) {
        const Slot slot = client.claim_for("one", kPatience);
        if (!slot) return false;
        ++share;
        std::this_thread::sleep_for(std::chrono::microseconds(100));
      }
      return true;
    });
  }
  std::this_thread::sleep_for(std::chrono::seconds(is_long_run() ? 60 : 5));
  shares->stop = true;
  const bool good = team.join();
  EXPECT_TRUE(good);
  const auto [least, most] =
      std::minmax_element(std::begin(shares->of), std::end(shares->of),
                          [](const auto& a, const auto& b) { return a.load() < b.load(); });
  std::printf("shares %llu to %llu, ratio %.3f\n", static_cast<unsigned long long>(*least),
              static_cast<unsigned long long>(*most),
              static_cast<double>(*least) / static_cast<double>(*most));
  EXPECT_GE(static_cast<double>(*least), 0.9 * static_cast<double>(*most));
}

struct Order {
  std::atomic<std::uint32_t> admitted;
  std::atomic<std::uint32_t> place[64];
  std::atomic<bool> go;
};

TEST_P(WaitingLines, one_release_wakes_one_of_sixty_four_and_the_order_is_kept) {
  // No turn ends and nobody gains priority while the test runs, however slow the machine is.
  start("queue: { overtake_window: 1h, turn: 1m }\n");
  Client client({broker_->segment(), "holder"});
  Slot slot = client.try_claim("one");
  ASSERT_TRUE(slot);
  Shared<Order> order;
  Team team;
  for (std::uint32_t i = 0; i < 64; ++i) {
    team.add([&, i] {
      Client mine({broker_->segment(), "in line"});
      const Slot got = mine.claim_for("one", kPatience);
      order->place[i] = ++order->admitted;
      while (!order->go) std::this_thread::sleep_for(milliseconds(1));
      return static_cast<bool>(got);
    });
    ASSERT_TRUE(wait_until([&] { return waiters() == i + 1; }));
  }
  const std::uint64_t before = tellings();
  slot.release();
  ASSERT_TRUE(wait_until([&] { return order->admitted == 1; }));
  // Two rechecks of everybody: nobody else is told.
  std::this_thread::sleep_for(milliseconds(250));
  EXPECT_EQ(tellings() - before, 1U);
  EXPECT_EQ(order->admitted, 1U);
  order->go = true;
  EXPECT_TRUE(team.join());
  for (std::uint32_t i = 0; i < 64; ++i) EXPECT_EQ(order->place[i], i + 1);
  EXPECT_EQ(tellings() - before, 64U);
}

TEST_P(WaitingLines, a_stopped_head_keeps_nobody_out) {
  start("queue: { overtake_window: 60s }\n");
  for (int round = 0; round < 10; ++round) {
    Client client({broker_->segment(), "holder"});
    Slot slot = client.claim_for("one", kPatience);
    ASSERT_TRUE(slot);
    Team team;
    const auto add = [&] {
      const std::size_t before = waiters();
      const pid_t pid = team.add([&] {
        Client mine({broker_->segment(), "in line"});
        return static_cast<bool>(mine.claim_for("one", kPatience));
      });
      EXPECT_TRUE(wait_until([&] { return waiters() == before + 1; }));
      return pid;
    };
    const pid_t head = add();
    for (int i = 0; i < 3; ++i) add();
    ::kill(head, SIGSTOP);
    ::waitpid(head, nullptr, WUNTRACED);
    slot.release();
    EXPECT_TRUE(wait_until([&] { return waiters() == 1; })) << "all but the head have been served";
    ::kill(head, SIGCONT);
    EXPECT_TRUE(team.join());
  }
}

// ---- A large one among small ones ---------------------------------------------------------------

constexpr milliseconds kWindow{300};
constexpr milliseconds kHold{20};
/// Window, recheck and longest hold; the rest is for machines that are busy with other things.
constexpr milliseconds kBound = kWindow + milliseconds(100) + kHold;
constexpr milliseconds kMargin{5000};

class LargeAmongSmall : public WaitingLines {
 protected:
  /// Times until a claim of 8 cores of 10 is admitted, while `loop` runs elsewhere.
  void measure(std::atomic<bool>& stop) {
    std::this_thread::sleep_for(milliseconds(200));
    Client client({broker_->segment(), "large"});
    std::vector<double> waits_ms;
    for (int run = 0; run < (is_long_run() ? 20 : 2); ++run) {
      const auto begin = std::chrono::steady_clock::now();
      Slot slot = client.claim_for("large", kPatience);
      const auto waited = std::chrono::steady_clock::now() - begin;
      EXPECT_TRUE(slot);
      EXPECT_LE(waited, kBound + kMargin) << "starved";
      waits_ms.push_back(std::chrono::duration<double, std::milli>(waited).count());
      slot.release();
      std::this_thread::sleep_for(milliseconds(50));
    }
    stop = true;
    std::sort(waits_ms.begin(), waits_ms.end());
    std::printf("admitted after %.0f ms (median), %.0f ms at most; bound %lld ms\n",
                waits_ms[waits_ms.size() / 2], waits_ms.back(),
                static_cast<long long>(kBound.count()));
  }
  bool loop(const std::atomic<bool>& stop) const {
    Client client({broker_->segment(), "small"});
    while (!stop) {
      const Slot slot = client.claim_for("small", kPatience);
      if (!slot) return false;
      std::this_thread::sleep_for(kHold);
    }
    return true;
  }
};
INSTANTIATE_TEST_SUITE_P(Broker, LargeAmongSmall, ::testing::Bool(),
                         [](const auto& up) { return up.param ? "up" : "down"; });

TEST_P(LargeAmongSmall, twelve_loops_do_not_starve_it) {
  start("queue: { overtake_window: 300ms }\n");
  std::atomic<bool> stop{false};
  std::vector<std::thread> loops;
  for (int i = 0; i < 12; ++i) loops.emplace_back([&] { EXPECT_TRUE(loop(stop)); });
  measure(stop);
  for (std::thread& thread : loops) thread.join();
}

TEST_P(LargeAmongSmall, thirty_two_processes_do_not_starve_it) {
  start("queue: { overtake_window: 300ms }\n");
  Shared<std::atomic<bool>> stop;
  Team team;
  for (int i = 0; i < 32; ++i) team.add([&] { return loop(*stop); });
  measure(*stop);
  EXPECT_TRUE(team.join());
}

}  // namespace
}  // namespace slotd::testing
