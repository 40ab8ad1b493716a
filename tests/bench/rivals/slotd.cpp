// slotd itself, through the public client, on a segment without a broker or on a broker's.
#include <chrono>
#include <stdexcept>
#include <utility>

#include "slotd/client.hpp"
#include "tests/bench/bench_segment.hpp"
#include "tests/bench/rivals/contender.hpp"
#include "tests/support/broker_process.hpp"

namespace slotd::bench {

namespace {

class SlotdMember final : public MemberLoops<SlotdMember> {
 public:
  SlotdMember(const std::string& segment_path, const char* type)
      : client_({.segment_path = segment_path, .name = "bench"}),
        type_name_(type),
        type_(client_.type(type)) {}

  bool try_take() override {
    slot_ = client_.try_claim(type_, {}, error_);
    return static_cast<bool>(slot_);
  }
  void take() override {
    slot_ = client_.claim_for(type_name_, std::chrono::hours(24));
    if (!slot_) fail_child("a waiter was refused");
  }
  void give_back() override {
    slot_.release(error_);
    if (error_) fail_child("a release failed");
  }
  void keep() override { kept_.push_back(std::move(slot_)); }
  bool probe_free() override { return static_cast<bool>(client_.can_accept(type_, {}, error_)); }

 private:
  Client client_;
  const char* type_name_;
  TypeId type_;
  std::error_code error_;
  Slot slot_;
  std::vector<Slot> kept_;
};

class SlotdContender final : public Contender {
 public:
  std::string name() const override { return "slotd"; }
  Recovery recovery() const override { return Recovery::kWhenSearched; }
  void set_room(std::uint32_t slots) override {
    SegmentPlan plan;
    plan.slots = kMaxSlots;
    plan.plain_limit = slots;
    segment_.reset();
    segment_ = std::make_unique<BenchSegment>(plan);
  }
  std::unique_ptr<Member> join() const override {
    return std::make_unique<SlotdMember>(segment_->path(), kPlainType);
  }

 private:
  std::unique_ptr<BenchSegment> segment_;
};

class BrokeredSlotd final : public Contender {
 public:
  explicit BrokeredSlotd(bool is_broker_up)
      : broker_(
            "cpu: { capacity: 64, idle_rule: false }\ntypes: { one: { max: 1, cpu: 0.1 }, "
            "many: { max: " +
            std::to_string(kManySlots) + ", cpu: 0.1 } }\n") {
    if (!is_broker_up) broker_.kill_now();
  }
  std::string name() const override { return "slotd"; }
  Recovery recovery() const override { return Recovery::kWhenSearched; }
  void set_room(std::uint32_t slots) override {
    if (slots != 1 && slots != kManySlots) throw std::logic_error("no type has so many slots");
    type_ = slots == 1 ? "one" : "many";
  }
  std::unique_ptr<Member> join() const override {
    return std::make_unique<SlotdMember>(broker_.segment(), type_);
  }

 private:
  testing::BrokerProcess broker_;
  const char* type_ = "one";
};

}  // namespace

std::unique_ptr<Contender> make_slotd() { return std::make_unique<SlotdContender>(); }

std::unique_ptr<Contender> make_brokered_slotd(bool is_broker_up) {
  return std::make_unique<BrokeredSlotd>(is_broker_up);
}

}  // namespace slotd::bench
