// The lock that keeps a second broker from a segment: flock() on PATH.lock, mode 0600, so that
// members of the segment's group cannot hold it. The kernel ends it with the broker's life. Never
// waits.
#pragma once

#include <optional>
#include <string>

#include "broker/segment/owner_failure.hpp"
#include "slotd/process_probe.hpp"

namespace slotd::broker {

struct TakenLock {
  UniqueFd file;           ///< closing it lets the next broker in
  bool was_there = false;  ///< the file was: a broker was here before
  std::string note;        ///< for the log
};

/// Nothing with `failure` filled: another broker has it, or the file is not one's own.
std::optional<TakenLock> try_take_lock(const std::string& segment_path, OwnerFailure& failure);

/// Is it still the one beside the segment? Whoever takes the folder away takes the lock along.
bool is_lock_of(const UniqueFd& lock, const std::string& segment_path);

}  // namespace slotd::broker
