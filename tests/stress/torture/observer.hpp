// The observer: is more held than a limit allows? It reads notes, never the segment.
//
// A note stands strictly inside the time in which its slot is held: it is written after the claim
// (or adoption) has answered and cleared before release (or bind) is called. The observer reads all
// notes twice. A note that both passes show with the same value, of a seat whose epoch has not
// moved and is settled, was held at the instant between the passes: its process had not been sent
// any signal of death by then (board.hpp). The sum over such notes is a lower bound of what was
// held at that one instant, so a sum above a limit is a limit broken; there are no false alarms.
// (Only a process that dies of a cause of its own, which is reported as such, may still count until
// it is reaped.) What it can miss is a breach that is over before the second pass: whoever is
// admitted above a limit looks right after noting it, so both sides of a breach are seen unless one
// of them is gone within microseconds.
//
// Thread-safe; reads only; never blocks.
#pragma once

#include <cstdint>
#include <string>

#include "tests/stress/torture/board.hpp"

namespace slotd::torture {

struct Held {
  std::array<std::uint32_t, kTypes.size()> by_family{};
  std::uint32_t web = 0;
  std::uint32_t pulse = 0;
  std::uint32_t slots = 0;
  std::uint32_t cost_milli = 0;
  std::uint32_t memory = 0;
  std::uint32_t keys = 0;          ///< bit k: key k is held
  std::uint32_t doubled_keys = 0;  ///< bit k: held by two at once

  void add(const Note& note) noexcept;
};

/// What was held for certain at one instant during the call.
Held observe(const Board& board) noexcept;

/// Names the limits that are broken; empty = none.
std::string describe_breach(const Held& held);

/// Observes once and notes a breach on the board.
void check(Board& board, std::uint32_t seat) noexcept;

}  // namespace slotd::torture
