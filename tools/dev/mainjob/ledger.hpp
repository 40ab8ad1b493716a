// The main job's read-only eye on the segment: mapped once, watched for a broker that replaces it
// instead of adopting it. One thread; never blocks; nothing is written.
#pragma once

#include <string>

#include "slotd/process_table.hpp"
#include "slotd/segment.hpp"

namespace slotd::mainjob {

class Ledger {
 public:
  /// Maps the segment at `path` if it is ready. False: not yet; problem() says what was found
  /// instead.
  bool try_open(const std::string& path);
  bool is_open() const { return static_cast<bool>(view_); }
  const std::string& problem() const { return opened_.detail; }

  // Precondition of the rest: is_open().
  const SegmentView& view() const { return view_; }
  const ProcessTable& processes() const { return processes_; }

  /// Is the process `pid` the broker, and up?
  bool is_broker_up(int pid) const;

  /// Is the mapped segment still the one that new clients would find?
  bool is_current() const;

 private:
  std::string path_;
  OpenedSegment opened_;
  SegmentView view_;
  ProcessTable processes_;
};

}  // namespace slotd::mainjob
