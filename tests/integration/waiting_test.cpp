// Claims that wait: real processes in line, with the broker up and down.
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/slotctl.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

constexpr const char* kPatience = " 20000";  // milliseconds; catches a hang

std::string make_config(const std::string& types, const std::string& more = "") {
  return "cpu: { capacity: 10, max_utilization: 1.0, idle_rule: false }\ntypes: " + types + "\n" +
         more;
}

/// One job at a time; large ones need the whole node.
constexpr const char* kTypes = "{ one: { max: 1, cpu: 0 }, small: { cpu: 1 }, large: { cpu: 8 } }";

class Waiting : public ::testing::Test {
 protected:
  void start(const std::string& config) {
    broker_ = std::make_unique<BrokerProcess>(config);
    probe_ = std::make_unique<SegmentProbe>(broker_->segment());
  }
  std::unique_ptr<WorkerProcess> make_worker() const {
    return std::make_unique<WorkerProcess>(broker_->segment());
  }
  /// A worker that waits from now on, seen in the line.
  std::unique_ptr<WorkerProcess> make_waiter(const std::string& type,
                                             const std::string& priority = "") {
    auto worker = make_worker();
    const std::size_t before = probe_->snapshot().waiters.size();
    worker->send("wait " + type + kPatience + priority);
    EXPECT_TRUE(wait_until([&] { return probe_->snapshot().waiters.size() == before + 1; }));
    return worker;
  }
  std::size_t waiters() const { return probe_->snapshot().waiters.size(); }

  std::unique_ptr<BrokerProcess> broker_;
  std::unique_ptr<SegmentProbe> probe_;
};

class WaitingBroker : public Waiting, public ::testing::WithParamInterface<bool> {
 protected:
  void start_as_asked(const std::string& config) {
    start(config);
    if (!GetParam()) broker_->kill_now();
  }
};
INSTANTIATE_TEST_SUITE_P(Broker, WaitingBroker, ::testing::Bool(),
                         [](const auto& up) { return up.param ? "up" : "down"; });

TEST_P(WaitingBroker, a_released_slot_goes_to_who_waits) {
  start_as_asked(make_config(kTypes));
  auto holder = make_worker();
  const Reply held = holder->ask("claim one");
  ASSERT_TRUE(held.is_claimed());
  auto waiter = make_waiter("one");
  EXPECT_EQ(probe_->type("one").waiting, 1U);
  ASSERT_TRUE(holder->ask("release " + held.handle()).is_ok());
  EXPECT_TRUE(waiter->receive().is_claimed());
  EXPECT_EQ(waiters(), 0U);
  EXPECT_EQ(probe_->view().header().waiting.load(), 0U);
}

TEST_P(WaitingBroker, the_slot_of_a_killed_holder_goes_to_who_waits) {
  start_as_asked(make_config(kTypes));
  for (int round = 0; round < 5; ++round) {
    auto holder = make_worker();
    ASSERT_TRUE(holder->ask("claim one").is_claimed());
    auto waiter = make_waiter("one");
    holder->kill_now();
    const Reply reply = waiter->receive();
    ASSERT_TRUE(reply.is_claimed()) << reply.text;
    ASSERT_TRUE(waiter->ask("release " + reply.handle()).is_ok());
  }
}

TEST_P(WaitingBroker, many_wait_and_each_gets_it_in_the_order_of_arrival) {
  start_as_asked(make_config(kTypes));
  auto holder = make_worker();
  Reply held = holder->ask("claim one");
  std::vector<std::unique_ptr<WorkerProcess>> line;
  for (int i = 0; i < 8; ++i) line.push_back(make_waiter("one"));
  for (auto& next : line) {
    ASSERT_TRUE(holder->ask("release " + held.handle()).is_ok());
    held = next->receive();
    ASSERT_TRUE(held.is_claimed()) << held.text;
    holder = std::move(next);
  }
}

TEST_F(Waiting, a_higher_priority_goes_first) {
  start(make_config(kTypes, "queue: { overtake_window: 60s }"));
  auto holder = make_worker();
  const Reply held = holder->ask("claim one");
  auto early = make_waiter("one");
  auto urgent = make_waiter("one", " 5");
  ASSERT_TRUE(holder->ask("release " + held.handle()).is_ok());
  const Reply first = urgent->receive();
  ASSERT_TRUE(first.is_claimed());
  EXPECT_EQ(waiters(), 1U);
  ASSERT_TRUE(urgent->ask("release " + first.handle()).is_ok());
  EXPECT_TRUE(early->receive().is_claimed());
}

TEST_F(Waiting, whoever_waited_a_window_has_one_more) {
  start(make_config(kTypes, "queue: { overtake_window: 200ms }"));
  auto holder = make_worker();
  const Reply held = holder->ask("claim one");
  auto early = make_waiter("one");
  std::this_thread::sleep_for(std::chrono::milliseconds(600));  // two windows and more
  auto urgent = make_waiter("one", " 1");
  ASSERT_TRUE(holder->ask("release " + held.handle()).is_ok());
  EXPECT_TRUE(early->receive().is_claimed());
}

TEST_F(Waiting, the_deadline_says_what_was_in_the_way) {
  start(make_config(kTypes));
  auto holder = make_worker();
  ASSERT_TRUE(holder->ask("claim one").is_claimed());
  EXPECT_EQ(holder->ask("wait one 150").text, "refused type_limit");
  ASSERT_TRUE(holder->ask("claim large").is_claimed());
  EXPECT_EQ(holder->ask("wait large 150").text, "refused cpu");
  EXPECT_EQ(waiters(), 0U);
}

TEST_F(Waiting, what_can_never_be_admitted_is_refused_at_once) {
  start(make_config("{ one: { cpu: 1 }, huge: { cpu: 20 } }"));
  auto worker = make_worker();
  EXPECT_EQ(worker->ask(std::string("wait huge") + kPatience).text, "refused too_large");
  EXPECT_EQ(worker->ask(std::string("wait nothing") + kPatience).text, "refused unknown_type");
}

TEST_F(Waiting, a_newcomer_gives_way_to_a_told_waiter_for_its_turn_only) {
  start(make_config(kTypes, "queue: { turn: 2s }"));
  auto holder = make_worker();
  const Reply held = holder->ask("claim one");
  auto stopped = make_waiter("one");
  stopped->freeze();
  ASSERT_TRUE(holder->ask("release " + held.handle()).is_ok());
  auto newcomer = make_worker();
  EXPECT_EQ(newcomer->ask("claim one").text, "refused queued_ahead");
  EXPECT_EQ(newcomer->ask("can one").text, "no");
  EXPECT_TRUE(newcomer->ask("claim small").is_claimed()) << "of another type there is room";
  EXPECT_TRUE(wait_until([&] { return newcomer->ask("claim one").is_claimed(); }))
      << "a stopped head keeps nobody out for ever";
  stopped->signal(SIGCONT);
}

TEST_F(Waiting, a_large_claim_is_not_starved_by_small_ones) {
  start(make_config(kTypes, "queue: { overtake_window: 300ms }"));
  std::atomic<bool> stop{false};
  std::vector<std::thread> loops;
  for (int i = 0; i < 12; ++i) {
    loops.emplace_back([&] {
      Client client({broker_->segment(), "loop"});
      while (!stop) {
        std::error_code ec;
        Slot slot = client.claim_for("small", std::chrono::milliseconds(200), {}, ec);
        if (slot) std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    });
  }
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  auto worker = make_worker();
  for (int round = 0; round < 3; ++round) {
    const Reply large = worker->ask(std::string("wait large") + kPatience);
    EXPECT_TRUE(large.is_claimed()) << large.text;
    if (large.is_claimed()) worker->ask("release " + large.handle());
  }
  stop = true;
  for (std::thread& loop : loops) loop.join();
}

TEST_F(Waiting, one_release_wakes_one_of_many) {
  start(make_config(kTypes));
  auto holder = make_worker();
  const Reply held = holder->ask("claim one");
  std::vector<std::unique_ptr<WorkerProcess>> line;
  for (int i = 0; i < 16; ++i) line.push_back(make_waiter("one"));
  const auto tellings = [&] {
    std::uint64_t sum = 0;
    for (std::uint32_t i = 0; i < kMaxWaiters; ++i)
      sum += WaiterTold{probe_->view().waiter(i).told.load()}.count();
    return sum;
  };
  const std::uint64_t before = tellings();
  ASSERT_TRUE(holder->ask("release " + held.handle()).is_ok());
  ASSERT_TRUE(line.front()->receive().is_claimed());
  EXPECT_EQ(tellings() - before, 1U);
}

TEST_F(Waiting, a_killed_waiter_does_not_take_the_turn_along) {
  start(make_config(kTypes));
  for (int round = 0; round < 10; ++round) {
    auto holder = make_worker();
    const Reply held = holder->ask("claim one");
    auto first = make_waiter("one");
    auto second = make_waiter("one");
    first->freeze();
    ASSERT_TRUE(holder->ask("release " + held.handle()).is_ok());
    first->kill_now();
    const Reply reply = second->receive();
    ASSERT_TRUE(reply.is_claimed()) << reply.text;
    ASSERT_TRUE(second->ask("release " + reply.handle()).is_ok());
  }
}

TEST_P(WaitingBroker, a_killed_waiter_leaves_no_bit_that_slows_everybody_down) {
  start_as_asked(make_config(kTypes));
  auto holder = make_worker();
  ASSERT_TRUE(holder->ask("claim one").is_claimed());
  auto waiter = make_waiter("one");
  waiter->kill_now();
  ASSERT_TRUE(holder->ask("claim small").is_claimed());
  EXPECT_EQ(probe_->view().header().waiting.load(), 0U);
}

TEST_F(Waiting, raised_limits_undrain_and_reload_wake) {
  start(make_config(kTypes));
  auto holder = make_worker();
  ASSERT_TRUE(holder->ask("claim one").is_claimed());
  auto first = make_waiter("one");
  const auto slotctl = [&](std::vector<std::string> words) {
    words.insert(words.begin(), {"--segment", broker_->segment()});
    return run_to_end(bin_dir() + "/slotctl", words);
  };
  EXPECT_EQ(slotctl({"limits", "set", "one=2"}).status, 0);
  EXPECT_TRUE(first->receive().is_claimed());
  EXPECT_EQ(slotctl({"drain"}).status, 0);
  auto second = make_waiter("small");
  EXPECT_EQ(slotctl({"undrain"}).status, 0);
  EXPECT_TRUE(second->receive().is_claimed());
}

TEST_F(Waiting, a_wait_can_be_cancelled) {
  start(make_config(kTypes));
  auto holder = make_worker();
  ASSERT_TRUE(holder->ask("claim one").is_claimed());
  Client client({broker_->segment(), "cancel"});
  std::stop_source source;
  std::thread canceller([&] {
    wait_until([&] { return waiters() == 1; });
    source.request_stop();
  });
  const Slot slot = client.claim_for("one", std::chrono::hours(1), {}, source.get_token());
  canceller.join();
  EXPECT_FALSE(slot);
  EXPECT_EQ(slot.refusal().reason(), Reason::kTypeLimit);
  EXPECT_EQ(waiters(), 0U);
}

TEST_F(Waiting, a_wait_goes_on_in_the_segment_that_replaces_the_first) {
  start(make_config(kTypes));
  auto holder = make_worker();
  const Reply held = holder->ask("claim one");
  auto waiter = make_waiter("one");
  ASSERT_EQ(::unlink(broker_->segment().c_str()), 0);
  ASSERT_TRUE(broker_->wait_log("event=settled"));
  ASSERT_TRUE(
      wait_until([&] { return SegmentProbe(broker_->segment()).snapshot().waiters.size() == 1; }));
  ASSERT_TRUE(holder->ask("release " + held.handle()).is_ok());
  EXPECT_TRUE(waiter->receive().is_claimed());
}

}  // namespace
}  // namespace slotd::testing
