#include "tests/stress/torture/observer.hpp"

#include <unistd.h>

namespace slotd::torture {

void Held::add(const Note& note) noexcept {
  if (note.type >= kTypes.size()) return;
  const TypeRule& type = kTypes[note.type];
  by_family[type.family] += 1;
  web += type.web;
  pulse += type.pulse;
  slots += 1;
  cost_milli += note.cost_milli;
  memory += note.memory;
  if (note.key >= kKeys) return;
  const std::uint32_t bit = 1U << note.key;
  doubled_keys |= keys & bit;
  keys |= bit;
}

Held observe(const Board& board) noexcept {
  std::array<std::array<std::uint64_t, kNotes>, kSeats> first;
  std::array<std::uint64_t, kSeats> epochs;
  for (std::uint32_t s = 0; s < kSeats; ++s) {
    const Seat& seat = board.seats[s];
    epochs[s] = seat.epoch.load(std::memory_order_acquire);
    if (!is_settled(epochs[s])) continue;
    for (std::uint32_t n = 0; n < kNotes; ++n)
      first[s][n] = seat.notes[n].load(std::memory_order_acquire);
  }
  Held held;
  for (std::uint32_t s = 0; s < kSeats; ++s) {
    if (!is_settled(epochs[s])) continue;
    const Seat& seat = board.seats[s];
    Held of_seat = held;
    for (std::uint32_t n = 0; n < kNotes; ++n) {
      const std::uint64_t raw = seat.notes[n].load(std::memory_order_acquire);
      if (raw != 0 && raw == first[s][n]) of_seat.add(Note::unpack(raw));
    }
    if (seat.epoch.load(std::memory_order_acquire) == epochs[s]) held = of_seat;
  }
  return held;
}

std::string describe_breach(const Held& held) {
  std::string text;
  const auto demand = [&text](bool kept, const std::string& what) {
    if (!kept) text += (text.empty() ? "" : ", ") + what;
  };
  for (const TypeRule& type : kTypes) {
    const std::uint32_t in_use = held.by_family[type.family];
    if (&type != &kTypes[type.family] || type.limit == 0) continue;
    demand(in_use <= type.limit, std::string(type.name) + " " + std::to_string(in_use));
  }
  demand(held.web <= kWebLimit, "web group " + std::to_string(held.web));
  demand(held.pulse <= kPulseLimit, "pulse group " + std::to_string(held.pulse));
  demand(held.cost_milli <= (held.slots == 1 ? kCapacityMilli : kBudgetMilli),
         "cpu " + std::to_string(held.cost_milli) + " by " + std::to_string(held.slots));
  demand(held.memory < kMemoryRoom, "memory " + std::to_string(held.memory));
  demand(held.slots <= kSlots, "slots " + std::to_string(held.slots));
  demand(held.doubled_keys == 0, "keys held twice " + std::to_string(held.doubled_keys));
  return text;
}

void check(Board& board, std::uint32_t seat) noexcept {
  board.seats[seat].tally.checks.fetch_add(1, std::memory_order_relaxed);
  const std::string breach = describe_breach(observe(board));
  if (breach.empty()) return;
  board.over_limit.fetch_add(1);
  board.complain("over limit: %s (seen by seat %u, pid %d)", breach.c_str(), seat, ::getpid());
}

}  // namespace slotd::torture
