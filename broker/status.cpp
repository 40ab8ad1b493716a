#include "broker/status.hpp"

#include <algorithm>
#include <array>

#include "broker/log.hpp"
#include "slotd/ledger.hpp"
#include "slotd/scan.hpp"
#include "slotd/units.hpp"
#include "slotd/waiter_queue.hpp"

namespace slotd::broker {

namespace {

std::uint32_t sum_by_mask(const std::array<std::uint32_t, kMaxTypes>& counts, std::uint32_t mask) {
  std::uint32_t sum = 0;
  for (; mask != 0; mask &= mask - 1U) sum += counts[static_cast<std::size_t>(__builtin_ctz(mask))];
  return sum;
}

std::uint32_t count_waiting(const ProcessTable& processes) {
  if (processes.view().header().waiting.load(std::memory_order_acquire) == 0) return 0;
  const WaiterQueue queue(processes, processes.clock().coarse_ns() / kNsPerMs);
  return static_cast<std::uint32_t>(queue.end() - queue.begin());
}

using HeldByType = std::array<std::uint32_t, kMaxTypes>;

void find_type_debts(const SegmentView& view, const ConfigBlock& config, const HeldByType& held,
                     std::vector<Debt>& debts) {
  const std::uint32_t types = std::min(config.type_count.get(), kMaxTypes);
  for (std::uint32_t index = 0; index < types; ++index) {
    const TypeConfig& type = config.types[index];
    if ((type.base.get() & (kMaxTypes - 1U)) != index) continue;  // told with the type it counts as
    const std::uint64_t word = view.limit_override(index).word.load(std::memory_order_acquire);
    const std::uint32_t limit =
        word != 0 ? static_cast<std::uint32_t>(word - 1U) : type.limit.get();
    const std::uint32_t in_use = sum_by_mask(held, type.family_mask.get());
    if (limit == kNoLimit || in_use <= limit) continue;
    debts.push_back(
        {std::string(text_view(load_text(view.type_name(index).name))), limit, in_use, false});
  }
}

/// What is known of the outside counts; what is not known is no debt.
void find_group_debts(const SegmentView& view, const LedgerStamp& stamp, const HeldByType& held,
                      std::vector<Debt>& debts) {
  const ConfigBlock& config = view.config(stamp.config_epoch);
  const SampleBlock& sample = view.sample(stamp.sample_epoch);
  const std::uint32_t groups = std::min(config.group_count.get(), kMaxGroups);
  for (std::uint32_t index = 0; index < groups; ++index) {
    const GroupConfig& group = config.groups[index];
    const bool is_unreadable = ((sample.external_unreadable.get() >> index) & 1U) != 0;
    std::uint64_t in_use = is_unreadable ? 0 : sample.external_use[index].get();
    for (std::uint32_t type = 0; type < kMaxTypes; ++type)
      in_use = add_saturating(in_use, std::uint64_t{group.weights[type].get()} * held[type]);
    const std::uint32_t limit = group.limit.get();
    if (group.flags.get() == 0 || limit == kNoLimit || in_use <= limit) continue;
    debts.push_back(
        {std::string(text_view(load_text(view.group_name(index).name))), limit, in_use, true});
  }
}

/// As it stands in a line of the log.
std::string key_of(const Debt& debt) {
  return (debt.is_group ? "group=" : "type=") + escape_bytes(debt.name);
}

}  // namespace

StatusFigures read_status(const ProcessTable& processes) {
  const SegmentView& view = processes.view();
  const LedgerStamp stamp = load_stamp(view, 0);
  const ConfigBlock& config = view.config(stamp.config_epoch);
  StatusFigures figures;
  figures.slots = view.slot_count();
  figures.budget_micro = config.budget_micro.get();
  figures.is_draining = (stamp.drain & (kDrainAll | kDrainRebuild)) != 0;
  HeldByType held{};
  for (std::uint32_t slot = 0; slot < view.mark(); ++slot) {
    const SlotWord word{view.word(slot).load(std::memory_order_acquire)};
    if (!word.is_held()) continue;
    ++figures.held;
    ++held[word.type() & (kMaxTypes - 1U)];
    figures.charged_micro += charge_micro(word, load_charge(view, stamp, slot), false);
  }
  figures.waiting = count_waiting(processes);
  find_type_debts(view, config, held, figures.debts);
  find_group_debts(view, stamp, held, figures.debts);
  return figures;
}

std::string format_status(const StatusFigures& figures) {
  // To the hundredth: finer figures move with every sample and say no more.
  const auto cores = [](std::uint64_t micro) {
    return format_cores_micro(static_cast<std::int64_t>((micro + 5'000U) / 10'000U * 10'000U));
  };
  std::string line = std::to_string(figures.held) + " of " + std::to_string(figures.slots) +
                     " slots held, " + cores(figures.charged_micro) + " of " +
                     cores(figures.budget_micro) + " cores charged, " +
                     std::to_string(figures.waiting) + " waiting";
  for (const Debt& debt : figures.debts) {
    line += std::string(debt.is_group ? "; group " : "; ") + escape_bytes(debt.name) +
            " above its limit: " + std::to_string(debt.in_use) + " of " +
            std::to_string(debt.limit);
  }
  if (figures.is_draining) line += "; draining: nothing is admitted";
  return line;
}

std::vector<std::string> DebtNews::take(const std::vector<Debt>& debts) {
  std::vector<std::string> lines;
  std::map<std::string, std::uint64_t> now;
  for (const Debt& debt : debts) {
    const std::string key = key_of(debt);
    now.emplace(key, debt.limit);
    const auto known = known_.find(key);
    if (known != known_.end() && known->second == debt.limit) continue;
    lines.push_back("event=debt " + key + " limit=" + std::to_string(debt.limit) +
                    " in_use=" + std::to_string(debt.in_use) +
                    ": more is held than the limit allows; nothing more is admitted until it has "
                    "drained");
  }
  for (const auto& [key, limit] : known_) {
    if (now.count(key) == 0) lines.push_back("event=debt_drained " + key);
  }
  known_ = std::move(now);
  return lines;
}

}  // namespace slotd::broker
