// Reads the event rings of the segment under a path, again and again, and goes along when the
// segment is replaced. Maps read-only and polls. Not thread-safe; never blocks but on the file
// system.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "slotd/process_table.hpp"
#include "tools/slotctl/event_view.hpp"

namespace slotd::ctl {

class EventSource {
 public:
  struct News {
    std::vector<ShownEvent> events;
    std::uint64_t lost = 0;  ///< since the last call
  };
  /// What is new. The first call on a segment gives what its rings still have.
  News read(const ProcessTable& processes);

 private:
  std::optional<EventReader> reader_;
  std::uint64_t segment_id_ = 0;
  std::uint64_t lost_ = 0;
};

/// Now, in milliseconds since 1970.
std::int64_t read_unix_ms() noexcept;

}  // namespace slotd::ctl
