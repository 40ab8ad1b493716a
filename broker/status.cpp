#include "broker/status.hpp"

#include <algorithm>
#include <array>

#include "broker/log.hpp"
#include "slotd/ledger.hpp"
#include "slotd/scan.hpp"
#include "slotd/units.hpp"
#include "slotd/waiters.hpp"

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

std::vector<TypeDebt> find_debts(const SegmentView& view, const ConfigBlock& config,
                                 const std::array<std::uint32_t, kMaxTypes>& held) {
  std::vector<TypeDebt> debts;
  const std::uint32_t types = std::min(config.type_count.get(), kMaxTypes);
  for (std::uint32_t index = 0; index < types; ++index) {
    const TypeConfig& type = config.types[index];
    if ((type.base.get() & (kMaxTypes - 1U)) != index) continue;  // told with the type it counts as
    const std::uint64_t word = view.limit_override(index).word.load(std::memory_order_acquire);
    const std::uint32_t limit =
        word != 0 ? static_cast<std::uint32_t>(word - 1U) : type.limit.get();
    const std::uint32_t in_use = sum_by_mask(held, type.family_mask.get());
    if (limit == kNoLimit || in_use <= limit) continue;
    debts.push_back({std::string(text_view(load_text(view.type_name(index).name))), limit, in_use});
  }
  return debts;
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
  std::array<std::uint32_t, kMaxTypes> held{};
  for (std::uint32_t slot = 0; slot < view.mark(); ++slot) {
    const SlotWord word{view.word(slot).load(std::memory_order_acquire)};
    if (!word.is_held()) continue;
    ++figures.held;
    ++held[word.type() & (kMaxTypes - 1U)];
    figures.charged_micro += charge_micro(word, load_charge(view, stamp, slot), false);
  }
  figures.waiting = count_waiting(processes);
  figures.debts = find_debts(view, config, held);
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
  for (const TypeDebt& debt : figures.debts) {
    line += "; " + escape_bytes(debt.type) + " above its limit: " + std::to_string(debt.in_use) +
            " of " + std::to_string(debt.limit);
  }
  if (figures.is_draining) line += "; draining: nothing is admitted";
  return line;
}

std::vector<std::string> DebtNews::take(const std::vector<TypeDebt>& debts) {
  std::vector<std::string> lines;
  std::map<std::string, std::uint32_t> now;
  for (const TypeDebt& debt : debts) {
    now.emplace(debt.type, debt.limit);
    const auto known = known_.find(debt.type);
    if (known != known_.end() && known->second == debt.limit) continue;
    lines.push_back("event=debt type=" + escape_bytes(debt.type) + " limit=" +
                    std::to_string(debt.limit) + " in_use=" + std::to_string(debt.in_use) +
                    ": more is held than the limit allows; nothing more is admitted until it has "
                    "drained");
  }
  for (const auto& [type, limit] : known_) {
    if (now.count(type) == 0) lines.push_back("event=debt_drained type=" + escape_bytes(type));
  }
  known_ = std::move(now);
  return lines;
}

}  // namespace slotd::broker
