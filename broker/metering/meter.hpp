// One beat of the broker: looks at the owners' processes, charges their slots, and publishes all of
// it in one sample, which is also the broker's heartbeat. What is measured is in broker/host, what
// is charged in broker/ledger/charge.hpp; this file joins them to a segment.
//
// One thread. Blocks on procfs and cgroupfs reads only; counts from outside are read on a thread of
// their own. Killed anywhere before the sample's epoch: the last sample stays in force.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "broker/config/config.hpp"
#include "broker/host/external_count.hpp"
#include "broker/host/usage_sampler.hpp"
#include "broker/ledger/ledger_spec.hpp"
#include "broker/ledger/publish.hpp"
#include "broker/liveness/watch_list.hpp"
#include "broker/metering/accountant.hpp"
#include "slotd/process_table.hpp"

namespace slotd::broker {

/// What one beat found, for the pressure policy.
struct Beat {
  Account account;
  HostUsage host;
  bool is_measured = false;  ///< account.measured_micro is meant
  std::uint64_t at_ns = 0;   ///< CLOCK_MONOTONIC
};

/// Writes an account into the segment: what is shown of slots and owners, then `sample` with its
/// charges, by one store of the epoch.
void publish_account(const SegmentView& view, const Account& account, Sample sample);

class Meter {
 public:
  /// `root` is where /proc and /sys are looked for; empty on a real host.
  explicit Meter(const std::string& root = "") : sampler_(root) {}

  /// Rules in force from now on.
  void configure(const Config& config, const LedgerSpec& spec);

  /// The owners' slots have other places now: another segment.
  void forget() { accountant_.forget(); }

  /// Measures, charges, publishes. `processes` is over a writable view.
  Beat beat(const ProcessTable& processes, const WatchList& watches);

  /// Has a count from outside come in that the last beat did not have?
  bool has_news() const;

  /// Groups whose count could not be read at the last beat.
  const std::vector<std::string>& unreadable() const noexcept { return unreadable_; }

 private:
  struct External {
    std::uint32_t group = 0;
    std::string name;
    std::string path;
    std::uint32_t limit = kNoLimit;
  };

  std::vector<MeasuredOwner> look(const WatchList& watches, const std::vector<bool>& holders,
                                  std::uint64_t now_ns, HostUsage& host);
  void add_external(Sample& sample, std::uint64_t now_ns);

  UsageSampler sampler_;
  Accountant accountant_;
  ExternalCounts counts_;
  std::vector<External> externals_;
  std::vector<std::string> unreadable_;
  ChargeRules rules_;
  MemorySource memory_source_ = MemorySource::kRss;
  bool has_looked_ = false;
};

}  // namespace slotd::broker
