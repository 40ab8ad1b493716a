// Writing a fresh segment into zeroed memory. Pure over memory: no system calls; used by the broker
// on its new file and by tests on heap buffers. Not for memory that anybody else can see yet.
#pragma once

#include <cstdint>
#include <string_view>

#include "slotd/layout.hpp"
#include "slotd/segment_view.hpp"

namespace slotd::broker {

/// Identity of the segment that is made.
struct FormatIdentity {
  std::uint64_t segment_id = 0;  ///< random, not 0
  BootId boot_id{};
  std::uint32_t creator_pid = 0;
  std::uint64_t created_at_ns = 0;
  std::string_view version;
};

/// Fills the header; everything else stays zero, which means empty. Precondition: base is 64-byte
/// aligned and spans compute_geometry(capacities).total_bytes zero bytes. The state stays
/// kBuilding: open_for_business() ends that.
void format_segment(void* base, Capacities capacities, const FormatIdentity& identity);

/// Stores the state word that lets others attach; last of all, release.
void open_for_business(void* base);

}  // namespace slotd::broker
