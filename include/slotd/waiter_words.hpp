// The packed words of a waiter entry (layout.hpp, WaiterEntry). Pure values; no atomics, no I/O.
#pragma once

#include <cstdint>

#include "slotd/admission.hpp"
#include "slotd/presence.hpp"
#include "slotd/process_entry.hpp"
#include "slotd/slot_word.hpp"

namespace slotd::inline v0_1 {

/// WaiterEntry::holder: attach tag 32 | owner 10 | use 20 | state 2. The use changes each time the
/// entry is taken.
struct WaiterHolder {
  enum class State : std::uint32_t { kFree = 0, kWriting = 1, kShown = 2 };

  std::uint64_t raw = 0;

  static constexpr WaiterHolder make(ProcessRef owner, std::uint32_t use, State state) noexcept {
    return {(std::uint64_t{attach_tag(owner.attach)} << 32) |
            (std::uint64_t{owner.index & 0x3ffU} << 22) | (std::uint64_t{use & 0xf'ffffU} << 2) |
            static_cast<std::uint64_t>(state)};
  }
  constexpr State state() const noexcept { return static_cast<State>(raw & 3U); }
  constexpr std::uint32_t owner() const noexcept {
    return static_cast<std::uint32_t>(raw >> 22) & 0x3ffU;
  }
  constexpr std::uint32_t tag() const noexcept { return static_cast<std::uint32_t>(raw >> 32); }
  constexpr std::uint32_t use() const noexcept {
    return static_cast<std::uint32_t>(raw >> 2) & 0xf'ffffU;
  }
  constexpr WaiterHolder freed() const noexcept { return {std::uint64_t{use() + 1U} << 2}; }
};

/// A turn that would last longer is none: the clock has gone round, or it is a scribble.
inline constexpr std::uint32_t kLongestTurnMs = 600'000;

/// WaiterEntry::told: end of the turn (low 32 bits of host milliseconds, 0 = none) 32 | count 32.
struct WaiterTold {
  std::uint64_t raw = 0;

  constexpr std::uint32_t count() const noexcept { return static_cast<std::uint32_t>(raw); }
  constexpr std::uint32_t turn_end() const noexcept {
    return static_cast<std::uint32_t>(raw >> 32);
  }
  constexpr bool has_turn() const noexcept { return turn_end() != 0; }
  /// Is the turn running at `now_ms`?
  constexpr bool is_running(std::uint64_t now_ms) const noexcept {
    const std::uint32_t left_ms = turn_end() - static_cast<std::uint32_t>(now_ms);
    return has_turn() && left_ms != 0 && left_ms <= kLongestTurnMs;
  }
  static constexpr WaiterTold make(std::uint64_t turn_end_ms, std::uint32_t count) noexcept {
    const auto end = static_cast<std::uint32_t>(turn_end_ms);
    return {(std::uint64_t{end == 0 ? 1U : end} << 32) | count};
  }
};

constexpr std::uint64_t pack_wait_request(const Request& request, std::uint32_t priority) noexcept {
  return (request.cost_milli & kMaxCostMilli) | (std::uint64_t{request.type & 31U} << 20) |
         (std::uint64_t{priority & 0xffU} << 25) | (std::uint64_t{request.cost_is_default} << 33) |
         (std::uint64_t{request.memory_is_default} << 34);
}
constexpr Request unpack_wait_request(std::uint64_t packed) noexcept {
  Request request;
  request.cost_milli = static_cast<std::uint32_t>(packed) & kMaxCostMilli;
  request.type = static_cast<std::uint32_t>(packed >> 20) & 31U;
  request.cost_is_default = ((packed >> 33) & 1U) != 0;
  request.memory_is_default = ((packed >> 34) & 1U) != 0;
  return request;
}
constexpr std::uint32_t wait_priority(std::uint64_t packed) noexcept {
  return static_cast<std::uint32_t>(packed >> 25) & 0xffU;
}

}  // namespace slotd::inline v0_1
