// P8: whatever is scribbled over the segment, the broker and whoever looks at it may report
// corruption, never crash, loop or write outside it. The scribbler is a test with a seed; the
// broker that lives through it is the real one.
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

constexpr const char* kConfig =
    "cpu: { capacity: 10 }\n"
    "memory: { max: 1GiB, headroom: 1MiB }\n"
    "types:\n"
    "  a: { max: 3, cpu: 1.0, groups: { g: 2, h: 1 } }\n"
    "  b: { counts_as: a, cpu: 1.0, memory: 5MB, groups: { g: 1 }, aliases: [c] }\n"
    "groups: { g: { max: 8 }, h: {} }\n"
    "segment: { slots: 32, processes: 12 }\n";

std::uint64_t draw(std::mt19937_64& random) {
  constexpr std::uint64_t kNasty[] = {0,           1,          2,          3,     0x7fff'ffff,
                                      0xffff'ffff, 1ULL << 32, 1ULL << 63, ~0ULL, ~0ULL - 1};
  return random() % 3 == 0 ? kNasty[random() % std::size(kNasty)] : random();
}

/// Overwrites 8-byte cells of a section; all of them, or a tenth.
void scribble(const SegmentProbe& hand, SectionId section, std::mt19937_64& random, bool all) {
  const SectionRange range = compute_geometry(hand.view().capacities())[section];
  auto* base = reinterpret_cast<char*>(&hand.view().header());
  auto* cells = reinterpret_cast<std::atomic<std::uint64_t>*>(base + range.offset);
  const std::uint64_t count = std::uint64_t{range.count} * range.stride / 8;
  for (std::uint64_t i = 0; i < count; ++i) {
    if (all || random() % 10 == 0) cells[i].store(draw(random), std::memory_order_relaxed);
  }
}

/// All of the header but the state, which tells the clients that they are attached.
void scribble_header(const SegmentProbe& hand, std::mt19937_64& random) {
  auto* cells = reinterpret_cast<std::atomic<std::uint64_t>*>(&hand.view().header());
  for (std::size_t i = 0; i < sizeof(Header) / 8; ++i) {
    if (i != offsetof(Header, state) / 8 && random() % 3 == 0) cells[i].store(draw(random));
  }
}

/// What a reader and a claimer do with it. Answers do not matter, that there are some does.
void use_everything(const SegmentProbe& hand, Client& client) {
  const Snapshot snapshot = hand.snapshot();
  EXPECT_LE(snapshot.slots.size(), hand.view().slot_count());
  EXPECT_LE(snapshot.types.size(), kMaxTypes);
  std::error_code ec;
  for (const char* type : {"a", "b", "c", "none"}) {
    Slot slot = client.try_claim(type, {.key = "EG_1"}, ec);
    EXPECT_FALSE(slot.refusal().text().empty());
    Slot second = client.try_claim(type, {}, ec);
    second.activate(ec);
    client.can_accept(client.type(type), {}, ec);
  }
  client.find("EG_1");
  client.open("v1-1-1-1-1", ec);
  compute_affinity(hand.view());
}

class Hostile : public ::testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Seed, Hostile, ::testing::Range(1, 7));

TEST_P(Hostile, scribbles_do_not_bring_the_broker_or_a_reader_down) {
  std::mt19937_64 random(static_cast<std::uint64_t>(GetParam()));
  BrokerProcess broker(kConfig);
  WorkerProcess worker(broker.segment());
  worker.ask("claim a key=EG_9");
  Client client({broker.segment(), "hostile"});
  const SegmentProbe hand(broker.segment(), Access::kReadWrite);
  for (std::uint32_t id = 0; id < static_cast<std::uint32_t>(SectionId::kCount); ++id) {
    scribble(hand, static_cast<SectionId>(id), random, GetParam() % 2 == 0);
    use_everything(hand, client);
    std::this_thread::sleep_for(std::chrono::milliseconds(120));  // a look of the broker's
    ASSERT_TRUE(broker.is_running()) << "section " << id << "\n" << broker.log_of_run();
  }
  scribble_header(hand, random);
  use_everything(hand, client);
  std::this_thread::sleep_for(std::chrono::milliseconds(120));
  broker.signal(SIGHUP);
  ASSERT_TRUE(broker.is_running()) << broker.log_of_run();
  EXPECT_EQ(broker.stop(), 0) << broker.log_of_run();

  // The next one adopts what it finds, makes a new one, or says why not; it does not die of it.
  const int code = broker.run_for_ms(400);
  EXPECT_TRUE(code == 0 || (code >= 64 && code <= 78)) << code << "\n" << broker.log_of_run();
}

TEST(HostileSegment, broker_that_finds_scribbles_in_a_dead_segment_starts_or_says_why_not) {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    std::mt19937_64 random(seed);
    BrokerProcess broker(kConfig);
    broker.kill_now();
    {
      const SegmentProbe hand(broker.segment(), Access::kReadWrite);
      for (std::uint32_t id = 0; id < static_cast<std::uint32_t>(SectionId::kCount); ++id) {
        if (random() % 2 == 0)
          scribble(hand, static_cast<SectionId>(id), random, random() % 2 == 0);
      }
      if (random() % 2 == 0) scribble_header(hand, random);
    }
    const int code = broker.run_for_ms(400);
    EXPECT_TRUE(code == 0 || (code >= 64 && code <= 78)) << "seed " << seed << ": " << code << "\n"
                                                         << broker.log_of_run();
  }
}

}  // namespace
}  // namespace slotd::testing
