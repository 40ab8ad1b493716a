// What a process says that it has used, by getrusage, over and over while it runs: written by the
// burner, read by the main job, which compares it with what slotd measured in between.
//
// Pure but for write_trace() and read_trace(), which do file I/O.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace slotd::mainjob {

struct TracePoint {
  std::uint64_t at_ns = 0;   ///< host CLOCK_MONOTONIC
  std::uint64_t cpu_ns = 0;  ///< user and system time of the whole process until then
};

/// Points in the order of their time.
using Trace = std::vector<TracePoint>;

/// CPU time until `at_ns`: between two points in proportion, before the first none, after the last
/// all.
double cpu_until(const Trace& trace, std::uint64_t at_ns);

/// CPU time of all traces together within a window.
double cpu_within(const std::vector<Trace>& traces, std::uint64_t begin_ns, std::uint64_t end_ns);

/// Throws std::system_error.
void write_trace(const std::string& path, const Trace& trace);

/// Empty when there is none.
Trace read_trace(const std::string& path);

}  // namespace slotd::mainjob
