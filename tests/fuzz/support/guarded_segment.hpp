// A small segment between guard pages, mapped twice: writable, and read-only for what only reads.
// An access outside it, and a write through the read-only mapping, end the program in every build.
// Four images are made once; reset() copies one in. Not thread-safe.
#pragma once

#include <sys/mman.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "slotd/claim.hpp"
#include "slotd/slot_table.hpp"
#include "tests/support/heap_segment.hpp"

namespace slotd::fuzz {

/// A table whose length is no multiple of a vector's, and few processes: an image is 28 KiB.
inline constexpr Capacities kCapacities{13, 4};
inline constexpr std::size_t kImages = 4;
inline constexpr BootId kBootId{1, 2};

/// Two types of different cost in two groups with different weights, memory, a derived type.
inline broker::LedgerSpec make_rich_spec() {
  broker::LedgerSpec spec = testing::make_spec(12'000'000);
  spec.types[testing::kTrack].limit = 6;
  spec.types[testing::kWeb].base = testing::kRoomComposite;
  spec.types[testing::kTrackComposite].memory_bytes = 1 << 20;
  broker::LedgerGroup uniform;
  uniform.name = "web";
  uniform.limit = 4;
  uniform.weights[testing::kRoomComposite] = uniform.weights[testing::kWeb] = 1;
  broker::LedgerGroup mixed;
  mixed.name = "pulse";
  mixed.limit = 20;
  mixed.weights[testing::kWeb] = 4;
  mixed.weights[testing::kTrack] = 3;
  spec.groups = {uniform, mixed};
  spec.aliases = {{"template", testing::kRoomComposite}};
  spec.memory_max_bytes = 1U << 30;
  spec.memory_headroom_bytes = 1U << 20;
  return spec;
}

class GuardedSegment {
 public:
  GuardedSegment() : bytes_(compute_geometry(kCapacities).total_bytes) {
    const int fd = ::memfd_create("slotd-fuzz", MFD_CLOEXEC);
    if (fd < 0 || ::ftruncate(fd, static_cast<off_t>(bytes_)) != 0) std::abort();
    writable_ = map_guarded(fd, PROT_READ | PROT_WRITE);
    read_only_ = map_guarded(fd, PROT_READ);
    ::close(fd);
    for (std::size_t i = 0; i < kImages; ++i) images_[i] = make_image(i);
  }

  void reset(std::size_t image) const noexcept {
    std::memcpy(writable_, images_[image % kImages].data(), bytes_);
  }
  std::uint64_t bytes() const noexcept { return bytes_; }
  std::byte* writable() const noexcept { return writable_; }
  std::byte* read_only() const noexcept { return read_only_; }

  /// Cell `index` of the image, counted over the whole of it.
  std::atomic<std::uint64_t>& cell(std::uint64_t index) const noexcept {
    return reinterpret_cast<std::atomic<std::uint64_t>*>(writable_)[index % (bytes_ / 8)];
  }

 private:
  /// More than any product of an unchecked 16-bit index and a record.
  static constexpr std::size_t kGuardBytes = std::size_t{64} << 20;

  std::byte* map_guarded(int fd, int protection) const {
    void* all = ::mmap(nullptr, 2 * kGuardBytes + bytes_, PROT_NONE,
                       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (all == MAP_FAILED) std::abort();
    void* middle = static_cast<std::byte*>(all) + kGuardBytes;
    if (::mmap(middle, bytes_, protection, MAP_SHARED | MAP_FIXED, fd, 0) == MAP_FAILED)
      std::abort();
    return static_cast<std::byte*>(middle);
  }

  /// 0 empty, 1 some jobs, 2 a full table, 3 what the dead, the stopped and a sample leave.
  static std::vector<std::byte> make_image(std::size_t which) {
    const testing::HeapSegment made(which == 0 ? testing::make_spec(12'000'000) : make_rich_spec(),
                                    kCapacities);
    const ProcessRef first = made.add_process(3);
    const ProcessRef second = made.add_process(7);
    if (which == 1 || which == 3) add_jobs(made, first, second);
    if (which == 2) {
      for (std::uint32_t slot = 0; slot < kCapacities.slots; ++slot) {
        made.put_word(slot,
                      SlotWord::make(1 + slot % 2, SlotState::kActive, testing::kTrack, 1, slot));
      }
    }
    if (which == 3) add_debris(made, second);
    const auto* from = static_cast<const std::byte*>(made.base());
    return {from, from + made.bytes()};
  }

  static void add_jobs(const testing::HeapSegment& made, ProcessRef first, ProcessRef second) {
    made.claim(first, testing::kTrack, 0, "EG_1");
    made.claim(first, testing::kTrackComposite, 0, "EG_2", 1 << 20);
    const ClaimResult job = made.claim(second, testing::kTrack, 100);
    activate_slot(made.view(), {job.slot, job.word.generation(), job.nonce}, 5 * kNsPerSecond);
    made.claim(second, testing::kParticipant);
  }

  static void add_debris(const testing::HeapSegment& made, ProcessRef dead) {
    made.put_word(6, SlotWord::make(1, SlotState::kTentative, testing::kTrack, 500, 3));
    made.put_word(8, SlotWord::make(2, SlotState::kTentative, testing::kParticipant, 2000, 9));
    made.put_word(10, SlotWord::make(2, SlotState::kClaiming, testing::kWeb, 4000, 1));
    broker::Sample sample;
    sample.sampled_at_ns = 999'999'000'000;
    sample.memory_used_bytes = 7 << 20;
    sample.measured_micro = 900'000;
    std::array<ChargeWord, 7> charges;
    for (std::uint32_t slot = 0; slot < charges.size(); ++slot) {
      charges[slot] = ChargeWord::make(made.word(slot).generation(),
                                       ChargeWord::kValid | ChargeWord::kMeasured, 700'000);
    }
    sample.charges = charges;
    broker::publish_sample(made.view(), sample);
    made.mark_dead(dead);
  }

  std::uint64_t bytes_;
  std::byte* writable_ = nullptr;
  std::byte* read_only_ = nullptr;
  std::array<std::vector<std::byte>, kImages> images_;
};

}  // namespace slotd::fuzz
