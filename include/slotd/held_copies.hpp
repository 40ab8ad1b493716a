// Private copies of the claims that a process holds, so that it can assert them again in a new
// segment when the old one was truncated, deleted or replaced. One place a slot index, in memory
// that no other process sees.
//
// A place outlives its claim: it then says that the claim with this nonce, and every earlier one of
// the slot, is over for this process.
//
// Thread-safe: relaxed atomics; each claim is written by whoever acts on it. Who reads all of them
// (succession.hpp) orders itself against the writers by a process-wide memory barrier, so that a
// claim or release pays two plain stores. Never blocks; allocates in create() only; nothing here is
// shared, so nothing outlives a crash.
#pragma once

#include <cstdint>

#include "slotd/fork_guard.hpp"
#include "slotd/layout.hpp"
#include "slotd/segment_view.hpp"

namespace slotd::inline v0_1 {

/// One claim, as its holder remembers it.
struct HeldCopy {
  std::uint64_t nonce = 0;  ///< 0: no claim of this process ever had the slot
  SlotWord word;            ///< type, cost, state and generation; FREE when the claim is over
  std::uint64_t memory_bytes = 0;
  Text<kKeyBytes / 8> key{};
};

class HeldCopies {
 public:
  HeldCopies() = default;
  HeldCopies(const HeldCopies&) = delete;
  HeldCopies& operator=(const HeldCopies&) = delete;
  ~HeldCopies() {
    unmap_private(places_, slots_ * sizeof(Place));
    unmap_private(descriptions_, slots_ * sizeof(Description));
  }

  /// Room for the slots of one segment. False when there is no memory.
  bool create(std::uint32_t slots) noexcept {
    places_ = static_cast<Place*>(map_private_zeros(slots * sizeof(Place)));
    descriptions_ = static_cast<Description*>(map_private_zeros(slots * sizeof(Description)));
    slots_ = slots;
    return places_ != nullptr && descriptions_ != nullptr;
  }

  // Precondition of all: slot is below the count given to create().

  /// A claim was admitted or taken over. The copy of a claim that the slot should be past already
  /// is kept instead: the table was damaged, and the new claim was admitted against the damage.
  void note(std::uint32_t slot, std::uint64_t nonce, SlotWord word) noexcept {
    if (is_past(slot, nonce, word)) [[unlikely]]
      return;
    // Release, and load() the other way round: a held word is never seen with an older nonce.
    places_[slot].nonce.set(nonce);
    places_[slot].word.value.store(word.raw, std::memory_order_release);
  }

  /// It has a key or a memory cost, which stand in `record`.
  void describe(std::uint32_t slot, std::uint64_t nonce, const SlotRecord& record) noexcept {
    if (!knows(slot, nonce)) return;
    Description& description = descriptions_[slot];
    description.memory_bytes.set(record.memory_bytes.get());
    for (std::size_t i = 0; i < kKeyBytes / 8; ++i)
      description.key.word[i].set(record.key.word[i].get());
    description.nonce.set(nonce);
  }

  /// The claim moved among the held states.
  void move(std::uint32_t slot, std::uint64_t nonce, SlotState state) noexcept {
    Place& place = places_[slot];
    const SlotWord word{place.word.get()};
    if (place.nonce.get() == nonce && word.is_held()) place.word.set(word.with_state(state).raw);
  }

  /// The claim is over for this process. Before the word is freed: afterwards the slot may be
  /// another thread's.
  /// True when it was held until now.
  bool end(std::uint32_t slot, std::uint64_t nonce, std::uint32_t generation) noexcept {
    Place& place = places_[slot];
    if (place.nonce.get() != nonce || !SlotWord{place.word.get()}.is_held()) return false;
    place.word.set(SlotWord::make(0, SlotState::kFree, 0, 0, generation).raw);
    return true;
  }

  bool knows(std::uint32_t slot, std::uint64_t nonce) const noexcept {
    return places_[slot].nonce.get() == nonce;
  }

  /// Is a held claim noted here that came after the one that the word is of?
  bool is_past(std::uint32_t slot, std::uint64_t nonce, SlotWord word) const noexcept {
    const SlotWord noted{places_[slot].word.get()};
    return is_same_or_later(noted.generation(), word.generation()) && noted.is_held() &&
           places_[slot].nonce.get() != nonce;
  }

  /// The same as end(), by another thread than the one that acts on the claim: only if the copy is
  /// still the one that was loaded.
  void end_if_unchanged(std::uint32_t slot, const HeldCopy& copy) noexcept {
    std::uint64_t expected = copy.word.raw;
    places_[slot].word.value.compare_exchange_strong(
        expected, SlotWord::make(0, SlotState::kFree, 0, 0, copy.word.generation()).raw,
        std::memory_order_relaxed);
  }

  HeldCopy load(std::uint32_t slot) const noexcept {
    HeldCopy copy;
    copy.word = SlotWord{places_[slot].word.value.load(std::memory_order_acquire)};
    copy.nonce = places_[slot].nonce.get();
    const Description& description = descriptions_[slot];
    if (copy.nonce == 0 || description.nonce.get() != copy.nonce) return copy;
    copy.memory_bytes = description.memory_bytes.get();
    copy.key = load_text(description.key);
    return copy;
  }

  std::uint32_t slots() const noexcept { return slots_; }

  /// The claim stands at another index or generation in the new segment.
  void note_moved(std::uint32_t slot, std::uint64_t nonce, std::uint32_t to_slot,
                  std::uint32_t to_generation) noexcept {
    Description& description = descriptions_[slot];
    description.moved_to.set((std::uint64_t{to_slot} << 32) | to_generation);
    description.moved_nonce.set(nonce);
  }
  /// Where it stands now; unchanged when nothing was noted.
  void find_moved(std::uint32_t& slot, std::uint32_t& generation,
                  std::uint64_t nonce) const noexcept {
    const Description& description = descriptions_[slot];
    if (description.moved_nonce.get() != nonce) return;
    const std::uint64_t to = description.moved_to.get();
    slot = static_cast<std::uint32_t>(to >> 32);
    generation = static_cast<std::uint32_t>(to);
  }

 private:
  struct Place {
    Cell<std::uint64_t> nonce;
    Cell<std::uint64_t> word;
  };
  /// Touched only by claims that have a key or a memory cost, or had to move.
  struct Description {
    Cell<std::uint64_t> nonce;  ///< of the claim that it describes
    Cell<std::uint64_t> memory_bytes;
    Cell<std::uint64_t> moved_nonce;
    Cell<std::uint64_t> moved_to;  ///< slot << 32 | generation
    KeyCells key;
  };

  Place* places_ = nullptr;
  Description* descriptions_ = nullptr;
  std::uint32_t slots_ = 0;
};

}  // namespace slotd::inline v0_1
