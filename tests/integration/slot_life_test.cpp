// The life of a slot over several processes: PENDING, handed over by pid or by token, ACTIVE,
// ENDING, given back; and what becomes of it when one of them dies on the way.
#include <gtest/gtest.h>
#include <spawn.h>

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
    "cpu: { capacity: 10, max_utilization: 1.0 }\n"
    "types:\n"
    "  participant: { cpu: 2.0 }\n"
    "  track: { max: 3, cpu: 0.5 }\n";

/// A process that knows nothing of slotd, as a handler bound by pid is.
class Stranger {
 public:
  Stranger() {
    std::vector<std::string> words = {"sleep", "1000"};
    std::vector<char*> arguments = {words[0].data(), words[1].data(), nullptr};
    if (::posix_spawnp(&pid_, "sleep", nullptr, nullptr, arguments.data(), environ) != 0)
      throw std::runtime_error("cannot start sleep");
  }
  Stranger(const Stranger&) = delete;
  Stranger& operator=(const Stranger&) = delete;
  ~Stranger() { die(); }

  int pid() const { return pid_; }
  void die() {
    if (pid_ == 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  void die_to_zombie() const {
    ::kill(pid_, SIGKILL);
    siginfo_t info{};
    ::waitid(P_PID, static_cast<id_t>(pid_), &info, WEXITED | WNOWAIT);
  }

 private:
  pid_t pid_ = 0;
};

class SlotLife : public ::testing::Test {
 protected:
  Client make_client() const { return Client({broker_.segment(), "life"}); }
  SlotState state(std::uint32_t slot) const { return probe_.word(slot).state(); }

  BrokerProcess broker_{kConfig};
  SegmentProbe probe_{broker_.segment()};
};

TEST_F(SlotLife, walks_through_all_states_and_is_charged_until_it_is_free) {
  Client client = make_client();
  Slot slot = client.try_claim("participant", {.key = "EG_1"});
  ASSERT_TRUE(slot);
  const std::uint32_t index = slot.index();
  EXPECT_EQ(state(index), SlotState::kPending);
  EXPECT_EQ(probe_.available_micro(), 8'000'000);
  slot.activate();
  EXPECT_EQ(state(index), SlotState::kActive);
  EXPECT_EQ(probe_.available_micro(), 8'000'000);
  slot.activate();  // idempotent
  slot.end();
  EXPECT_EQ(state(index), SlotState::kEnding);
  EXPECT_EQ(probe_.available_micro(), 8'000'000);
  std::error_code ec;
  slot.activate(ec);
  EXPECT_EQ(ec, Errc::kWrongState);
  const Slot same_key = client.try_claim("participant", {.key = "EG_1"});
  EXPECT_EQ(same_key.refusal().reason(), Reason::kDuplicateKey) << "the key stays until FREE";
  slot.release();
  EXPECT_EQ(state(index), SlotState::kFree);
  EXPECT_EQ(probe_.available_micro(), 10'000'000);
  EXPECT_TRUE(client.try_claim("participant", {.key = "EG_1"}));
}

TEST_F(SlotLife, pending_may_end_without_having_been_active) {
  Client client = make_client();
  Slot slot = client.try_claim("track");
  slot.end();
  EXPECT_EQ(state(slot.index()), SlotState::kEnding);
}

TEST_F(SlotLife, bind_to_an_attached_handler_moves_it_to_the_handler_s_own_entry) {
  WorkerProcess handler(broker_.segment());
  Client service = make_client();
  Slot slot = service.try_claim("participant", {.key = "EG_2"});
  const std::string before = slot.token();
  slot.bind(handler.pid());
  EXPECT_NE(slot.token(), before);
  EXPECT_EQ(probe_.word(slot.index()).owner(), probe_.find_process(handler.pid()).index);
  EXPECT_EQ(state(slot.index()), SlotState::kPending) << "a change of owner is no change of state";
  std::error_code ec;
  service.adopt(before, ec);
  EXPECT_EQ(ec, Errc::kStaleToken);
  const auto found = service.find("EG_2");
  ASSERT_TRUE(found);
  EXPECT_EQ(found->token, slot.token());
  EXPECT_EQ(found->owner_pid, handler.pid());
  slot.activate();  // by the token's right, whoever owns it
  EXPECT_EQ(state(slot.index()), SlotState::kActive);
}

TEST_F(SlotLife, destroying_a_bound_handle_leaves_the_slot_alone) {
  WorkerProcess handler(broker_.segment());
  Client service = make_client();
  {
    Slot slot = service.try_claim("participant");
    slot.bind(handler.pid());
  }
  EXPECT_EQ(probe_.held(), 1U);
  handler.kill_now();
  EXPECT_TRUE(probe_.wait_all_free());
}

TEST_F(SlotLife, adopt_by_token_makes_the_adopter_the_owner) {
  WorkerProcess service(broker_.segment());
  WorkerProcess handler(broker_.segment());
  const Reply claimed = service.ask("claim participant key=EG_3");
  const Reply adopted = handler.ask("adopt " + claimed.token());
  ASSERT_TRUE(adopted.is_claimed()) << adopted.text;
  EXPECT_EQ(adopted.slot(), claimed.slot());
  EXPECT_NE(adopted.token(), claimed.token());
  EXPECT_EQ(service.ask("release " + claimed.handle()).code(), Errc::kStaleToken)
      << "the service's name for it is stale";
  EXPECT_EQ(probe_.held(), 1U);
  EXPECT_TRUE(handler.ask("activate " + adopted.handle()).is_ok());
  EXPECT_TRUE(handler.ask("release " + adopted.handle()).is_ok());
  EXPECT_EQ(probe_.taken(), 0U);
}

TEST_F(SlotLife, of_two_adopters_of_one_token_one_wins) {
  WorkerProcess service(broker_.segment());
  WorkerProcess a(broker_.segment());
  WorkerProcess b(broker_.segment());
  for (int round = 0; round < 200; ++round) {
    const Reply claimed = service.ask("claim track");
    ASSERT_TRUE(claimed.is_claimed()) << claimed.text;
    a.send("adopt " + claimed.token());
    b.send("adopt " + claimed.token());
    const Reply by_a = a.receive();
    const Reply by_b = b.receive();
    ASSERT_NE(by_a.is_claimed(), by_b.is_claimed()) << by_a.text << " / " << by_b.text;
    WorkerProcess& winner = by_a.is_claimed() ? a : b;
    ASSERT_EQ((by_a.is_claimed() ? by_b : by_a).code(), Errc::kStaleToken);
    ASSERT_TRUE(winner.ask("release " + (by_a.is_claimed() ? by_a : by_b).handle()).is_ok());
    ASSERT_EQ(service.ask("release " + claimed.handle()).code(), Errc::kStaleToken);
  }
  EXPECT_EQ(probe_.taken(), 0U);
}

TEST_F(SlotLife, service_killed_before_the_hand_over_gives_its_slots_back_exactly_once) {
  auto service = std::make_unique<WorkerProcess>(broker_.segment());
  std::vector<Reply> claimed;
  for (int i = 0; i < 3; ++i)
    claimed.push_back(service->ask("claim track key=EG_" + std::to_string(i)));
  service->kill_now();
  EXPECT_TRUE(probe_.wait_all_free());
  EXPECT_EQ(probe_.counters().reaped, 3U);
  WorkerProcess next(broker_.segment());
  std::vector<Reply> again;
  for (int i = 0; i < 3; ++i) again.push_back(next.ask("claim track key=EG_" + std::to_string(i)));
  for (const Reply& reply : again) EXPECT_TRUE(reply.is_claimed()) << reply.text;
  EXPECT_EQ(next.ask("claim track").text, "refused type_limit");
  // The dead service's tokens find nothing, though the slots are held again.
  for (const Reply& reply : claimed)
    EXPECT_EQ(next.ask("adopt " + reply.token()).code(), Errc::kStaleToken);
  EXPECT_EQ(probe_.held(), 3U);
  EXPECT_EQ(probe_.counters().reaped, 3U) << "not a second time";
}

TEST_F(SlotLife, service_killed_after_the_hand_over_leaves_the_slot_until_the_handler_dies) {
  auto service = std::make_unique<WorkerProcess>(broker_.segment());
  WorkerProcess handler(broker_.segment());
  const Reply claimed = service->ask("claim participant key=EG_4");
  ASSERT_TRUE(handler.ask("adopt " + claimed.token()).is_claimed());
  ASSERT_TRUE(probe_.find_process(service->pid()));
  service->kill_now();
  ASSERT_TRUE(wait_until([&] { return !probe_.find_process(service->pid()); }))
      << "the broker has dealt with the service";
  EXPECT_EQ(probe_.held(), 1U);
  EXPECT_EQ(probe_.available_micro(), 8'000'000);
  handler.kill_now();
  EXPECT_TRUE(probe_.wait_all_free());
}

TEST_F(SlotLife, a_restarted_service_finds_its_jobs_by_key_and_can_take_them_over) {
  auto service = std::make_unique<WorkerProcess>(broker_.segment());
  auto handler = std::make_unique<WorkerProcess>(broker_.segment());
  const Reply claimed = service->ask("claim participant key=EG_5");
  const Reply adopted = handler->ask("adopt " + claimed.token());
  ASSERT_TRUE(handler->ask("activate " + adopted.handle()).is_ok());
  service->kill_now();

  WorkerProcess restarted(broker_.segment());
  const Reply found = restarted.ask("find EG_5");
  ASSERT_TRUE(found.is("found")) << found.text;
  EXPECT_EQ(found.words.at(1), adopted.token());
  EXPECT_EQ(found.words.at(2), std::to_string(static_cast<int>(SlotState::kActive)));
  EXPECT_EQ(found.words.at(3), std::to_string(handler->pid()));
  EXPECT_TRUE(restarted.ask("find EG_none").is("none"));

  // To open is not to own: the restarted service may come and go.
  {
    WorkerProcess passing(broker_.segment());
    const Reply opened = passing.ask("open " + found.words.at(1));
    ASSERT_TRUE(opened.is_claimed());
    EXPECT_TRUE(passing.ask("drop " + opened.handle()).is_ok());
  }
  EXPECT_EQ(probe_.held(), 1U);

  const Reply taken = restarted.ask("adopt " + found.words.at(1));
  ASSERT_TRUE(taken.is_claimed());
  EXPECT_EQ(probe_.word(taken.slot()).state(), SlotState::kActive);
  handler->kill_now();
  EXPECT_TRUE(wait_until([&] { return !probe_.find_process(handler->pid()); }));
  EXPECT_EQ(probe_.held(), 1U) << "it is the restarted service's now";
  EXPECT_TRUE(restarted.ask("release " + taken.handle()).is_ok());
  EXPECT_EQ(probe_.taken(), 0U);
}

TEST_F(SlotLife, owner_that_never_attached_dies_while_the_broker_is_up) {
  Stranger stranger;
  Client service = make_client();
  Slot slot = service.try_claim("participant");
  slot.bind(stranger.pid());
  EXPECT_EQ(probe_.snapshot().slots.at(0).owner_pid, stranger.pid());
  stranger.die();
  EXPECT_TRUE(probe_.wait_all_free());
}

TEST_F(SlotLife, owner_that_never_attached_is_a_zombie_that_nobody_reaps) {
  Stranger stranger;
  Client service = make_client();
  Slot slot = service.try_claim("participant");
  slot.bind(stranger.pid());
  stranger.die_to_zombie();
  EXPECT_TRUE(probe_.wait_all_free());
}

TEST_F(SlotLife, owner_that_never_attached_dies_while_the_broker_is_down) {
  Stranger stranger;
  Client service = make_client();
  Slot slot = service.try_claim("participant");
  slot.bind(stranger.pid());
  ASSERT_TRUE(probe_.wait_watched(stranger.pid()));
  broker_.kill_now();
  EXPECT_EQ(service.reap(), 0U) << "it is alive";
  EXPECT_EQ(probe_.held(), 1U);
  stranger.die();
  EXPECT_EQ(service.reap(), 1U);
  EXPECT_EQ(probe_.taken(), 0U);
  EXPECT_EQ(service.reap(), 0U);
  EXPECT_EQ(probe_.counters().reaped, 1U);
}

TEST_F(SlotLife, several_slots_of_one_stranger_share_one_entry) {
  Stranger stranger;
  Client service = make_client();
  Slot a = service.try_claim("track");
  Slot b = service.try_claim("track");
  a.bind(stranger.pid());
  b.bind(stranger.pid());
  EXPECT_EQ(probe_.word(a.index()).owner(), probe_.word(b.index()).owner());
  stranger.die();
  EXPECT_TRUE(probe_.wait_all_free());
}

TEST_F(SlotLife, bind_to_nobody_changes_nothing) {
  auto dead = std::make_unique<Stranger>();
  const int pid = dead->pid();
  Client service = make_client();
  Slot slot = service.try_claim("participant");
  const std::string token = slot.token();
  std::error_code ec;
  dead->die_to_zombie();
  slot.bind(pid, ec);
  EXPECT_EQ(ec, Errc::kNoSuchProcess) << "a zombie";
  dead.reset();
  for (const int nobody : {pid, 0, -1}) {
    slot.bind(nobody, ec);
    EXPECT_EQ(ec, Errc::kNoSuchProcess) << nobody;
  }
  EXPECT_EQ(slot.token(), token);
  slot.release();
  EXPECT_EQ(probe_.taken(), 0U);
}

TEST_F(SlotLife, bind_back_to_the_service_itself) {
  WorkerProcess handler(broker_.segment());
  Client service = make_client();
  Slot slot = service.try_claim("participant");
  slot.bind(handler.pid());
  slot.bind(::getpid());
  EXPECT_EQ(probe_.word(slot.index()).owner(), probe_.find_process(::getpid()).index);
  handler.kill_now();
  EXPECT_TRUE(wait_until([&] { return !probe_.find_process(handler.pid()); }));
  EXPECT_EQ(probe_.held(), 1U);
}

}  // namespace
}  // namespace slotd::testing
