// Where everything lies in a segment of given capacities, and the fingerprint by which two builds
// know that they agree. Part of layout.hpp, which is the specification. Pure.
#pragma once

#include <cstddef>
#include <cstdint>

#include "slotd/layout.hpp"
#include "slotd/record_layout.hpp"
#include "slotd/slot_word.hpp"

namespace slotd::inline v0_1 {

/// Capacities, chosen by the broker when it makes the segment and fixed for its life.
struct Capacities {
  std::uint32_t slots = 1024;     ///< 1..kMaxSlots
  std::uint32_t processes = 512;  ///< 1..kMaxProcesses
};

/// One section as plain numbers.
struct SectionRange {
  std::uint64_t offset = 0;
  std::uint32_t count = 0;
  std::uint32_t stride = 0;
};

/// Where everything lies for given capacities. The only place that computes offsets.
struct Geometry {
  SectionRange sections[static_cast<std::size_t>(SectionId::kCount)];
  std::uint64_t total_bytes = 0;

  constexpr const SectionRange& operator[](SectionId id) const noexcept {
    return sections[static_cast<std::size_t>(id)];
  }
};

constexpr Geometry compute_geometry(Capacities capacities) noexcept {
  Geometry geometry;
  std::uint64_t at = kHeaderBytes;
  const auto place = [&](SectionId id, std::uint32_t count, std::size_t stride) {
    at = (at + kLine - 1) / kLine * kLine;
    geometry.sections[static_cast<std::size_t>(id)] = {at, count,
                                                       static_cast<std::uint32_t>(stride)};
    at += std::uint64_t{count} * stride;
  };
  place(SectionId::kConfig, 2, sizeof(ConfigBlock));
  place(SectionId::kTypeNames, kMaxTypes, sizeof(NameRecord));
  place(SectionId::kGroupNames, kMaxGroups, sizeof(NameRecord));
  place(SectionId::kOverrides, kMaxTypes, sizeof(LimitOverride));
  place(SectionId::kSlotWords, capacities.slots, 8);
  place(SectionId::kFingerprints, capacities.slots, 8);
  place(SectionId::kRecords, capacities.slots, sizeof(SlotRecord));
  place(SectionId::kSamples, 2, sizeof(SampleBlock));
  place(SectionId::kCharges, 2 * capacities.slots, 8);
  place(SectionId::kMemoryHeld, 2 * capacities.slots, 8);
  place(SectionId::kSlotSamples, capacities.slots, sizeof(SlotSample));
  place(SectionId::kProcesses, capacities.processes + 1, sizeof(ProcessEntry));
  place(SectionId::kCounters, capacities.processes + 1, sizeof(CounterBlock));
  place(SectionId::kWaiters, kMaxWaiters, sizeof(WaiterEntry));
  place(SectionId::kEvents, capacities.processes + 1, sizeof(EventRing));
  place(SectionId::kNode, 1, sizeof(NodeRecord));
  geometry.total_bytes = (at + 4095) / 4096 * 4096;
  return geometry;
}

/// A number that two builds share only if they agree on every size and offset that the segment's
/// records have.
constexpr std::uint64_t compute_fingerprint() noexcept {
  std::uint64_t hash = 0xcbf2'9ce4'8422'2325ULL;
  const auto mix = [&](std::uint64_t value) {
    for (int byte = 0; byte < 8; ++byte)
      hash = (hash ^ ((value >> (8 * byte)) & 0xffU)) * 0x100'0000'01b3ULL;
  };
  mix(kLayout);
  mix(sizeof(void*));
  mix(4096);
  mix(sizeof(Header));
  mix(offsetof(Header, state));
  mix(offsetof(Header, mark));
  mix(sizeof(ConfigBlock));
  mix(sizeof(TypeConfig));
  mix(sizeof(GroupConfig));
  mix(sizeof(SlotRecord));
  mix(sizeof(SampleBlock));
  mix(sizeof(SlotSample));
  mix(sizeof(ProcessEntry));
  mix(offsetof(ProcessEntry, hazard));
  mix(offsetof(ProcessEntry, watched));
  mix(sizeof(CounterBlock));
  mix(sizeof(WaiterEntry));
  mix(sizeof(EventRing));
  mix(sizeof(NodeRecord));
  mix(kStateShift);
  mix(kOwnerShift);
  mix(kGenerationShift);
  return hash;
}
inline constexpr std::uint64_t kFingerprint = compute_fingerprint();

}  // namespace slotd::inline v0_1
