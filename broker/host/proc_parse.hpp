// Texts of /proc about processes and the whole host: pure parsers, for the sampler. Reading is in
// process_scan.hpp. Any bytes may come in: what is no such text is nothing, numbers that do not fit
// saturate. Nothing blocks.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace slotd::broker {

/// What /proc/PID/stat says of a process.
struct ProcessStat {
  int pid = 0;
  int parent = 0;
  int group = 0;
  int session = 0;
  char state = '?';
  std::uint64_t cpu_ticks = 0;    ///< user and system time of all its threads
  std::uint64_t start_ticks = 0;  ///< since boot; with the pid it names the process
  std::uint64_t rss_pages = 0;    ///< 0 for a zombie, also for one whose other threads live on
  std::uint64_t threads = 0;

  bool operator==(const ProcessStat&) const = default;
};

/// The command name in it may hold anything: fields are counted after the last ')'.
std::optional<ProcessStat> parse_process_stat(std::string_view text);

/// The CPUs of the host together, in clock ticks since boot.
///
/// Busy is what is not idle: user (guests are inside it), nice, system, both interrupts, and steal.
/// Stolen time counts because somebody here was ready to run and did not: jobs fall behind on such
/// a host just as on one that is full by itself. iowait does not count: the CPU was free.
struct HostTicks {
  std::uint64_t busy = 0;
  std::uint64_t total = 0;
  std::uint32_t cpus = 0;  ///< lines "cpuN": those online

  bool operator==(const HostTicks&) const = default;
};

/// /proc/stat, or the beginning of it that holds the lines of the CPUs.
std::optional<HostTicks> parse_host_ticks(std::string_view text);

/// Microcores busy between two looks: nothing where no time has passed. idle and iowait may run
/// backwards, so the busy share never exceeds all CPUs.
std::optional<std::uint64_t> decide_busy_micro(const HostTicks& before, const HostTicks& now);

/// A file of /proc/pressure: "some avg10=1.25 avg60=..." -> 12'500'000 parts per billion.
std::optional<std::uint32_t> parse_pressure_some_ppb(std::string_view text);

/// "Pss:   123 kB" of /proc/PID/smaps_rollup, in bytes.
std::optional<std::uint64_t> parse_pss_bytes(std::string_view text);

/// The first figure of /proc/uptime in hundredths of a second.
std::optional<std::uint64_t> parse_uptime_centis(std::string_view text);

}  // namespace slotd::broker
