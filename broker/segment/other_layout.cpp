#include "broker/segment/other_layout.hpp"

#include <atomic>
#include <cstddef>

#include "slotd/layout.hpp"

namespace slotd::broker {

namespace {

constexpr std::size_t kMostNamed = 32;

static_assert(offsetof(Header, sections) == 128 && offsetof(Header, state) == 384 &&
                  offsetof(Header, drain) == 408 && kDrainAll == 1ULL << 32,
              "frozen for all layouts");
static_assert(static_cast<std::size_t>(SectionId::kSlotWords) == 4, "likewise");

Header& header_of(const OpenedSegment& existing) { return *static_cast<Header*>(existing.base); }

}  // namespace

std::vector<std::uint32_t> find_held_slots(const OpenedSegment& existing) {
  const Header& header = header_of(existing);
  const Section& section = header.sections[static_cast<std::size_t>(SectionId::kSlotWords)];
  const std::uint64_t offset = section.offset.get();
  const std::uint32_t count = section.count.get();
  const std::uint32_t shift = header.state_shift.get() & 63U;
  const std::uint64_t mask = header.state_mask.get();
  std::vector<std::uint32_t> held;
  // Not a table: nothing that anybody could hold.
  if (offset % 8 != 0 || count > kMaxSlots * 16U || offset > existing.bytes ||
      std::uint64_t{count} * 8 > existing.bytes - offset)
    return held;
  const auto* words = reinterpret_cast<const std::atomic<std::uint64_t>*>(
      static_cast<const char*>(existing.base) + offset);
  for (std::uint32_t slot = 0; slot < count; ++slot) {
    const std::uint64_t word = words[slot].load(std::memory_order_relaxed);
    if (((word >> shift) & mask) != 0) held.push_back(slot);
  }
  return held;
}

void drain_segment(const OpenedSegment& existing) {
  header_of(existing).drain.fetch_or(kDrainAll, std::memory_order_seq_cst);
}

std::string describe_held(const std::vector<std::uint32_t>& held, bool is_draining) {
  std::string text = std::to_string(held.size()) +
                     (held.size() == 1 ? " of its slots is held (" : " of its slots are held (");
  for (std::size_t i = 0; i < held.size() && i < kMostNamed; ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(held[i]);
  text += held.size() > kMostNamed ? ", ...); " : "); ";
  return text + (is_draining ? "it admits nothing more and is replaced when they have come back"
                             : "let those jobs end before the upgrade, start with --retire to "
                               "drain it, or go back to the release that made it, whose `slotctl "
                               "slots` tells whose they are");
}

}  // namespace slotd::broker
