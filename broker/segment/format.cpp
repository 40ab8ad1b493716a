#include "broker/segment/format.hpp"

namespace slotd::broker {

void format_segment(void* base, Capacities capacities, const FormatIdentity& identity) {
  Header& header = *static_cast<Header*>(base);
  const Geometry geometry = compute_geometry(capacities);
  header.layout.set(kLayout);
  header.header_bytes.set(kHeaderBytes);
  header.fingerprint.set(kFingerprint);
  header.total_bytes.set(geometry.total_bytes);
  header.segment_id.set(identity.segment_id);
  header.boot_id[0].set(identity.boot_id[0]);
  header.boot_id[1].set(identity.boot_id[1]);
  header.state_shift.set(kStateShift);
  header.state_mask.set((1U << kStateBits) - 1U);
  store_text(header.version, identity.version);
  header.created_at_ns.set(identity.created_at_ns);
  header.creator_pid.set(identity.creator_pid);
  for (std::size_t i = 0; i < static_cast<std::size_t>(SectionId::kCount); ++i) {
    header.sections[i].offset.set(geometry.sections[i].offset);
    header.sections[i].count.set(geometry.sections[i].count);
    header.sections[i].stride.set(geometry.sections[i].stride);
  }
  header.magic.set(kMagic);
}

void open_for_business(void* base) {
  static_cast<Header*>(base)->state.store(static_cast<std::uint64_t>(SegmentState::kReady),
                                          std::memory_order_release);
}

}  // namespace slotd::broker
