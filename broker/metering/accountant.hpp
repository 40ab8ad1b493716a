// Turns what was measured into what is charged: reads the held slots, puts each owner's use on its
// slots, and keeps what has to be remembered between two samples. The deciding rules are in
// broker/ledger/charge.hpp; this file reads the segment and the memory of samples before.
//
// One thread. No system calls; reads the segment, writes nothing into it. Crash: a new broker
// begins with what the last one published.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "broker/host/usage_sampler.hpp"
#include "broker/ledger/charge.hpp"
#include "slotd/process_table.hpp"

namespace slotd::broker {

/// One held slot as it stands at a sample.
struct AccountedSlot {
  SlotFacts facts;
  std::uint32_t owner = 0;   ///< entry index
  std::uint64_t attach = 0;  ///< of the owner; 0: it has ended
  SlotCharge charge;
  UsageOrigin origin = UsageOrigin::kNone;
};

/// One owner's use, for display.
struct AccountedOwner {
  std::uint32_t index = 0;
  std::uint64_t attach = 0;
  OwnerFigures figures;
  UsageOrigin origin = UsageOrigin::kNone;
};

/// What was measured of one owner. Two attachments of one process are two entries with the same
/// pid, and both have the figures of the whole tree.
struct MeasuredOwner {
  OwnerUsage usage;
  int pid = 0;
};

struct Account {
  std::vector<AccountedSlot> slots;
  std::vector<AccountedOwner> owners;
  std::uint64_t measured_micro = 0;     ///< sum over the owner processes that could be measured
  std::uint64_t memory_used_bytes = 0;  ///< likewise
};

class Accountant {
 public:
  /// `measured` was taken of the owners that hold slots, at `now_ns` of the segment's clock.
  Account account(const ProcessTable& processes, const std::vector<MeasuredOwner>& measured,
                  const ChargeRules& rules, std::uint64_t now_ns);

  /// Another segment: claims and owners have other places there.
  void forget() { *this = Accountant(); }

 private:
  struct Owner {
    std::uint64_t attach = 0;
    std::optional<std::uint64_t> smoothed_micro;
    std::uint64_t sampled_ns = 0;
  };
  struct Activity {
    std::uint64_t nonce = 0;
    std::uint64_t since_ns = 0;
  };

  void take_owners(const std::vector<MeasuredOwner>& measured, std::uint64_t now_ns,
                   Account& account);
  std::vector<AccountedSlot> read_slots(const ProcessTable& processes, std::uint64_t now_ns);
  std::uint64_t find_active_ns(const SegmentView& view, std::uint32_t slot, std::uint64_t nonce,
                               std::uint64_t now_ns);
  AccountedOwner take_figures(const OwnerUsage& usage, std::uint64_t now_ns);

  std::map<std::uint32_t, Owner> owners_;       ///< by entry index
  std::map<std::uint32_t, Activity> activity_;  ///< by slot: seen active, where it says not when
};

/// Which owners hold slots now, by entry index.
std::vector<bool> find_holders(const SegmentView& view);

}  // namespace slotd::broker
