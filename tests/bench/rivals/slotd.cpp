// slotd itself, through the public client, on a segment without a broker.
#include <utility>

#include "slotd/client.hpp"
#include "tests/bench/bench_segment.hpp"
#include "tests/bench/rivals/contender.hpp"

namespace slotd::bench {

namespace {

class SlotdMember final : public MemberLoops<SlotdMember> {
 public:
  explicit SlotdMember(const std::string& segment_path)
      : client_({.segment_path = segment_path, .name = "bench"}), type_(client_.type(kPlainType)) {}

  bool try_take() override {
    slot_ = client_.try_claim(type_, {}, error_);
    return static_cast<bool>(slot_);
  }
  void give_back() override {
    slot_.release(error_);
    if (error_) fail_child("a release failed");
  }
  void keep() override { kept_.push_back(std::move(slot_)); }
  bool probe_free() override { return static_cast<bool>(client_.can_accept(type_, {}, error_)); }

 private:
  Client client_;
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
    return std::make_unique<SlotdMember>(segment_->path());
  }

 private:
  std::unique_ptr<BenchSegment> segment_;
};

}  // namespace

std::unique_ptr<Contender> make_slotd() { return std::make_unique<SlotdContender>(); }

}  // namespace slotd::bench
