// Counts from outside: a group's `external: FILE` holds one number, which the broker adds to the
// group's use. The files may be anything that people put there, on file systems that hang; they are
// read in a thread of their own, so that nobody waits.
//
// Belongs to one thread. Nothing blocks but the destructor, at most 100 ms. One file that hangs
// makes all of them old: then nothing is known, which is the safe answer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/host/side_thread.hpp"
#include "slotd/clock.hpp"

namespace slotd::broker {

/// Digits with blanks and line ends around them, nothing else; too many digits are the largest
/// number. Pure.
std::optional<std::uint64_t> parse_external_count(std::string_view text);

/// Opens and reads a regular file or a FIFO of at most 4 KiB; devices, sockets and folders are not
/// read. Does not wait for a FIFO's writer; the last line counts that was written into it. May hang
/// with the file system.
std::optional<std::uint64_t> read_external_count(const std::string& path);

class ExternalCounts {
 public:
  /// A figure is given out for this long after it was read.
  static constexpr std::uint64_t kFreshNs = 3 * kNsPerSecond;

  using Clock = std::function<std::uint64_t()>;
  /// `clock` tells the time that latest() is asked with, nanoseconds; the side thread calls it.
  explicit ExternalCounts(Clock clock = monotonic_ns);
  ~ExternalCounts();

  /// From now on these files and no others. Without any there is no thread.
  void follow(std::vector<std::string> paths);

  /// Asks for fresh figures. Skipped while the last reading still runs.
  void poll();

  /// The last good figure of a file, if it is at most 3 s old; else nothing: never read, unreadable
  /// by now, or the reading hangs.
  std::optional<std::uint64_t> latest(const std::string& path, std::uint64_t now_ns) const;

 private:
  struct Shared;

  Clock clock_;
  std::vector<std::string> paths_;
  std::shared_ptr<Shared> shared_;
  SideThread thread_;
};

}  // namespace slotd::broker
