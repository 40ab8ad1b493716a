// Memory of the torture's own that all its processes share, beside the segment: who sits where,
// what each certainly holds, slots on their way from one to another, tallies and complaints. Knows
// nothing of slot words.
//
// A seat is a process's place. Its epoch says whether what it notes counts: bit 0 set means doomed,
// bit 1 that it is detaching. Whoever is about to kill a process dooms it first, a process that is
// about to leave (exit, exec) dooms itself, and one that detaches adds 2 before and after. So as
// long as the epoch has not moved and both bits are 0, no signal of death was on its way, and a
// note that stood is a slot that was held. Only the reaper of the process clears its notes and
// gives the seat a new epoch, after wait() has answered: nobody of the old life can write by then.
//
// Lock-free; a process killed at any instruction leaves at most a mail that it was writing or
// reading, which its reaper clears.
#pragma once

#include <array>
#include <atomic>
#include <cstdarg>
#include <cstdint>
#include <cstdio>

#include "slotd/admission.hpp"
#include "tests/stress/torture/rules.hpp"

namespace slotd::torture {

inline constexpr std::uint32_t kSeats = 48;
inline constexpr std::uint32_t kWorkerSeats =
    24;  ///< the first ones; the rest is for forked children
inline constexpr std::uint32_t kThreads = 4;
inline constexpr std::uint32_t kJobs = 4;  ///< held by one thread
inline constexpr std::uint32_t kNotes = kThreads * kJobs;
inline constexpr std::uint32_t kMails = 8;
inline constexpr std::uint32_t kNoSeat = kSeats;
inline constexpr std::uint64_t kDoomed = 1;
inline constexpr std::uint64_t kAway = 3;  ///< doomed or detaching

/// Does what is noted under this epoch count?
constexpr bool is_settled(std::uint64_t epoch) noexcept { return (epoch & kAway) == 0; }

/// What is held: 0 = nothing. The sequence number tells two equal claims of one note apart.
struct Note {
  std::uint32_t type = 0;
  std::uint32_t cost_milli = 0;
  std::uint32_t memory = 0;
  std::uint32_t key = kKeys;  ///< kKeys = none

  std::uint64_t pack(std::uint64_t sequence) const noexcept {
    return (sequence << 42) | (std::uint64_t{key} << 36) | (std::uint64_t{memory} << 24) |
           (std::uint64_t{cost_milli} << 4) | (type + 1U);
  }
  static Note unpack(std::uint64_t raw) noexcept {
    return {static_cast<std::uint32_t>(raw & 0xfU) - 1U,
            static_cast<std::uint32_t>((raw >> 4) & 0xf'ffffU),
            static_cast<std::uint32_t>((raw >> 24) & 0xfffU),
            static_cast<std::uint32_t>((raw >> 36) & 0x3fU)};
  }
};

/// What one seat's processes have done, over all their lives.
struct Tally {
  std::atomic<std::uint64_t> operations, admitted, adopted, bound, stale, forks, images, execs,
      exits, threads, threads_refused, main_exits, detaches, attached, attach_refused, checks;
  std::array<std::atomic<std::uint64_t>, kReasons> refused;
};

struct alignas(64) Seat {
  std::atomic<std::uint64_t> epoch{kAway};
  std::atomic<std::int32_t> pid{0};       ///< 0 = nobody
  std::atomic<std::uint32_t> attached{};  ///< this life has attached
  std::atomic<const char*> doing{};       ///< what it began last, for complaints; a literal
  std::array<std::atomic<std::uint64_t>, kNotes> notes{};
  alignas(64) Tally tally{};

  void doom() noexcept { epoch.fetch_or(kDoomed); }
};

/// A slot on its way: the token, what it stands for, and who owned it when it was sent.
struct Parcel {
  std::uint32_t owner = kNoSeat;  ///< whose death frees it
  std::uint64_t owner_epoch = 0;
  std::uint32_t target = kNoSeat;  ///< whom it is for; kNoSeat = anybody
  Note note;
  std::array<char, 96> token{};
};

struct alignas(64) Mail {
  enum Phase : std::uint32_t { kEmpty, kWriting, kFull, kReading };
  std::atomic<std::uint32_t> state{};  ///< phase | (seat that is at it + 1) << 2
  Parcel parcel;

  static std::uint32_t make(Phase phase, std::uint32_t seat) noexcept {
    return phase | (seat + 1U) << 2;
  }
};

struct Board {
  std::atomic<bool> stop{};  ///< no new life, no new operation
  std::atomic<std::uint64_t> over_limit{};
  std::atomic<std::uint64_t> wrong{};  ///< an answer that cannot be right, a slot that was taken
  std::atomic<std::uint64_t> broker_kills{}, broker_stops{}, clock_steps{};
  /// What is asked of the broker's keeper, and what it has come to.
  std::atomic<std::uint32_t> broker_wish{}, broker_state{};
  std::array<Seat, kSeats> seats{};
  std::array<Mail, kMails> mails{};
  std::atomic<std::uint32_t> complaints{};
  std::array<std::array<char, 240>, 24> texts{};

  [[gnu::format(printf, 2, 3)]] void complain(const char* format, ...) noexcept {
    const std::uint32_t index = complaints.fetch_add(1);
    if (index >= texts.size()) return;
    va_list arguments;
    va_start(arguments, format);
    std::vsnprintf(texts[index].data(), texts[index].size(), format, arguments);
    va_end(arguments);
  }

  /// Clears what a process that was reaped had noted and was at.
  void clear_seat(std::uint32_t index) noexcept {
    Seat& seat = seats[index];
    seat.epoch.fetch_or(kAway);  // adding 1 begins the next life
    for (auto& note : seat.notes) note.store(0);
    seat.attached.store(0);
    seat.doing.store(nullptr);
    for (Mail& mail : mails) {
      for (const Mail::Phase phase : {Mail::kWriting, Mail::kReading}) {
        std::uint32_t state = Mail::make(phase, index);
        mail.state.compare_exchange_strong(state, Mail::kEmpty);
      }
    }
    seat.pid.store(0);
  }
};

}  // namespace slotd::torture
