#include "tools/dev/mainjob/observer.hpp"

namespace slotd::mainjob {

void Observer::read_pass(std::vector<std::uint64_t>& claims) const {
  claims.resize(view_.slot_count());
  for (std::uint32_t slot = 0; slot < view_.slot_count(); ++slot) {
    const SlotWord word{view_.word(slot).load(std::memory_order_acquire)};
    // The step from PENDING to ACTIVE to ENDING is no change here. A change of owner is one, and
    // gives another generation.
    claims[slot] = word.is_held() ? word.with_state(SlotState::kPending).raw : 0;
  }
}

Observation Observer::observe() {
  Observation observation;
  read_pass(after_);
  for (int pass = 1; pass < kMostPasses && !observation.settled; ++pass) {
    before_.swap(after_);
    read_pass(after_);
    observation.settled = before_ == after_;
  }
  for (std::uint32_t slot = 0; slot < view_.slot_count(); ++slot) {
    if (after_[slot] != 0 && before_[slot] == after_[slot])
      observation.held.push_back(SlotWord{after_[slot]});
  }
  return observation;
}

std::vector<std::string> Observer::check(const Limits& limits) {
  const Observation observation = observe();
  tally_ = count_words(limits, observation.held);
  ++looks_;
  if (!observation.settled) ++unsettled_;
  return find_excess(limits, tally_);
}

std::uint32_t Observer::count_taken() const {
  std::uint32_t taken = 0;
  for (std::uint32_t slot = 0; slot < view_.slot_count(); ++slot) {
    if (!SlotWord{view_.word(slot).load(std::memory_order_acquire)}.is_free()) ++taken;
  }
  return taken;
}

}  // namespace slotd::mainjob
