#include "tools/dev/mainjob/burn_watch.hpp"

#include <algorithm>

namespace slotd::mainjob {

void check_admissions(const ChargeLook& before, const ChargeLook& now, std::uint64_t budget_micro,
                      AdmissionCheck& check) {
  const auto is_new = [&](const auto& slot) { return before.slots.count(slot) == 0; };
  const auto fresh =
      static_cast<std::uint64_t>(std::count_if(now.slots.begin(), now.slots.end(), is_new));
  if (fresh == 0) return;
  check.seen += fresh;
  // While the broker is down lower charges than the reserved ones are not believed.
  if (before.sample_epoch != now.sample_epoch || !now.is_broker_up || !before.is_broker_up) return;
  check.checked += fresh;
  check.highest_micro = std::max(check.highest_micro, now.charged_micro);
  if (now.charged_micro > budget_micro) ++check.over_budget;
}

bool BurnWatch::look() {
  const auto& epoch_word = processes_.view().header().sample_epoch;
  const std::uint64_t epoch = epoch_word.load(std::memory_order_acquire);
  Snapshot snapshot = read_snapshot(processes_);
  if (!snapshot.stable || epoch_word.load(std::memory_order_acquire) != epoch) return false;
  last_ = std::move(snapshot);
  most_slots_ = std::max(most_slots_, last_.slots.size());
  if (epoch != sample_epoch_) take_sample(epoch);
  ChargeLook now;
  now.sample_epoch = epoch;
  now.charged_micro = last_.charged_micro;
  now.is_broker_up = last_.broker.state == BrokerState::kReady;
  for (const SlotSnapshot& slot : last_.slots) now.slots.emplace(slot.slot, slot.word.generation());
  check_admissions(before_, now, last_.budget_micro, admissions_);
  before_ = std::move(now);
  return true;
}

/// A sample that was missed leaves a gap: its figures are averages since the one before it.
void BurnWatch::take_sample(std::uint64_t epoch) {
  const std::uint64_t at_ns = processes_.view().sample(epoch).sampled_at_ns.get();
  const bool follows = sample_epoch_ != 0 && epoch == sample_epoch_ + 1;
  if (follows && at_ns > sampled_at_ns_) {
    for (const SlotSnapshot& slot : last_.slots) {
      if (slot.measured_micro)
        measured_[slot.owner_pid].push_back({sampled_at_ns_, at_ns, *slot.measured_micro});
    }
  }
  sample_epoch_ = epoch;
  sampled_at_ns_ = at_ns;
  ++samples_;
}

}  // namespace slotd::mainjob
