// docs/bench.json, read.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tests/bench/figures.hpp"

namespace slotd::bench {

struct Row {
  std::string name;
  std::string what;
  std::string rival;
  unsigned held = 0;
  unsigned procs = 1;
  Spread slotd;  ///< nanoseconds; bytes in the table `memory`
  Spread theirs;
  Spread ratio;
  double aim = 0;
  unsigned runs = 0;
  std::string skipped;  ///< not empty: there are no figures
  std::string outcome;  ///< instead of figures, where it was tried: "never"
  std::string note;     ///< on how it was measured

  bool is_measured() const { return skipped.empty(); }
};

struct Document {
  std::string machine;
  std::string virtualization;
  unsigned cpus = 0;
  double load = 0;
  std::string kernel;
  std::string compiler;
  std::string flags;
  std::string scan;
  std::string commit;
  std::vector<Row> rows;

  /// The measured row, or null.
  const Row* find(std::string_view name, std::string_view what, std::string_view rival,
                  unsigned held, unsigned procs) const;
  /// The pair at so many held slots: SysV's rows have a name of their own.
  const Row* find_pair(std::string_view rival, unsigned held, unsigned procs) const;
};

/// Throws std::exception when the file is not there or not of this form.
Document read_document(const std::string& path);

/// As people call it.
std::string title_of(std::string_view rival);
/// How it waits for a slot.
std::string waiting_of(std::string_view rival);

/// Those that take one slot and its CPU, SysV first.
inline constexpr const char* kRivals[] = {"sysv",        "posix_semaphores", "robust_mutex",
                                          "flock",       "pipe_tokens",      "socket_daemon",
                                          "redis_leases"};
inline constexpr unsigned kHeldCounts[] = {0, 30, 100, 300, 1000, 4000};
inline constexpr unsigned kUsualHeld = 30;

}  // namespace slotd::bench
