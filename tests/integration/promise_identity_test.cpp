// P9: fork, two attachments in one process, double release, stale and foreign tokens. What names a
// claim names that claim only, and only who holds it can end it.
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <optional>
#include <string>
#include <utility>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

constexpr const char* kConfig =
    "cpu: { capacity: 8 }\n"
    "types: { plain: { max: 8, cpu: 0.1 } }\n"
    "segment: { slots: 64, processes: 32 }\n";

class Identity : public ::testing::Test {
 protected:
  Client make_client() const { return Client({broker_.segment(), "identity"}); }

  BrokerProcess broker_{kConfig};
  SegmentProbe probe_{broker_.segment()};
};

TEST_F(Identity, forked_child_that_destroys_inherited_slots_releases_nothing) {
  WorkerProcess owner(broker_.segment());
  const Reply a = owner.ask("claim plain key=A");
  const Reply b = owner.ask("claim plain key=B");
  EXPECT_EQ(owner.ask("fork-drop").text, "exited 0");
  EXPECT_EQ(probe_.held(), 2U);
  EXPECT_EQ(probe_.counters().releases, 0U);
  EXPECT_TRUE(owner.ask("activate " + a.handle()).is_ok()) << "the parent is attached as before";
  EXPECT_TRUE(owner.ask("release " + a.handle()).is_ok());
  EXPECT_TRUE(owner.ask("release " + b.handle()).is_ok());
  EXPECT_EQ(probe_.counters().stale, 0U);
}

TEST_F(Identity, forked_child_attaches_anew_on_its_first_claim) {
  WorkerProcess owner(broker_.segment());
  const Reply held = owner.ask("claim plain");
  const Reply forked = owner.ask("fork-claim plain");
  ASSERT_TRUE(forked.is("forked")) << forked.text;
  const int child = std::stoi(forked.words.at(1));
  EXPECT_EQ(forked.words.at(4), std::to_string(static_cast<int>(Errc::kNotAttached)))
      << "what it inherited is not its to release";
  EXPECT_EQ(probe_.held(), 2U);
  const ProcessRef of_child = probe_.find_process(child);
  ASSERT_TRUE(of_child);
  EXPECT_NE(of_child.index, probe_.find_process(owner.pid()).index);
  EXPECT_EQ(probe_.word(forked.slot()).owner(), of_child.index);

  ::kill(child, SIGKILL);
  EXPECT_TRUE(wait_until([&] { return probe_.held() == 1U; }))
      << "the child's slot goes with the child";
  EXPECT_EQ(probe_.word(held.slot()).owner(), probe_.find_process(owner.pid()).index);
  EXPECT_TRUE(owner.ask("release " + held.handle()).is_ok());
}

TEST_F(Identity, child_outlives_its_parent_and_keeps_its_own_slot) {
  WorkerProcess owner(broker_.segment());
  ASSERT_TRUE(owner.ask("claim plain").is_claimed());
  const Reply forked = owner.ask("fork-claim plain");
  const int child = std::stoi(forked.words.at(1));
  ASSERT_EQ(probe_.held(), 2U);
  owner.kill_now();
  EXPECT_TRUE(wait_until([&] { return probe_.held() == 1U; })) << "the parent's came back";
  EXPECT_EQ(probe_.word(forked.slot()).owner(), probe_.find_process(child).index);
  ::kill(child, SIGKILL);
  EXPECT_TRUE(probe_.wait_all_free());
}

/// Two attachments are two owners: a program, and a plugin in it that knows nothing of the program.
TEST_F(Identity, two_attachments_in_one_process) {
  WorkerProcess process(broker_.segment());
  const Reply first = process.ask("claim plain key=first");
  ASSERT_TRUE(process.ask("client").is_ok());
  const Reply second = process.ask("claim plain key=second");
  EXPECT_NE(probe_.word(first.slot()).owner(), probe_.word(second.slot()).owner());
  EXPECT_EQ(process.ask("claim plain key=first").text, "refused duplicate_key");

  EXPECT_TRUE(process.ask("detach").is_ok()) << "the plugin ends its membership";
  EXPECT_TRUE(wait_until([&] { return probe_.snapshot().processes.size() == 2U; }))
      << "broker and program are left";
  EXPECT_EQ(probe_.held(), 1U) << "its slot went with it, the program's did not";
  EXPECT_EQ(process.ask("activate " + second.handle()).code(), Errc::kNotAttached);
  EXPECT_TRUE(process.ask("use 0").is_ok());
  EXPECT_TRUE(process.ask("release " + first.handle()).is_ok());
}

/// Others may have bound slots to the process: the destruction of a client is no end of its life.
TEST_F(Identity, destroyed_client_leaves_its_membership_and_the_next_one_takes_it_up) {
  WorkerProcess process(broker_.segment());
  const Reply before = process.ask("claim plain");
  const std::uint32_t entry = probe_.word(before.slot()).owner();
  EXPECT_TRUE(process.ask("destroy").is_ok());
  std::this_thread::sleep_for(std::chrono::milliseconds(250));  // two looks of the broker
  EXPECT_EQ(probe_.held(), 1U);
  EXPECT_TRUE(process.ask("client").is_ok());
  const Reply after = process.ask("claim plain");
  EXPECT_EQ(probe_.word(after.slot()).owner(), entry);
  EXPECT_TRUE(process.ask("release " + before.handle()).is_ok()) << "a handle of before";
  process.kill_now();
  EXPECT_TRUE(probe_.wait_all_free());
}

TEST_F(Identity, both_attachments_of_a_killed_process_give_back) {
  WorkerProcess process(broker_.segment());
  ASSERT_TRUE(process.ask("claim plain").is_claimed());
  ASSERT_TRUE(process.ask("client").is_ok());
  ASSERT_TRUE(process.ask("claim plain").is_claimed());
  EXPECT_EQ(probe_.held(), 2U);
  process.kill_now();
  EXPECT_TRUE(probe_.wait_all_free());
}

TEST_F(Identity, destroying_the_client_keeps_slots_that_are_still_held) {
  std::optional<Client> client(make_client());
  Slot slot = client->try_claim("plain");
  client.reset();
  std::this_thread::sleep_for(std::chrono::milliseconds(250));
  EXPECT_EQ(probe_.held(), 1U);
  slot.release();
  EXPECT_EQ(probe_.taken(), 0U);
}

TEST_F(Identity, double_release_is_harmless) {
  Client client = make_client();
  Slot slot = client.try_claim("plain");
  std::error_code ec;
  slot.release(ec);
  EXPECT_FALSE(ec);
  slot.release(ec);
  EXPECT_FALSE(ec) << "an empty slot";
  EXPECT_EQ(probe_.counters().releases, 1U);
  EXPECT_EQ(probe_.counters().stale, 0U);
}

TEST_F(Identity, release_through_a_second_handle_leaves_the_first_one_stale_and_is_counted) {
  Client client = make_client();
  Slot first = client.try_claim("plain");
  std::error_code ec;
  Slot second = client.open(first.token(), ec);
  ASSERT_FALSE(ec);
  second.release();
  // The word is taken again at once, by the same process, with the same type and cost: only the
  // generation tells.
  Slot next = client.try_claim("plain");
  ASSERT_EQ(next.index(), first.index());
  first.release(ec);
  EXPECT_EQ(ec, Errc::kStaleToken);
  EXPECT_EQ(probe_.held(), 1U) << "nothing moved";
  EXPECT_EQ(probe_.counters().stale, 1U);
  next.activate();
  EXPECT_EQ(probe_.word(next.index()).state(), SlotState::kActive);
}

TEST_F(Identity, every_step_with_a_stale_token_is_refused_and_counted) {
  Client client = make_client();
  Slot slot = client.try_claim("plain");
  const std::string token = slot.token();
  std::error_code ec;
  Slot kept = client.open(token, ec);
  slot.release();
  const Slot other = client.try_claim("plain");
  const SlotWord before = probe_.word(other.index());

  kept.activate(ec);
  EXPECT_EQ(ec, Errc::kStaleToken);
  kept.end(ec);
  EXPECT_EQ(ec, Errc::kStaleToken);
  kept.bind(::getpid(), ec);
  EXPECT_EQ(ec, Errc::kStaleToken);
  EXPECT_FALSE(client.adopt(token, ec));
  EXPECT_EQ(ec, Errc::kStaleToken);
  EXPECT_FALSE(client.open(token, ec));
  EXPECT_EQ(ec, Errc::kStaleToken);
  kept.release(ec);
  EXPECT_EQ(ec, Errc::kStaleToken);
  EXPECT_EQ(probe_.word(other.index()), before);
  EXPECT_EQ(probe_.counters().stale, 6U);
}

TEST_F(Identity, token_of_another_segment_is_foreign) {
  BrokerProcess elsewhere(kConfig);
  Client client = make_client();
  Client stranger({elsewhere.segment(), "stranger"});
  const Slot theirs = stranger.try_claim("plain");
  const Slot ours = client.try_claim("plain");
  ASSERT_EQ(theirs.index(), ours.index()) << "the same slot and generation, but another segment";
  std::error_code ec;
  EXPECT_FALSE(client.adopt(theirs.token(), ec));
  EXPECT_EQ(ec, Errc::kForeignToken);
  EXPECT_FALSE(client.open(theirs.token(), ec));
  EXPECT_EQ(ec, Errc::kForeignToken);
  EXPECT_EQ(probe_.counters().stale, 2U) << "counted";
  EXPECT_EQ(probe_.held(), 1U);
}

TEST_F(Identity, what_is_no_token_is_malformed) {
  Client client = make_client();
  const Slot held = client.try_claim("plain");
  const std::string token = held.token();
  for (const std::string& text :
       {std::string(), std::string("v1"), std::string("v2") + token.substr(2), token + "0",
        token + "-1", token.substr(0, token.size() - 1) + "G", " " + token, token + "\n"}) {
    if (text == token + "0") continue;  // one digit more is another generation
    std::error_code ec;
    EXPECT_FALSE(client.adopt(text, ec)) << text;
    EXPECT_EQ(ec, Errc::kMalformedToken) << text;
  }
  std::error_code ec;
  EXPECT_FALSE(client.adopt(token + "0", ec));
  EXPECT_EQ(ec, Errc::kStaleToken);
  EXPECT_EQ(probe_.held(), 1U);
}

TEST_F(Identity, moving_a_slot_moves_the_right_to_it) {
  Client client = make_client();
  Slot a = client.try_claim("plain");
  Slot b = std::move(a);
  EXPECT_FALSE(
      a);  // NOLINT(bugprone-use-after-move): a moved-from slot is empty, that is what is tested
  EXPECT_TRUE(b);
  Slot c = client.try_claim("plain");
  c = std::move(b);
  EXPECT_EQ(probe_.held(), 1U) << "what c held before is released";
  const std::string token = c.detach();
  EXPECT_FALSE(c);
  EXPECT_EQ(probe_.held(), 1U) << "detached, not released";
  std::error_code ec;
  Slot back = client.adopt(token, ec);
  EXPECT_TRUE(back);
}

}  // namespace
}  // namespace slotd::testing
