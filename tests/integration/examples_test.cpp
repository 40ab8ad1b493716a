// The example programs of the client against a real broker, on their own.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <string>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/child_program.hpp"
#include "tests/support/segment_probe.hpp"

namespace slotd::testing {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;

constexpr const char* kConfig =
    "cpu: { capacity: 8 }\n"
    "types: { participant: { max: 1, cpu: 0.5 }, track: { max: 2, cpu: 0.5 } }\n"
    "segment: { slots: 16, processes: 32 }\n";

std::string use_segment(const BrokerProcess& broker) { return "SLOTD_SEGMENT=" + broker.segment(); }

TEST(Examples, quick_start_runs_and_gives_back) {
  const BrokerProcess broker(kConfig);
  const SegmentProbe probe(broker.segment());
  ChildProgram example("quick_start", {}, {use_segment(broker)});
  EXPECT_EQ(example.wait_end(), 0) << example.err();
  EXPECT_THAT(example.out(), StartsWith("running as v1-"));
  EXPECT_EQ(probe.taken(), 0U);
  EXPECT_EQ(probe.counters().claims, 1U);
  EXPECT_EQ(probe.counters().releases, 1U);
}

TEST(Examples, quick_start_says_why_there_is_no_room) {
  const BrokerProcess broker(kConfig);
  Client client({.segment_path = broker.segment()});
  const Slot only = client.try_claim("participant");
  ASSERT_TRUE(only);
  ChildProgram example("quick_start", {}, {use_segment(broker)});
  EXPECT_EQ(example.wait_end(), 75);
  EXPECT_THAT(example.out(), HasSubstr("participant"));
  EXPECT_THAT(example.out(), HasSubstr("type_limit"));
}

// Arithmetic: 0.8 of 32 cores are 25.6, six jobs of 4. Four services that count alone admit four
// times that; beside each other six in all, and 25.6 - 24 = 1.6 are left for the seventh.
TEST(Examples, four_services_promise_a_host_once_or_four_times) {
  const BrokerProcess broker(
      "cpu: { capacity: 32, max_utilization: 0.8 }\ntypes: { room_composite: { cpu: 4.0 } }\n");
  const SegmentProbe probe(broker.segment());
  ChildProgram example("four_services", {}, {use_segment(broker)});
  EXPECT_EQ(example.wait_end(), 0) << example.err();
  const std::string text = example.out();
  const std::size_t shared = text.find("Each service asks slotd");
  ASSERT_NE(shared, std::string::npos) << text;
  EXPECT_THAT(text.substr(0, shared), HasSubstr("24 jobs, 96 cores promised, the host has 32"));
  EXPECT_THAT(text.substr(0, shared), HasSubstr("job 25             refused by service 1"));
  EXPECT_THAT(text.substr(shared), HasSubstr("6 jobs, 24 cores promised, the host has 32"));
  EXPECT_THAT(text.substr(shared),
              HasSubstr("job  7             refused by service 3: room_composite: cpu "
                        "(required 4, available 1.6)"));
  EXPECT_EQ(probe.counters().claims, 6U);
  EXPECT_EQ(probe.counters().refused(), 4U);
  EXPECT_TRUE(probe.wait_all_free()) << "the services were killed with their jobs";
}

TEST(Examples, service_and_handlers_share_out_the_node) {
  const BrokerProcess broker(kConfig);
  const SegmentProbe probe(broker.segment());
  ChildProgram service("egress_service",
                       {"--segment", broker.segment(), "--seed", "1", "--mean-ms", "100"});
  EXPECT_TRUE(wait_until(
      [&] { return probe.counters().releases >= 5 && probe.counters().refused() >= 1; }));
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_end(), 0);
  EXPECT_EQ(service.err(), "");
  // Every job ended by itself, and every handler had taken its slot over: nothing was stale,
  // nothing had to be reaped.
  EXPECT_EQ(probe.taken(), 0U);
  const CounterTotals counters = probe.counters();
  EXPECT_EQ(counters.releases, counters.claims);
  EXPECT_EQ(counters.reaped, 0U);
  EXPECT_EQ(counters.stale, 0U);
}

TEST(Examples, handlers_outlive_their_service) {
  const BrokerProcess broker("cpu: { capacity: 8 }\ntypes: { track: { max: 1, cpu: 0.5 } }\n");
  const SegmentProbe probe(broker.segment());
  ChildProgram service("egress_service",
                       {"--segment", broker.segment(), "--seed", "2", "--mean-ms", "3000"});
  ASSERT_TRUE(wait_until([&] {
    service.signal(SIGSTOP);  // it claims nothing between this look and its death
    for (const SlotSnapshot& slot : probe.snapshot().slots) {
      if (slot.word.state() == SlotState::kActive && slot.owner_pid != service.pid()) return true;
    }
    service.signal(SIGCONT);
    return false;
  }));
  service.signal(SIGKILL);
  EXPECT_EQ(service.wait_end(), 128 + SIGKILL);
  // The handler finishes its job and gives the slot back itself; nobody takes it from the dead
  // service.
  EXPECT_TRUE(probe.wait_all_free());
  EXPECT_EQ(probe.counters().releases, probe.counters().claims);
  EXPECT_EQ(probe.counters().reaped, 0U);
}

TEST(Examples, handler_adopts_the_slot_of_its_token) {
  const BrokerProcess broker(kConfig);
  const SegmentProbe probe(broker.segment());
  Client client({.segment_path = broker.segment()});
  Slot slot = client.try_claim("track", {.key = "EG_1"});
  ASSERT_TRUE(slot);
  ChildProgram handler("egress_handler", {"--work-ms", "50", "--cpu-milli", "100"},
                       {use_segment(broker), "SLOTD_TOKEN=" + slot.token()});
  EXPECT_EQ(handler.wait_end(), 0) << handler.err();
  EXPECT_EQ(probe.taken(), 0U);
  std::error_code ec;
  slot.release(ec);  // the service's token went stale when the handler adopted
  EXPECT_EQ(ec, Errc::kStaleToken);
}

TEST(Examples, handler_does_nothing_without_its_slot) {
  const BrokerProcess broker(kConfig);
  Client client({.segment_path = broker.segment()});
  Slot slot = client.try_claim("track");
  const std::string token = slot.token();
  slot.release();
  ChildProgram late("egress_handler", {}, {use_segment(broker), "SLOTD_TOKEN=" + token});
  EXPECT_EQ(late.wait_end(), 3);
  ChildProgram wrong("egress_handler", {}, {use_segment(broker), "SLOTD_TOKEN=x"});
  EXPECT_EQ(wrong.wait_end(), 1);
  EXPECT_THAT(wrong.err(), HasSubstr("not a slotd token"));
  ChildProgram none("egress_handler", {}, {use_segment(broker), "SLOTD_TOKEN"});  // putenv: unset
  EXPECT_EQ(none.wait_end(), 64);
}

TEST(Examples, service_gives_back_the_slot_of_a_handler_that_never_came) {
  const BrokerProcess broker(kConfig);
  const SegmentProbe probe(broker.segment());
  // A handler that ends before it has adopted anything.
  const TestFolder folder;
  std::filesystem::copy_file(bin_dir() + "/egress_service", folder.file("egress_service"));
  std::filesystem::create_symlink("/bin/true", folder.file("egress_handler"));
  ChildProgram service(std::filesystem::relative(folder.file("egress_service"), bin_dir()).string(),
                       {"--segment", broker.segment(), "--seed", "3"});
  EXPECT_TRUE(wait_until([&] { return probe.counters().releases >= 5; }));
  service.signal(SIGTERM);
  EXPECT_EQ(service.wait_end(), 0);
  EXPECT_EQ(probe.taken(), 0U);
  EXPECT_EQ(probe.counters().releases, probe.counters().claims);
  EXPECT_EQ(probe.counters().stale, 0U);
}

}  // namespace
}  // namespace slotd::testing
