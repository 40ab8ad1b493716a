// The words of a process entry as values: who it is, which phase of its life they show, whose a
// tagged value is. Pure: no atomics, no I/O. What is done with them is in process_table.hpp, which
// also has the picture of an entry's life.
#pragma once

#include <cstdint>

#include "slotd/layout.hpp"

namespace slotd::inline v0_1 {

/// The reservation word, decoded.
struct Reservation {
  std::uint64_t raw = 0;

  static constexpr Reservation make(std::uint32_t pid, std::uint32_t pid_ns_inode,
                                    std::uint32_t tenancy) noexcept {
    return Reservation{(std::uint64_t{pid & 0x3f'ffffU} << 42) |
                       (std::uint64_t{pid_ns_inode} << 10) | (tenancy & 0x3ffU)};
  }
  constexpr std::uint32_t pid() const noexcept { return static_cast<std::uint32_t>(raw >> 42); }
  constexpr std::uint32_t pid_ns_inode() const noexcept {
    return static_cast<std::uint32_t>(raw >> 10);
  }
  constexpr std::uint32_t tenancy() const noexcept {
    return static_cast<std::uint32_t>(raw) & 0x3ffU;
  }
  constexpr bool is_free() const noexcept { return pid() == 0; }
};

enum class EntryPhase : std::uint8_t { kFree, kReserving, kInUse, kEnding, kInvalid };

/// Which phase the two words of an entry show. Pure; kInvalid is a torn read or a scribble.
constexpr EntryPhase judge_phase(Reservation reservation, std::uint64_t attach) noexcept {
  const auto tenancy = static_cast<std::uint32_t>(attach >> 1) & 0x3ffU;
  const bool current = reservation.tenancy() == tenancy;
  if ((attach & 1U) != 0)
    return current && !reservation.is_free() ? EntryPhase::kInUse : EntryPhase::kInvalid;
  if (current) return reservation.is_free() ? EntryPhase::kFree : EntryPhase::kReserving;
  const bool previous = reservation.tenancy() == ((tenancy - 1U) & 0x3ffU);
  return previous && !reservation.is_free() ? EntryPhase::kEnding : EntryPhase::kInvalid;
}

/// A value of a tenant, with the low 16 bits of its attach number in front.
constexpr std::uint64_t tag_value(std::uint64_t attach, std::uint64_t value) noexcept {
  return (attach << 48) | (value & 0xffff'ffff'ffffULL);
}
/// The value, or 0 (unknown) when it is another tenant's.
constexpr std::uint64_t untag_value(std::uint64_t attach, std::uint64_t tagged) noexcept {
  return (tagged >> 48) == (attach & 0xffffU) ? tagged & 0xffff'ffff'ffffULL : 0;
}

/// How dead the owner of an entry is known to be.
enum class OwnerLife : std::uint8_t {
  kAlive,   ///< or unknown
  kMarked,  ///< the kernel's mark is set: it will never run user code of consequence again, its
            ///< memory may still be there
  kGone,    ///< the process is proven gone, or the quarantine after the mark is over
};

/// May a look at an owner cost system calls?
enum class ProbeMode : std::uint8_t { kMarkOnly, kPidfd };

/// Index and attach number of one tenancy.
struct ProcessRef {
  std::uint32_t index = kNobody;
  std::uint64_t attach = 0;
  explicit operator bool() const noexcept { return index != kNobody; }
};

/// Header::broker, packed and unpacked: index in the top 10 bits.
constexpr std::uint64_t pack_process_ref(ProcessRef ref) noexcept {
  return (std::uint64_t{ref.index} << 54) | (ref.attach & 0x3f'ffff'ffff'ffffULL);
}
constexpr ProcessRef unpack_process_ref(std::uint64_t raw) noexcept {
  return {static_cast<std::uint32_t>(raw >> 54), raw & 0x3f'ffff'ffff'ffffULL};
}

}  // namespace slotd::inline v0_1
