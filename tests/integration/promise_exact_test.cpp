// P11: a refusal is exact. A scan is not a snapshot: slots that move through the table while it is
// read must not be counted twice, and slots that were never held at one time must not add up to a
// refusal.
#include <gtest/gtest.h>

#include <atomic>
#include <ostream>
#include <string>
#include <thread>
#include <vector>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"
#include "tests/support/worker_process.hpp"

namespace slotd::testing {
namespace {

constexpr std::uint32_t kSlots = 4096;
constexpr int kClaims = 40'000;

/// One slot that walks: the next word is held before the last one is freed, so one or two are held
/// at any instant.
class Walker {
 public:
  Walker(const SegmentProbe& hand, std::uint32_t owner, std::uint32_t type, std::uint32_t step)
      : hand_(hand), owner_(owner), type_(type), step_(step), thread_([this] { walk(); }) {}
  ~Walker() {
    stop_.store(true);
    thread_.join();
  }

 private:
  void walk() {
    std::uint32_t generation = 1;
    std::uint32_t at = 1;
    put(at, generation);
    while (!stop_.load(std::memory_order_relaxed)) {
      const std::uint32_t next = at + step_ < kSlots ? at + step_ : 1 + (at + step_) % 7;
      put(next, ++generation);
      hand_.view().word(at).store(hand_.word(at).freed().raw);
      at = next;
    }
    hand_.view().word(at).store(hand_.word(at).freed().raw);
  }
  void put(std::uint32_t slot, std::uint32_t generation) {
    hand_.view().word(slot).store(
        SlotWord::make(owner_, SlotState::kActive, type_, 1000, generation).raw);
  }

  const SegmentProbe& hand_;
  std::uint32_t owner_;
  std::uint32_t type_;
  std::uint32_t step_;
  std::atomic<bool> stop_{false};
  std::thread thread_;
};

struct Limit {
  const char* name;
  const char* config;
};

std::ostream& operator<<(std::ostream& out, const Limit& value) { return out << value.name; }
// Between one and two walkers are held, so there is always room for one asker, whatever the limit
// is made of.
constexpr Limit kLimits[] = {{"type_limit",
                              "cpu: { capacity: 64 }\ntypes: { walker: { max: 3, cpu: 1.0 }, "
                              "asker: { counts_as: walker, cpu: 0.001 } }\n"},
                             {"group_limit",
                              "cpu: { capacity: 64 }\ntypes: { walker: { cpu: 1.0, groups: { g: 5 "
                              "} }, asker: { cpu: 0, groups: { g: 1 } } }\n"
                              "groups: { g: { max: 14 } }\n"},
                             {"cpu",
                              "cpu: { capacity: 3, max_utilization: 1.0 }\ntypes: { walker: { cpu: "
                              "1.0 }, asker: { cpu: 0.9 } }\n"}};

class MovingSlots : public ::testing::TestWithParam<Limit> {};
INSTANTIATE_TEST_SUITE_P(Limit, MovingSlots, ::testing::ValuesIn(kLimits),
                         [](const auto& param) { return std::string(param.param.name); });

TEST_P(MovingSlots, are_not_counted_twice) {
  BrokerProcess broker(std::string(GetParam().config) + "segment: { slots: 4096, processes: 8 }\n");
  Client client({broker.segment(), "asker"});
  WorkerProcess owner(broker.segment());
  const SegmentProbe hand(broker.segment(), Access::kReadWrite);
  hand.view().header().mark.store(kSlots);
  std::uint64_t refused = 0;
  std::uint64_t contended = 0;
  const TypeId asker = client.type("asker");
  for (const std::uint32_t step : {1U, 5U, 97U, 800U}) {
    const Walker walker(hand, hand.find_process(owner.pid()).index, client.type("walker").index,
                        step);
    std::error_code ec;
    for (int i = 0; i < kClaims / 4; ++i) {
      Slot slot = client.try_claim(asker, {}, ec);
      ASSERT_FALSE(ec);
      const Reason reason = slot.refusal().reason();
      refused += reason != Reason::kNone && reason != Reason::kContended ? 1U : 0U;
      contended += reason == Reason::kContended ? 1U : 0U;
      slot.release(ec);
      const Verdict dry = client.can_accept(asker, {}, ec);
      refused += !dry && dry.reason != Reason::kContended ? 1U : 0U;
    }
  }
  EXPECT_EQ(refused, 0U) << "refusals while there was room at every instant";
  RecordProperty("contended", static_cast<int>(contended));
}

}  // namespace
}  // namespace slotd::testing
