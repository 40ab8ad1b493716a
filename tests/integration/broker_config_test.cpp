// What the broker makes of its configuration: both forms start, a bad one is refused with its
// place, a reload holds at once or changes nothing, and an index belongs to its name for the
// segment's life.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

constexpr int kExitConfig = 78;

std::uint32_t index_of(const SegmentProbe& probe, const std::string& type) {
  return probe.type(type).index;
}

TEST(BrokerConfig, native_form) {
  BrokerProcess broker(
      "cpu: { capacity: 12, max_utilization: 0.75 }\n"
      "memory: { max: 4GiB, headroom: 1GB }\n"
      "types:\n"
      "  participant: { max: 3, cpu: 1.6, memory: 100MB, aliases: [media] }\n"
      "  open: { cpu: 0.1 }\n");
  const SegmentProbe probe(broker.segment());
  const Snapshot snapshot = probe.snapshot();
  EXPECT_EQ(snapshot.budget_micro, 9'000'000U);
  EXPECT_EQ(snapshot.memory_max_bytes, 4ULL << 30);
  EXPECT_EQ(snapshot.memory_headroom_bytes, 1'000'000'000U);
  EXPECT_EQ(probe.type("participant").limit, 3U);
  EXPECT_EQ(probe.type("participant").cost_milli, 1600U);
  EXPECT_EQ(probe.type("participant").memory_bytes, 100'000'000U);
  EXPECT_EQ(probe.type("open").limit, kNoLimit);
  Client client({broker.segment(), "native"});
  const Slot slot = client.try_claim("media");
  EXPECT_TRUE(slot) << "by its alias";
  EXPECT_EQ(probe.type("participant").in_use, 1U);
}

/// An egress host's own file: the block with some keys, the others at their defaults, everything
/// else of the file ignored.
TEST(BrokerConfig, livekit_form) {
  BrokerProcess broker(
      "api_key: abc\n"
      "ws_url: wss://example.com\n"
      "log_level: { whatever: [1, 2] }\n"
      "cpu_cost:\n"
      "  max_cpu_utilization: 0.9\n"
      "  room_composite_cpu_cost: 3\n"
      "  web_cpu_cost: 0\n"
      "  max_concurrent_participant: 2\n"
      "  max_concurrent_track: -1\n"
      "  max_concurrent_web: 4\n"
      "slotd:\n"
      "  cpu: { capacity: 20 }\n");
  const SegmentProbe probe(broker.segment());
  EXPECT_EQ(probe.snapshot().budget_micro, 18'000'000U);
  EXPECT_EQ(probe.type("room_composite").cost_milli, 3000U);
  EXPECT_EQ(probe.type("web").cost_milli, 4000U);
  EXPECT_EQ(probe.type("participant").cost_milli, 2000U);
  EXPECT_EQ(probe.type("participant").limit, 2U);
  EXPECT_EQ(probe.type("track").limit, 10U);
  EXPECT_EQ(probe.type("room_composite").limit, 5U);
  EXPECT_EQ(probe.type("audio_room_composite").cost_milli, 1000U);

  Client client({broker.segment(), "egress"});
  std::vector<Slot> slots;
  const auto claim = [&](const char* type) {
    Slot slot = client.try_claim(type);
    const Reason reason = slot.refusal().reason();
    if (slot) slots.push_back(std::move(slot));
    return reason;
  };
  EXPECT_EQ(claim("media"), Reason::kNone);
  EXPECT_EQ(claim("participant"), Reason::kNone);
  EXPECT_EQ(claim("media"), Reason::kTypeLimit) << "media is participant";
  // 18 - 4 = 14 cores left; the combined web limit of 4 holds for composites and web jobs together,
  // audio ones too.
  EXPECT_EQ(claim("template"), Reason::kNone);
  EXPECT_EQ(claim("web"), Reason::kNone);
  EXPECT_EQ(claim("audio_web"), Reason::kNone);
  EXPECT_EQ(claim("audio_room_composite"), Reason::kNone);
  EXPECT_EQ(probe.available_micro(), 14'000'000 - 3'000'000 - 4'000'000 - 1'000'000 - 1'000'000);
  EXPECT_EQ(claim("audio_web"), Reason::kGroupLimit);
  EXPECT_EQ(claim("room_composite"), Reason::kGroupLimit);
  EXPECT_EQ(claim("sdk_audio_room_composite"), Reason::kNone) << "no Chrome, not in the web group";
  EXPECT_EQ(claim("track_composite"), Reason::kNone);
  EXPECT_EQ(probe.type("room_composite").in_use, 3U)
      << "template, audio and sdk audio take of one limit";
}

TEST(BrokerConfig, bad_file_is_refused_with_every_error_and_its_place) {
  BrokerProcess broker = BrokerProcess::not_started(
      "cpu: { capacity: 4, max_utilisation: 0.8 }\n"
      "types:\n"
      "  a: { cpu: 0.1234 }\n"
      "  b: { max: 010 }\n");
  EXPECT_EQ(broker.run_to_end(), kExitConfig);
  const std::string log = broker.log_of_run();
  EXPECT_NE(log.find(broker.config_path() + ":1:21: error: "), std::string::npos) << log;
  EXPECT_NE(log.find(broker.config_path() + ":3:13: error: "), std::string::npos) << log;
  EXPECT_NE(log.find(broker.config_path() + ":4:13: error: "), std::string::npos) << log;
  EXPECT_FALSE(std::filesystem::exists(broker.segment()));
}

TEST(BrokerConfig, node_on_which_nothing_fits_is_refused_and_what_never_fits_is_named) {
  BrokerProcess broker = BrokerProcess::not_started(
      "cpu: { capacity: 2 }\ntypes: { big: { cpu: 3 }, huge: { cpu: 4 } }\n");
  EXPECT_EQ(broker.run_to_end(), kExitConfig);
  EXPECT_NE(broker.log_of_run().find("huge"), std::string::npos) << broker.log_of_run();
  broker.write_config("cpu: { capacity: 2 }\ntypes: { big: { cpu: 3 }, small: { cpu: 1 } }\n");
  broker.start();
  EXPECT_NE(broker.log_of_run().find("big"), std::string::npos) << "named in a warning";
}

TEST(BrokerConfig, reload_changes_limits_for_the_next_claim_and_revokes_nothing) {
  BrokerProcess broker("cpu: { capacity: 8 }\ntypes: { plain: { max: 4, cpu: 0.5 } }\n");
  const SegmentProbe probe(broker.segment());
  Client client({broker.segment(), "reload"});
  std::vector<Slot> slots;
  for (int i = 0; i < 4; ++i) slots.push_back(client.try_claim("plain"));
  EXPECT_FALSE(client.can_accept("plain"));

  broker.write_config("cpu: { capacity: 8 }\ntypes: { plain: { max: 2, cpu: 0.5 } }\n");
  ASSERT_TRUE(broker.reload());
  EXPECT_EQ(probe.held(), 4U) << "debt, not revoked";
  EXPECT_EQ(probe.type("plain").in_use, 4U);
  EXPECT_EQ(probe.type("plain").limit, 2U);
  slots.pop_back();
  slots.pop_back();
  const Slot refused = client.try_claim("plain");
  EXPECT_EQ(refused.refusal().verdict().limit, 2U);
  EXPECT_EQ(refused.refusal().verdict().in_use, 2U);
  slots.pop_back();
  EXPECT_TRUE(client.try_claim("plain")) << "drained";

  broker.write_config(
      "cpu: { capacity: 8 }\ntypes: { plain: { max: 5, cpu: 2.0 }, extra: { cpu: 1 } }\n");
  ASSERT_TRUE(broker.reload());
  EXPECT_TRUE(client.try_claim("extra"));
  const std::int64_t before = probe.available_micro();
  const Slot dearer = client.try_claim("plain");
  EXPECT_EQ(probe.available_micro(), before - 2'000'000);
  EXPECT_EQ(probe.snapshot().slots.at(0).word.cost_milli(), 500U)
      << "what is held costs what it was admitted for";
}

TEST(BrokerConfig, bad_reload_changes_nothing) {
  BrokerProcess broker("cpu: { capacity: 8 }\ntypes: { plain: { max: 4, cpu: 0.5 } }\n");
  const SegmentProbe probe(broker.segment());
  const std::uint64_t epoch = probe.view().header().config_epoch.load();
  broker.write_config("cpu: { capacity: 8 }\ntypes: { plain: { max: 2, cpu: 0.5, color: red } }\n");
  EXPECT_FALSE(broker.reload());
  EXPECT_NE(broker.log_of_run().find(":2:37: error: "), std::string::npos) << broker.log_of_run();
  EXPECT_EQ(probe.view().header().config_epoch.load(), epoch);
  EXPECT_EQ(probe.type("plain").limit, 4U);
  EXPECT_TRUE(broker.is_running());
}

TEST(BrokerConfig, reload_that_needs_a_new_segment_is_refused_with_key_and_line) {
  BrokerProcess broker(
      "cpu: { capacity: 8 }\ntypes: { plain: { max: 4, cpu: 0.5 } }\nsegment: { slots: 32 }\n");
  const SegmentProbe probe(broker.segment());
  broker.write_config(
      "cpu: { capacity: 8 }\ntypes: { plain: { max: 2, cpu: 0.5 } }\nsegment: { slots: 64 }\n");
  EXPECT_FALSE(broker.reload());
  EXPECT_NE(broker.log_of_run().find(broker.config_path() + ":3"), std::string::npos)
      << broker.log_of_run();
  EXPECT_NE(broker.log_of_run().find("segment.slots"), std::string::npos) << broker.log_of_run();
  EXPECT_EQ(probe.type("plain").limit, 4U);
}

TEST(BrokerConfig, broker_is_not_taken_for_down_after_a_reload_that_shortens_its_interval) {
  BrokerProcess broker(
      "cpu: { capacity: 8, sample_interval: 30s }\ntypes: { plain: { cpu: 0.5 } }\n");
  const SegmentProbe probe(broker.segment());
  broker.write_config(
      "cpu: { capacity: 8, sample_interval: 50ms }\ntypes: { plain: { cpu: 0.5 } }\n");
  ASSERT_TRUE(broker.reload());
  std::this_thread::sleep_for(std::chrono::milliseconds(400));
  // A busy machine may delay one heartbeat, but not all of them.
  EXPECT_TRUE(wait_until([&] { return probe.snapshot().broker.state == BrokerState::kReady; }));
}

/// A second run of the broker with another file, or a reload of it: the rule is the same.
class TypeNames : public ::testing::TestWithParam<bool> {
 protected:
  void change_config(BrokerProcess& broker, const std::string& config) {
    broker.write_config(config);
    if (GetParam()) {
      broker.kill_now();
      broker.start();
    } else {
      ASSERT_TRUE(broker.reload()) << broker.log_of_run();
    }
  }
};
INSTANTIATE_TEST_SUITE_P(By, TypeNames, ::testing::Bool(),
                         [](const auto& param) { return param.param ? "restart" : "reload"; });

TEST_P(TypeNames, keep_their_indices_and_a_removed_type_still_counts) {
  BrokerProcess broker(
      "cpu: { capacity: 10, max_utilization: 1.0 }\n"
      "types:\n"
      "  a: { max: 5, cpu: 1.0, groups: { g: 2 } }\n"
      "  b: { max: 5, cpu: 1.0, groups: { g: 1 } }\n"
      "groups: { g: { max: 6 } }\n");
  const SegmentProbe probe(broker.segment());
  Client client({broker.segment(), "names"});
  const TypeId a = client.type("a");
  const TypeId b = client.type("b");
  std::vector<Slot> held;
  held.push_back(client.try_claim(a));
  held.push_back(client.try_claim(a));

  // `a` is renamed to `c` and stands last: three names, three indices.
  change_config(broker,
                "cpu: { capacity: 10, max_utilization: 1.0 }\n"
                "types:\n"
                "  b: { max: 5, cpu: 1.0, groups: { g: 1 } }\n"
                "  c: { max: 5, cpu: 1.0 }\n"
                "groups: { g: { max: 6 } }\n");
  EXPECT_EQ(index_of(probe, "a"), a.index);
  EXPECT_EQ(index_of(probe, "b"), b.index);
  EXPECT_EQ(index_of(probe, "c"), 2U);
  EXPECT_TRUE(probe.type("a").retired);
  EXPECT_EQ(client.try_claim(a).refusal().reason(), Reason::kUnknownType);
  EXPECT_EQ(client.try_claim("a").refusal().reason(), Reason::kUnknownType);
  EXPECT_EQ(probe.held(), 2U);
  EXPECT_EQ(probe.available_micro(), 8'000'000) << "what a retired type holds is still charged";
  // Its two slots still take 2 x 2 of g: there is room for two of b.
  held.push_back(client.try_claim(b));
  held.push_back(client.try_claim(b));
  ASSERT_TRUE(held[3]) << held[3].refusal().text();
  const Slot full = client.try_claim(b);
  EXPECT_EQ(full.refusal().reason(), Reason::kGroupLimit);
  EXPECT_EQ(full.refusal().verdict().in_use, 6U);
  held[0].release();
  EXPECT_TRUE(client.try_claim(b)) << "and its end gives everything back";

  // It comes back under its old index.
  change_config(broker,
                "cpu: { capacity: 10, max_utilization: 1.0 }\n"
                "types: { a: { max: 1, cpu: 1.0 }, c: { cpu: 1.0 } }\n");
  EXPECT_EQ(index_of(probe, "a"), a.index);
  EXPECT_FALSE(probe.type("a").retired);
  EXPECT_EQ(client.try_claim(a).refusal().reason(), Reason::kTypeLimit)
      << "the one that is left of before counts";
}

TEST_P(TypeNames, when_all_32_indices_are_used_up_the_file_is_refused) {
  std::string types;
  for (int i = 0; i < 32; ++i) types += "  t" + std::to_string(i) + ": { cpu: 0.1 }\n";
  BrokerProcess broker("cpu: { capacity: 8 }\ntypes:\n" + types);
  broker.write_config(
      "cpu: { capacity: 8 }\ntypes:\n  t0: { cpu: 0.1 }\n  one_more: { cpu: 0.1 }\n");
  if (GetParam()) {
    broker.kill_now();
    EXPECT_EQ(broker.run_to_end(), kExitConfig);
  } else {
    EXPECT_FALSE(broker.reload());
  }
  EXPECT_NE(broker.log_of_run().find(broker.config_path() + ":4"), std::string::npos)
      << broker.log_of_run();
  EXPECT_NE(broker.log_of_run().find("types.one_more"), std::string::npos) << broker.log_of_run();
  EXPECT_FALSE(SegmentProbe(broker.segment()).type("t31").retired) << "all or nothing";
}

TEST(BrokerConfig, check_config_says_so_and_starts_nothing) {
  const TestFolder folder;
  write_text(folder.file("good.yaml"), "cpu: { capacity: 8 }\n");
  write_text(folder.file("bad.yaml"), "cpu: { capacity: eight }\n");
  const auto check = [&](const std::string& file) {
    const std::string command = bin_dir() + "/slotd --check-config --config " + folder.file(file) +
                                " --segment " + folder.file("segment") + " >" + folder.file("out") +
                                " 2>&1";
    return WEXITSTATUS(std::system(command.c_str()));
  };
  EXPECT_EQ(check("good.yaml"), 0);
  EXPECT_EQ(check("bad.yaml"), kExitConfig);
  EXPECT_NE(read_text(folder.file("out")).find("bad.yaml:1:18: error: "), std::string::npos)
      << read_text(folder.file("out"));
  EXPECT_EQ(check("none.yaml"), kExitConfig);
  EXPECT_FALSE(std::filesystem::exists(folder.file("segment")));
}

}  // namespace
}  // namespace slotd::testing
