// What the operator asked for, once it has been checked.
//
// What: plain values with their defaults beside them; the numbers are the seed's, and
// systemd/slotd.yaml repeats them.
// What not: nothing here knows YAML, a host or a segment. Whether a cost fits this machine is
// decided at start.
// Thread-safety: values; share them as const. Blocking: nothing. Crash: nothing is shared.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/source_mark.hpp"
#include "slotd/layout.hpp"
#include "slotd/units.hpp"

namespace slotd::broker {

/// How many cores the node is taken to have.
enum class CapacityMode : std::uint8_t {
  kAuto,   ///< what this process may use: request, cgroup quota, cpuset, affinity
  kHost,   ///< all online CPUs of the host
  kFixed,  ///< the number given
};

/// What a slot costs once it has been active for `hold`.
enum class ChargePolicy : std::uint8_t { kMax, kMeasured, kReserved };

enum class AffinityPolicy : std::uint8_t { kConsolidate, kSpread };
enum class MemorySource : std::uint8_t { kRss, kPss, kCgroup };
enum class PressureAction : std::uint8_t { kNone, kNotify, kStop, kKill };

struct CpuConfig {
  CapacityMode capacity_mode = CapacityMode::kAuto;
  std::int64_t capacity_micro = 0;  ///< only with kFixed; above 0 then
  std::uint32_t max_utilization_ppb = 800'000'000;
  std::uint64_t hold_ms = 15'000;
  ChargePolicy charge = ChargePolicy::kMax;
  bool idle_rule = true;
  std::uint64_t sample_interval_ms = 1'000;
  AffinityPolicy affinity = AffinityPolicy::kConsolidate;

  bool operator==(const CpuConfig&) const = default;
};

struct MemoryConfig {
  std::uint64_t max_bytes = 0;  ///< 0: memory is not looked at
  std::uint64_t headroom_bytes = std::uint64_t{1} << 30;
  MemorySource source = MemorySource::kRss;

  bool operator==(const MemoryConfig&) const = default;
};

struct GroupWeight {
  std::string group;
  std::uint32_t weight = 1;  ///< 1..65535

  bool operator==(const GroupWeight&) const = default;
};

struct TypeSpec {
  std::string name;
  std::vector<std::string> aliases;  ///< other names that claims may use
  std::optional<std::uint32_t> max;  ///< none: no limit of its own; 0 admits none
  std::uint32_t cpu_milli = 0;
  std::uint64_t memory_bytes = 0;
  std::uint32_t min = 0;
  /// The name of a type whose limit this one uses, one a slot; empty for none. It has no `max` of
  /// its own then, and the type named here has no counts_as.
  std::string counts_as;
  std::vector<GroupWeight> groups;
  SourceMark mark;

  bool operator==(const TypeSpec&) const = default;
};

struct GroupSpec {
  std::string name;
  std::optional<std::uint32_t> max;  ///< none: no limit; 0 admits none
  std::string external;              ///< file whose number counts as used too; empty for none
  SourceMark mark;

  bool operator==(const GroupSpec&) const = default;
};

struct QueueConfig {
  std::uint64_t overtake_window_ms = 1'000;
  std::uint64_t turn_ms = 20;

  bool operator==(const QueueConfig&) const = default;
};

struct PressureConfig {
  std::uint32_t threshold_ppb = 950'000'000;
  std::uint32_t ticks = 10;
  std::uint32_t reset_ticks = 5;
  std::uint64_t grace_ms = 30'000;
  PressureAction action = PressureAction::kNotify;
  std::uint32_t psi_ppb = 0;          ///< stalling that a hot tick needs too; 0: not asked for
  std::uint64_t memory_grace_ms = 0;  ///< of memory.max; 0: at the first sample above it
  bool process_group = false;         ///< signals go to the process group that the owner leads

  bool operator==(const PressureConfig&) const = default;
};

struct SegmentConfig {
  std::string path;               ///< empty: the place that suits the user who starts the broker
  std::uint32_t mode = 0660;      ///< permission bits of the segment file
  std::string group;              ///< empty: the broker's own primary group
  std::uint32_t slots = 1'024;    ///< 1..4096, fixed for the segment's life
  std::uint32_t processes = 512;  ///< 2..1023, likewise; one is the broker's

  bool operator==(const SegmentConfig&) const = default;
};

#ifdef SLOTD_WITHOUT_HTTP
inline constexpr bool kHasHttp = false;
#else
inline constexpr bool kHasHttp = true;
#endif

enum class HttpListen : std::uint8_t { kOff, kUnix, kTcp };

struct HttpConfig {
  HttpListen listen = kHasHttp ? HttpListen::kUnix : HttpListen::kOff;
  std::string path;        ///< of the Unix socket; empty: beside the segment, named after it
  std::string host;        ///< with kTcp: an address, or a name
  std::uint16_t port = 0;  ///< likewise, above 0
  SourceMark mark;         ///< of `listen`; nobody asked for it where that is unknown

  bool operator==(const HttpConfig&) const = default;
};

/// Where each key of the file stands, by its path: "segment.slots", "types.participant.max". For
/// messages about values that only turn out wrong later. A config that nobody wrote has none.
struct KeyMarks {
  std::map<std::string, SourceMark, std::less<>> by_path;

  /// The key's place; unknown when the file does not have it.
  [[nodiscard]] SourceMark find(std::string_view path) const {
    const auto found = by_path.find(path);
    return found == by_path.end() ? SourceMark{} : found->second;
  }
  friend bool operator==(const KeyMarks&, const KeyMarks&) { return true; }
};

/// The types and groups that hold when a file names none: the seed's five and their `web` group.
[[nodiscard]] std::vector<TypeSpec> make_default_types();
[[nodiscard]] std::vector<GroupSpec> make_default_groups();

struct Config {
  CpuConfig cpu;
  MemoryConfig memory;
  std::vector<TypeSpec> types = make_default_types();     ///< in the file's order, names distinct
  std::vector<GroupSpec> groups = make_default_groups();  ///< likewise
  QueueConfig queue;
  PressureConfig pressure;
  SegmentConfig segment;
  HttpConfig http;
  KeyMarks marks;

  bool operator==(const Config&) const = default;

  /// The type called `name`, which may be one of its aliases; nullptr when there is none.
  [[nodiscard]] const TypeSpec* find_type(std::string_view name) const;
  /// Likewise for a group, which has no aliases.
  [[nodiscard]] const GroupSpec* find_group(std::string_view name) const;
  /// Where to look for a native key in the file: the key itself, else what brought the type or
  /// group of that name in (a LiveKit key), else the nearest section that it would stand in.
  /// Unknown where the file has none of these.
  [[nodiscard]] SourceMark find_place(std::string_view key) const;
};

}  // namespace slotd::broker
