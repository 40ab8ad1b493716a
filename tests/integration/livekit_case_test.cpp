// The worked cases of a LiveKit egress host, with exactly their numbers, through the real client
// and the real broker. Cases 2, 4 and 8 rest on what jobs are measured to use, 6 on pressure: they
// are in unit/metering_test.cpp and unit/pressure_test.cpp, with figures that nothing disturbs.
#include <gtest/gtest.h>

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/heap_segment.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

/// A native config: cores, further cpu keys, and the lines of `types:`.
std::string make_config(const std::string& cores, const std::string& types,
                        const std::string& cpu = "") {
  return "cpu: { capacity: " + cores + ", max_utilization: 0.8" + cpu + " }\ntypes:\n" + types;
}

Client make_client(const BrokerProcess& broker) { return Client({broker.segment(), "case"}); }

TEST(WorkedCases, livekit_case_1) {
  BrokerProcess broker(make_config("12", "  participant: { cpu: 2.0 }\n"));
  Client client = make_client(broker);
  const SegmentProbe probe(broker.segment());
  EXPECT_EQ(probe.snapshot().capacity_micro, 12'000'000U);
  EXPECT_EQ(probe.snapshot().budget_micro, 9'600'000U);

  std::vector<Slot> slots;
  for (const std::int64_t available : {7'600'000, 5'600'000, 3'600'000, 1'600'000}) {
    slots.push_back(client.try_claim("participant"));
    ASSERT_TRUE(slots.back()) << slots.back().refusal().text();
    EXPECT_EQ(probe.available_micro(), available);
  }
  const Slot fifth = client.try_claim("participant");
  ASSERT_FALSE(fifth);
  EXPECT_EQ(fifth.refusal().reason(), Reason::kCpu);
  EXPECT_EQ(fifth.refusal().verdict().required_micro, 2'000'000);
  EXPECT_EQ(fifth.refusal().verdict().available_micro, 1'600'000);
}

TEST(WorkedCases, livekit_case_1_with_max_3) {
  BrokerProcess broker(
      make_config("12", "  participant: { max: 3, cpu: 2.0 }\n  track: { cpu: 0.5 }\n"));
  Client client = make_client(broker);
  const SegmentProbe probe(broker.segment());
  std::vector<Slot> slots;
  for (int i = 0; i < 3; ++i) {
    slots.push_back(client.try_claim("participant"));
    ASSERT_TRUE(slots.back());
  }
  const Slot fourth = client.try_claim("participant");
  ASSERT_FALSE(fourth);
  EXPECT_EQ(fourth.refusal().reason(), Reason::kTypeLimit);
  EXPECT_EQ(fourth.refusal().verdict().limit, 3U);
  EXPECT_EQ(fourth.refusal().verdict().in_use, 3U);
  const Slot track = client.try_claim("track");
  ASSERT_TRUE(track);
  EXPECT_EQ(probe.available_micro(), 3'100'000);
}

constexpr const char* kCompositeAndTrack =
    "  room_composite: { cpu: 4.0 }\n  track: { cpu: 0.5 }\n";

TEST(WorkedCases, livekit_case_3) {
  BrokerProcess broker(make_config("4", kCompositeAndTrack));
  Client client = make_client(broker);
  const SegmentProbe probe(broker.segment());
  const Slot composite = client.try_claim("room_composite");
  ASSERT_TRUE(composite) << composite.refusal().text();
  EXPECT_EQ(probe.available_micro(), -800'000) << "a negative figure is kept";
  const Slot track = client.try_claim("track");
  ASSERT_FALSE(track);
  EXPECT_EQ(track.refusal().reason(), Reason::kCpu);
  EXPECT_EQ(track.refusal().verdict().required_micro, 500'000);
  EXPECT_EQ(track.refusal().verdict().available_micro, -800'000);
}

TEST(WorkedCases, livekit_case_3_too_large_for_3_9_cores_even_when_idle) {
  BrokerProcess broker(make_config("3.9", kCompositeAndTrack));
  Client client = make_client(broker);
  const Slot composite = client.try_claim("room_composite");
  ASSERT_FALSE(composite);
  EXPECT_EQ(composite.refusal().reason(), Reason::kTooLarge);
  EXPECT_EQ(composite.refusal().verdict().required_micro, 4'000'000);
  EXPECT_EQ(composite.refusal().verdict().available_micro, 3'900'000);
}

TEST(WorkedCases, livekit_case_3_not_idle_with_a_track_of_another_worker) {
  BrokerProcess broker(make_config("4", kCompositeAndTrack));
  WorkerProcess other(broker.segment());
  ASSERT_TRUE(other.ask("claim track").is_claimed());
  Client client = make_client(broker);
  EXPECT_EQ(SegmentProbe(broker.segment()).available_micro(), 2'700'000);
  const Slot composite = client.try_claim("room_composite");
  ASSERT_FALSE(composite);
  EXPECT_EQ(composite.refusal().reason(), Reason::kCpu);
  EXPECT_EQ(composite.refusal().verdict().available_micro, 2'700'000);
}

TEST(WorkedCases, livekit_case_3_too_large_for_the_budget_without_idle_rule) {
  BrokerProcess broker(make_config("4", kCompositeAndTrack, ", idle_rule: false"));
  Client client = make_client(broker);
  const Slot composite = client.try_claim("room_composite");
  ASSERT_FALSE(composite);
  EXPECT_EQ(composite.refusal().reason(), Reason::kTooLarge);
  EXPECT_EQ(composite.refusal().verdict().available_micro, 3'200'000);
}

/// Web jobs take 4 of the pool; `tone` takes 1, so that 57 can be reached.
constexpr const char* kPool =
    "  web: { cpu: 0.1, groups: { pulse: 4 } }\n"
    "  tone: { cpu: 0.1, groups: { pulse: 1 } }\n"
    "  participant: { cpu: 2.0 }\n"
    "groups: { pulse: { max: 60 } }\n";

TEST(WorkedCases, livekit_case_5) {
  BrokerProcess broker(make_config("64", kPool));
  WorkerProcess other(broker.segment());
  for (int i = 0; i < 14; ++i) ASSERT_TRUE(other.ask("claim web").is_claimed());  // 14 x 4 = 56
  Client client = make_client(broker);
  Slot web = client.try_claim("web");
  ASSERT_TRUE(web) << web.refusal().text();
  const Slot next = client.try_claim("web");
  ASSERT_FALSE(next);
  EXPECT_EQ(next.refusal().reason(), Reason::kGroupLimit);
  EXPECT_EQ(next.refusal().verdict().in_use, 60U);

  web.release();
  ASSERT_TRUE(other.ask("claim tone").is_claimed());  // 57
  const Slot refused = client.try_claim("web");
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.refusal().reason(), Reason::kGroupLimit);
  EXPECT_EQ(refused.refusal().group(), "pulse");
  EXPECT_EQ(refused.refusal().verdict().limit, 60U);
  EXPECT_EQ(refused.refusal().verdict().in_use, 57U);
  EXPECT_EQ(refused.refusal().verdict().weight, 4U);
  EXPECT_TRUE(client.try_claim("participant")) << "not a member of the pool";
}

/// The same pool, taken by something that is no slot: the count stands in the sample block.
TEST(WorkedCases, livekit_case_5_taken_from_outside) {
  broker::LedgerSpec spec = make_spec(64'000'000);
  broker::LedgerGroup pulse;
  pulse.name = "pulse";
  pulse.limit = 60;
  pulse.weights[kWeb] = 4;
  spec.groups.push_back(pulse);
  for (const std::uint64_t outside : {56U, 57U}) {
    const HeapSegment segment(spec);
    broker::Sample sample;
    sample.external_use[0] = outside;
    broker::publish_sample(segment.view(), sample);
    const ProcessRef owner = segment.add_process();
    const ClaimResult web = segment.claim(owner, kWeb);
    EXPECT_EQ(web.verdict.reason, outside == 56 ? Reason::kNone : Reason::kGroupLimit);
    const ClaimResult second = segment.claim(owner, kWeb);
    EXPECT_EQ(second.verdict.reason, Reason::kGroupLimit);
    EXPECT_EQ(second.verdict.in_use, outside == 56 ? 60U : 57U);
    EXPECT_TRUE(segment.claim(owner, kParticipant).verdict);
  }
}

TEST(WorkedCases, livekit_case_7) {
  BrokerProcess broker(make_config("32", "  room_composite: { max: unlimited, cpu: 4.0 }\n"));
  std::array<std::unique_ptr<WorkerProcess>, 4> services;
  for (auto& service : services) service = std::make_unique<WorkerProcess>(broker.segment());
  for (std::size_t i = 0; i < 6; ++i) {
    ASSERT_TRUE(services[i % 4]->ask("claim room_composite").is_claimed()) << i;
  }
  for (auto& service : services)
    EXPECT_EQ(service->ask("claim room_composite").text, "refused cpu");
  const SegmentProbe probe(broker.segment());
  EXPECT_EQ(probe.held(), 6U);
  EXPECT_EQ(probe.available_micro(), 1'600'000);
}

TEST(WorkedCases, livekit_case_7_all_services_at_once) {
  BrokerProcess broker(make_config("32", "  room_composite: { max: unlimited, cpu: 4.0 }\n"));
  std::array<std::unique_ptr<WorkerProcess>, 4> services;
  for (auto& service : services) service = std::make_unique<WorkerProcess>(broker.segment());
  int admitted = 0;
  // Six at most in the burst of 24; who was told `contended` was told to ask again.
  for (int round = 0; round < 6; ++round) {
    for (auto& service : services) service->send("claim room_composite");
    for (auto& service : services) admitted += service->receive().is_claimed() ? 1 : 0;
    EXPECT_LE(admitted, 6);
  }
  for (auto& service : services) {
    Reply reply = service->ask("claim room_composite");
    while (reply.is_claimed()) {
      ++admitted;
      reply = service->ask("claim room_composite");
    }
    EXPECT_EQ(reply.text, "refused cpu");
  }
  EXPECT_EQ(admitted, 6);
  EXPECT_EQ(SegmentProbe(broker.segment()).held(), 6U);
}

TEST(WorkedCases, livekit_case_9) {
  BrokerProcess broker(make_config("8", "  participant: { cpu: 2.0 }\n"));
  std::array<std::unique_ptr<WorkerProcess>, 10> services;
  for (auto& service : services) service = std::make_unique<WorkerProcess>(broker.segment());
  for (auto& service : services) service->send("can participant");
  for (auto& service : services) EXPECT_EQ(service->receive().text, "yes");

  int admitted = 0;
  for (auto& service : services) service->send("claim participant");
  for (auto& service : services) {
    Reply reply = service->receive();
    while (reply.text == "refused contended") reply = service->ask("claim participant");
    admitted += reply.is_claimed() ? 1 : 0;
    EXPECT_TRUE(reply.is_claimed() || reply.text == "refused cpu") << reply.text;
  }
  EXPECT_EQ(admitted, 3);
  EXPECT_EQ(SegmentProbe(broker.segment()).available_micro(), 400'000);
}

}  // namespace
}  // namespace slotd::testing
