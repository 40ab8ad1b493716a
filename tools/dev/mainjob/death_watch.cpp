#include "tools/dev/mainjob/death_watch.hpp"

#include <algorithm>

namespace slotd::mainjob {

std::vector<ProcessRef> DeathWatch::find_entries(int pid) const {
  std::vector<ProcessRef> entries;
  const SegmentView& view = processes_.view();
  for (std::uint32_t index = 1; index <= view.process_count(); ++index) {
    const ProcessRef tenant = processes_.find_tenant(index);
    const Reservation reservation{view.process(index).reservation.load(std::memory_order_acquire)};
    if (tenant && static_cast<int>(reservation.pid()) == pid &&
        reservation.pid_ns_inode() == processes_.self().pid_ns_inode) {
      entries.push_back(tenant);
    }
  }
  return entries;
}

void DeathWatch::add(const std::string& what, const std::vector<ProcessRef>& entries,
                     std::uint64_t now_ns) {
  if (!entries.empty()) open_.push_back({what, entries, now_ns, 0, false});
}

std::uint32_t DeathWatch::count_held(const Death& death) const {
  const SegmentView& view = processes_.view();
  std::uint32_t held = 0;
  for (std::uint32_t slot = 0; slot < view.slot_count(); ++slot) {
    const SlotWord word{view.word(slot).load(std::memory_order_acquire)};
    if (!word.is_held()) continue;
    for (const ProcessRef& entry : death.entries) {
      if (word.owner() != entry.index) continue;
      // The tenancy is looked at after the word: as long as it lasts, the word is the dead one's.
      if (view.process(entry.index).attach.load(std::memory_order_acquire) == entry.attach) ++held;
    }
  }
  return held;
}

std::vector<std::string> DeathWatch::look(std::uint64_t now_ns, std::uint64_t broker_up_since_ns) {
  std::vector<std::string> late;
  for (Death& death : open_) {
    const std::uint32_t held = count_held(death);
    if (held == 0) {
      if (death.late) late_slots_ += death.held;
      if (death.held != 0)
        longest_return_ns_ = std::max(longest_return_ns_, now_ns - death.killed_at_ns);
      death.entries.clear();
      continue;
    }
    death.held = held;
    if (death.late || broker_up_since_ns == 0) continue;
    if (now_ns - std::max(death.killed_at_ns, broker_up_since_ns) <= kReturnWithinNs) continue;
    death.late = true;
    late.push_back(death.what + " still holds " + std::to_string(held));
  }
  std::erase_if(open_, [](const Death& death) { return death.entries.empty(); });
  return late;
}

}  // namespace slotd::mainjob
