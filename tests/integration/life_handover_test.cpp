// Life and death of an owner, the part about a service that dies around the hand-over of its slot
// to a handler: before it the slot is given back, after it it is the handler's, and during it
// either the one or the other, never both, never neither.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <random>
#include <string>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/team.hpp"

namespace slotd::testing {
namespace {

constexpr const char* kConfig =
    "cpu: { capacity: 8 }\n"
    "types: { job: { max: 1, cpu: 1.0 } }\n"
    "segment: { slots: 16, processes: 16 }\n";
constexpr int kRounds = 150;

struct Exchange {
  std::atomic<std::uint32_t> stage;  ///< 1: claimed, the token is there; 2: handed over
  std::atomic<bool> go;              ///< the service may bind
  std::array<char, 96> token;
};

/// Claims, tells, and hands over to the handler by pid (or leaves the token to be adopted).
bool serve(const std::string& segment, int handler, bool binds, Exchange& exchange) {
  Client client({segment, "service"});
  Slot slot = client.try_claim("job", {.key = "EG_1"});
  if (!slot) return false;
  std::snprintf(exchange.token.data(), exchange.token.size(), "%s", slot.token().c_str());
  exchange.stage.store(1);
  if (binds) {
    while (!exchange.go.load()) ::sched_yield();
    slot.bind(handler);
    exchange.stage.store(2);
  }
  for (;;) ::pause();
}

/// A random delay that keeps close to the instant at which the outcome changes.
class Delay {
 public:
  void pass(const Exchange& exchange) {
    for (std::uint64_t spin = random_() % reach_; spin > 0; --spin) exchange.stage.load();
  }
  void learn(bool too_long) {
    reach_ = too_long ? std::max<std::uint64_t>(reach_ / 2, 1)
                      : std::min<std::uint64_t>(reach_ * 2, 1 << 24);
  }

 private:
  std::mt19937_64 random_{4};
  std::uint64_t reach_ = 10'000;
};

/// The test's own process is the handler. The parameter: is there a broker?
class LifeAndDeath : public ::testing::TestWithParam<bool> {
 protected:
  void SetUp() override {
    handler_ = std::make_unique<Client>(Client::Options{broker_.segment(), "handler"});
    if (!GetParam()) broker_.kill_now();
  }
  std::uint32_t own_entry() const { return handler_->attachment()->self().index; }

  /// All that is left of the dead service comes back; what the handler owns stays.
  void expect_nothing_of_the_service(bool handed_over) {
    EXPECT_TRUE(wait_until([&] {
      if (!GetParam()) handler_->reap();
      return probe_.taken() == (handed_over ? 1U : 0U);
    }));
  }
  bool is_owned_by_handler() const {
    for (std::uint32_t slot = 0; slot < probe_.view().slot_count(); ++slot) {
      if (probe_.word(slot).is_held() && probe_.word(slot).owner() == own_entry()) return true;
    }
    return false;
  }
  /// The handler finds it by its key and gives it back.
  void release_by_key() {
    const auto found = handler_->find("EG_1");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->owner_pid, ::getpid());
    std::error_code ec;
    handler_->adopt(found->token, ec).release(ec);
    EXPECT_FALSE(ec) << ec.message();
  }
  void expect_room() {
    Slot slot = handler_->try_claim("job", {.key = "EG_1"});
    EXPECT_TRUE(slot) << slot.refusal().text();
  }

  BrokerProcess broker_{kConfig};
  SegmentProbe probe_{broker_.segment()};
  std::unique_ptr<Client> handler_;
  Delay delay_;
};
INSTANTIATE_TEST_SUITE_P(Broker, LifeAndDeath, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "up" : "down"; });

TEST_P(LifeAndDeath, service_killed_while_it_binds_leaves_the_slot_to_exactly_one) {
  int handed_over = 0;
  for (int round = 0; round < kRounds; ++round) {
    Shared<Exchange> exchange;
    Team team;
    const pid_t service =
        team.add([&] { return serve(broker_.segment(), ::getppid(), true, *exchange); });
    while (exchange->stage.load() == 0) ::sched_yield();
    exchange->go.store(round % 10 != 9);  // some are killed before it for certain
    delay_.pass(*exchange);
    team.kill_now(service);
    const bool is_mine = is_owned_by_handler();
    ASSERT_TRUE(is_mine || exchange->stage.load() != 2) << "it said so";
    expect_nothing_of_the_service(is_mine);
    EXPECT_EQ(is_owned_by_handler(), is_mine) << "the service's death took nothing from it";
    if (is_mine) release_by_key();
    expect_room();
    handed_over += is_mine ? 1 : 0;
    delay_.learn(is_mine);
    if (HasFailure()) FAIL() << "round " << round;
  }
  std::printf("handed over %d of %d\n", handed_over, kRounds);
  EXPECT_GT(handed_over, 0);
  EXPECT_LT(handed_over, kRounds);
}

TEST_P(LifeAndDeath, service_killed_while_its_token_is_adopted_leaves_the_slot_to_exactly_one) {
  int handed_over = 0;
  for (int round = 0; round < kRounds; ++round) {
    Shared<Exchange> exchange;
    Team team;
    const pid_t service = team.add([&] { return serve(broker_.segment(), 0, false, *exchange); });
    while (exchange->stage.load() == 0) ::sched_yield();
    // Adopted around the instant of the death.
    std::error_code ec;
    ::kill(service, SIGKILL);
    delay_.pass(*exchange);
    if (round % 2 == 1 && !GetParam()) handler_->reap();
    if (round % 10 == 9) expect_nothing_of_the_service(false);  // some come too late for certain
    Slot slot = handler_->adopt(exchange->token.data(), ec);
    team.kill_now(service);
    EXPECT_TRUE(!ec || ec == Errc::kStaleToken) << ec.message();
    expect_nothing_of_the_service(!ec);
    EXPECT_EQ(is_owned_by_handler(), !ec);
    handed_over += ec ? 0 : 1;
    delay_.learn(ec.value() != 0);
    slot.release(ec);
    EXPECT_FALSE(ec) << ec.message();
    expect_room();
    if (HasFailure()) FAIL() << "round " << round;
  }
  std::printf("handed over %d of %d\n", handed_over, kRounds);
  EXPECT_GT(handed_over, 0);
  EXPECT_LT(handed_over, kRounds);
}

}  // namespace
}  // namespace slotd::testing
