// Scribbles over a segment as one fuzz input orders them: single cells by value, and the words that
// others decide by (slot words, process entries, epochs, mark) with fields that look right. The
// encoding is in apply(); it never writes outside the image. Not thread-safe; never blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <iterator>

#include "tests/fuzz/support/guarded_segment.hpp"
#include "tests/fuzz/support/input.hpp"

namespace slotd::fuzz {

enum class ScribbleKind : std::uint8_t {
  kCell,
  kNastyCell,
  kSlotWord,
  kEntry,
  kHeaderWord,
  kHalfCell,
  kCount
};

class Scribbler {
 public:
  explicit Scribbler(const GuardedSegment& segment)
      : segment_(segment), view_(segment.writable(), kCapacities, true) {}

  void apply(ScribbleKind kind, Input& input) const {
    switch (kind) {
      case ScribbleKind::kCell: {
        const auto at = input.take<std::uint16_t>();
        segment_.cell(at).store(input.take<std::uint64_t>());
        break;
      }
      case ScribbleKind::kNastyCell: {
        constexpr std::uint64_t kNasty[] = {0,           1,          2,          3,     0x7fff'ffff,
                                            0xffff'ffff, 1ULL << 32, 1ULL << 63, ~0ULL, ~0ULL - 1};
        const auto at = input.take<std::uint16_t>();
        segment_.cell(at).store(kNasty[input.take<std::uint8_t>() % std::size(kNasty)]);
        break;
      }
      case ScribbleKind::kHalfCell: {
        const auto at = input.take<std::uint16_t>();
        const std::uint64_t half = input.take<std::uint32_t>();
        const std::uint64_t old = segment_.cell(at).load();
        segment_.cell(at).store((old & ~0xffff'ffffULL) | half);
        break;
      }
      case ScribbleKind::kSlotWord:
        scribble_word(input);
        break;
      case ScribbleKind::kEntry:
        scribble_entry(input);
        break;
      case ScribbleKind::kHeaderWord:
      case ScribbleKind::kCount: {
        // The words behind offset 384: state, epochs, drain, broker, mark.
        const auto which = input.take<std::uint8_t>();
        segment_.cell(offsetof(Header, state) / 8 + which % 16).store(input.take<std::uint32_t>());
        break;
      }
    }
  }

 private:
  void scribble_word(Input& input) const {
    const std::uint32_t slot = input.take<std::uint8_t>() % kCapacities.slots;
    const auto owner = input.take<std::uint8_t>();
    const auto state_and_type = input.take<std::uint8_t>();
    const auto cost = input.take<std::uint16_t>();
    const auto generation = input.take<std::uint8_t>();
    view_.word(slot).store(SlotWord::make(owner, static_cast<SlotState>(state_and_type & 7U),
                                          state_and_type >> 3, cost, generation)
                               .raw);
  }

  /// One of the words that tell an entry's life, with a tenancy near the one that is there.
  void scribble_entry(Input& input) const {
    ProcessEntry& entry = view_.process(1 + input.take<std::uint8_t>() % kCapacities.processes);
    const auto which = input.take<std::uint8_t>();
    const std::uint64_t attach = entry.attach.load() + (which >> 4);
    const auto value = input.take<std::uint16_t>();
    switch (which & 7U) {
      case 0:
        entry.attach.store(attach);
        break;
      case 1:
        entry.reservation.store(Reservation::make(value & 0xffU, value & 0x100U ? 77 : value >> 8,
                                                  static_cast<std::uint32_t>(attach >> 1))
                                    .raw);
        break;
      case 2:
        entry.presence.store(make_presence(attach, value | (value & 1U ? kFutexOwnerDied : 0)));
        break;
      case 3:
        entry.hazard.store((std::uint64_t{attach_tag(attach)} << 32) | (value & 7U));
        break;
      case 4:
        entry.watched.store(attach);
        break;
      case 5:
        entry.marked.store((std::uint64_t{attach_tag(attach)} << 32) | value);
        break;
      case 6:
        entry.gone.store(attach);
        break;
      default:
        view_.header().broker.store(pack_process_ref({value & 0x3ffU, attach}));
        break;
    }
  }

  const GuardedSegment& segment_;
  SegmentView view_;
};

}  // namespace slotd::fuzz
