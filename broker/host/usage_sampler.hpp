// What the owners' process trees and the whole host really use: one look, and the averages since
// the look before. Who belongs to whom is process_tree.hpp's business, what the figures mean for a
// slot's charge is the ledger's.
//
// Single-threaded, never waits for another process. 100 owners among 1000 processes cost about 3
// ms. Nothing is remembered outside the object: after a restart the first look has no averages.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "broker/config/config.hpp"

namespace slotd::broker {

/// Where an owner's CPU figure comes from.
enum class UsageSource : std::uint8_t {
  kNone,
  kTree,    ///< the CPU clocks of its processes
  kCgroup,  ///< the control group that it has for itself, and processes of its outside that
  kClock,   ///< its own process's clock alone: /proc does not show its processes
};

struct OwnerProbe {
  std::uint32_t index = 0;   ///< of the process entry
  std::uint64_t attach = 0;  ///< its tenancy
  int pid =
      0;  ///< in the caller's PID namespace; the caller holds its pidfd, which was not readable
};

struct OwnerUsage {
  std::uint32_t index = 0;
  std::uint64_t attach = 0;
  /// Average since the last look, microcores. None at the owner's first look, when no time has
  /// passed, and when nothing of it is to be seen.
  std::optional<std::uint64_t> cpu_micro;
  /// Now, by the source asked for. A process whose PSS is not to be had counts with its RSS, an
  /// owner without a control group of its own with the RSS of its tree.
  std::optional<std::uint64_t> memory_bytes;
  UsageSource source = UsageSource::kNone;
  std::uint32_t processes = 0;
};

struct HostUsage {
  /// Non-idle time of all CPUs (HostTicks says what that is), average since the last look.
  std::optional<std::uint64_t> busy_micro;
  /// PSI, the ten seconds' average of `some`; none where the kernel keeps none.
  std::optional<std::uint32_t> psi_cpu_some_ppb;
  std::optional<std::uint32_t> psi_memory_some_ppb;
};

struct UsageReport {
  HostUsage host;
  std::vector<OwnerUsage> owners;  ///< in the order of the probes
};

class UsageSampler {
 public:
  /// CPU time of a process in nanoseconds, nothing when refused.
  using CpuClock = std::function<std::optional<std::uint64_t>(int pid)>;

  /// Below `root` are proc and what its mountinfo names. "" is the real host; elsewhere there are
  /// no processes with clocks, so ticks are counted.
  explicit UsageSampler(std::string root = "");
  UsageSampler(std::string root, CpuClock clock);
  ~UsageSampler();
  UsageSampler(UsageSampler&&) noexcept;
  UsageSampler& operator=(UsageSampler&&) noexcept;

  /// `now_ns`: CLOCK_MONOTONIC (coarse will do), read right before the call; the averages are over
  /// the difference to that of the last call. Figures are clamped to what all CPUs can do in that
  /// time.
  UsageReport sample(std::span<const OwnerProbe> owners, std::uint64_t now_ns, MemorySource memory);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace slotd::broker
