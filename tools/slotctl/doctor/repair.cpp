#include "tools/slotctl/doctor/repair.hpp"

#include "slotd/waiters.hpp"
#include "tools/slotctl/doctor/segment_probe.hpp"

namespace slotd::ctl {

namespace {

std::string list(const std::vector<std::uint32_t>& numbers) {
  std::string text;
  for (const std::uint32_t number : numbers)
    text += (text.empty() ? "" : ", ") + std::to_string(number);
  return text;
}

/// Counted where sweepers count: at the dead owner, by an RMW.
void count_reaped(const SegmentView& view, SlotWord word) {
  if (!word.is_held()) return;
  view.counters(word.owner()).shared.reaped.value.fetch_add(1, std::memory_order_relaxed);
}

std::uint32_t recycle_dead_entries(const ProcessTable& processes) {
  std::uint32_t freed = 0;
  // The last entry is the broker's: the next broker takes it over.
  for (std::uint32_t index = 1; index < processes.view().process_count(); ++index) {
    const ProcessRef tenant = processes.find_tenant(index);
    if (!tenant || processes.judge_owner(tenant, ProbeMode::kPidfd) != OwnerLife::kGone) continue;
    if (processes.try_recycle(index, ProbeMode::kPidfd)) ++freed;
  }
  return freed;
}

}  // namespace

std::vector<std::string> repair_segment(const ProcessTable& processes) {
  const SegmentView& view = processes.view();
  std::vector<std::string> done;
  std::vector<std::uint32_t> freed;
  for (std::uint32_t slot = 0; slot < view.slot_count(); ++slot) {
    const auto word = processes.reap_word(slot, ProbeMode::kPidfd);
    if (!word) continue;
    count_reaped(view, *word);
    freed.push_back(slot);
  }
  if (!freed.empty()) done.push_back("freed what dead owners held: slot " + list(freed));
  const std::uint32_t entries = recycle_dead_entries(processes);
  if (entries != 0) done.push_back("freed process entries of the dead: " + std::to_string(entries));
  if (is_settling_overdue(processes)) {
    view.header().drain.fetch_and(~kDrainRebuild, std::memory_order_seq_cst);
    done.emplace_back("ended the drain that a broker left behind in a rebuild");
  }
  if (!done.empty()) wake_waiters(processes);
  return done;
}

}  // namespace slotd::ctl
