// One look at all processes of /proc, and the CPU clock of one: the only reader of other processes'
// files that the sampler has, with process_tree.hpp as the thinking part.
//
// Single-threaded. Never waits for another process: stat is printed without its memory lock. What
// the reader may not see (hidepid, another PID namespace's /proc) is missing.
#pragma once

#include <dirent.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "broker/host/proc_parse.hpp"

namespace slotd::broker {

class ProcessScanner {
 public:
  /// Reads below ROOT/proc; "" on a real host.
  explicit ProcessScanner(const std::string& root) : proc_(root + "/proc") {}

  /// All processes, sorted by pid. Nothing when /proc cannot be listed, or, on a real host, shows
  /// another PID namespace. Those that end meanwhile are left out. The result is valid until the
  /// next call.
  ///
  /// Reading a process costs about 3 microseconds, listing it a tenth of that. So only the pids in
  /// `fresh` (sorted), processes that were not there the last time, and one in kPatience of the
  /// others are read; of the rest what was read before is told again. An unchanged inode number in
  /// the list says that it is the same process.
  const std::vector<ProcessStat>* read(std::span<const int> fresh);

  /// Each process is read at least once in so many calls.
  static constexpr int kPatience = 8;

  /// Was the process at this place of the result read just now?
  bool is_fresh(std::size_t place) const { return entries_[place].fresh; }

  /// Reads it now if it was not; what it is then is in the result. False when it is gone by now, or
  /// is another process, which the next call will tell.
  bool refresh(std::size_t place);

  /// Resident pages of a process whose first thread has ended while others live on; stat says 0 for
  /// those.
  std::uint64_t read_rss_of_threads(int pid) const;

 private:
  struct CloseDir {
    void operator()(DIR* folder) const noexcept { ::closedir(folder); }
  };
  using Folder = std::unique_ptr<DIR, CloseDir>;

  struct Entry {
    std::uint64_t inode = 0;
    bool fresh = false;
  };

  bool rewind();
  void sort_by_pid();
  void add(const dirent& entry, std::span<const int> fresh, std::size_t& old_at);

  std::string proc_;
  Folder folder_;
  int round_ = 0;
  std::vector<ProcessStat> processes_;
  std::vector<Entry> entries_;  ///< one for each process
  std::vector<ProcessStat> old_processes_;
  std::vector<Entry> old_entries_;
};

/// CPU time that all threads of a process have used, also those that have ended, nanoseconds.
/// Nothing when there is no such process or the kernel refuses. Works where /proc is hidden, and
/// for zombies.
std::optional<std::uint64_t> read_process_clock_ns(int pid);

}  // namespace slotd::broker
