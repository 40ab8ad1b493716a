// What an operator has to see first: why a node admits nothing, whose figures are old, what should
// not be. For `slotctl status` and the broker's pages, which tell the same. Pure; thread-safe;
// allocates.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "slotd/figure_text.hpp"
#include "slotd/layout.hpp"
#include "slotd/notices.hpp"
#include "slotd/snapshot_values.hpp"

namespace slotd::inline v0_1 {

struct Warning {
  const char* name;                    ///< for programs: "debt"
  const char* label;                   ///< for eyes: "DEBT"
  std::string text;                    ///< printable ASCII
  bool is_grave = true;                ///< else it may be wanted so
  std::string type{};                  ///< the one that it is about; untrusted bytes
  std::string group{};                 ///< likewise
  std::vector<std::uint32_t> slots{};  ///< likewise
  const char* by = nullptr;            ///< who drains: "operator" or "rebuild"
};

/// Did somebody measure, and longer ago than may be believed?
inline bool is_shown_stale(const BrokerSnapshot& broker) noexcept {
  return broker.sample_age_s >= 0 && broker.is_sample_stale;
}

/// "measured 12.3s ago, broker down: not what is used now"
inline std::string stale_text(const BrokerSnapshot& broker) {
  const char* why = broker.state == BrokerState::kDown ? "broker down" : "broker late";
  return "measured " + age_text(broker.sample_age_s) + " ago, " + why + ": not what is used now";
}

namespace detail {

inline constexpr std::size_t kMostSlotsNamed = 8;  ///< slots in a line for eyes; programs get all

inline std::string count_text(std::size_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

inline std::string slots_named(const std::vector<std::uint32_t>& slots) {
  std::string text;
  for (std::size_t i = 0; i < slots.size() && i < kMostSlotsNamed; ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(slots[i]);
  return slots.size() > kMostSlotsNamed ? text + ", ..." : text;
}

class WarningFinder {
 public:
  WarningFinder(const Snapshot& snapshot, std::uint64_t drain)
      : snapshot_(snapshot), drain_(drain) {}

  std::vector<Warning> find() {
    add_broker();
    add_drain();
    add_debt();
    add_dead_owners();
    add_full_tables();
    add_outside();
    add_pressure();
    if (!snapshot_.stable) {
      out_.push_back({"unstable", "UNSTABLE",
                      "slots kept changing while they were read: figures may not belong together",
                      false});
    }
    return std::move(out_);
  }

 private:
  void add_broker() {
    const BrokerSnapshot& broker = snapshot_.broker;
    if (broker.state == BrokerState::kDown) {
      out_.push_back({"broker_down", "DOWN",
                      "the broker does not run: figures are old and reloads wait; claims and "
                      "releases go on"});
    }
    if (is_shown_stale(broker)) out_.push_back({"sample_stale", "STALE", stale_text(broker)});
  }

  void add_drain() {
    const char* undrain = "`slotctl undrain` ends that";
    if ((drain_ & kDrainRebuild) != 0) {
      out_.push_back({.name = "draining",
                      .label = "REBUILT",
                      .text = "the segment was made anew: nothing is admitted until its holders "
                              "have come back",
                      .is_grave = false,
                      .by = "rebuild"});
    }
    if ((drain_ & kDrainAll) != 0) {
      out_.push_back(
          {.name = "draining",
           .label = "DRAINING",
           .text = std::string("by the operator, all types: nothing is admitted; ") + undrain,
           .is_grave = false,
           .by = "operator"});
    }
    for (const TypeSnapshot& type : snapshot_.types) {
      if (((drain_ >> type.index) & 1U) == 0) continue;
      out_.push_back({.name = "draining",
                      .label = "DRAINING",
                      .text = "by the operator, " + printable_text(type.name) +
                              ": none is admitted; " + undrain,
                      .is_grave = false,
                      .type = type.name,
                      .by = "operator"});
    }
  }

  void add_debt() {
    for (const TypeSnapshot& type : snapshot_.types) {
      const bool is_within = type.limit == kNoLimit || type.in_use <= type.limit;
      // Told with the type that it counts as.
      if (is_within || !type.counts_as.empty()) continue;
      out_.push_back({.name = "debt",
                      .label = "DEBT",
                      .text = printable_text(type.name) + ": " + debt_text(type.in_use, type.limit),
                      .type = type.name});
    }
    for (const GroupSnapshot& group : snapshot_.groups) {
      if (group.limit == kNoLimit || group.in_use <= group.limit) continue;
      out_.push_back({.name = "debt",
                      .label = "DEBT",
                      .text = "group " + printable_text(group.name) + ": " +
                              debt_text(group.in_use, group.limit),
                      .group = group.name});
    }
  }

  static std::string debt_text(std::uint64_t in_use, std::uint64_t limit) {
    return std::to_string(in_use) + " in use, the limit is " + std::to_string(limit) +
           ": none is admitted until " + std::to_string(in_use - limit + 1) + " have ended";
  }

  void add_dead_owners() {
    Warning warning{"dead_owners", "DEAD", {}};
    for (const SlotSnapshot& slot : snapshot_.slots) {
      if (slot.owner_dead) warning.slots.push_back(slot.slot);
    }
    if (warning.slots.empty()) return;
    warning.text = count_text(warning.slots.size(), "slot is", "slots are") +
                   " held by dead owners (" + slots_named(warning.slots) +
                   "): the next claim that needs the room frees them";
    out_.push_back(std::move(warning));
  }

  void add_full_tables() {
    const Capacities& capacities = snapshot_.capacities;
    if (capacities.slots != 0 && snapshot_.slots.size() >= capacities.slots) {
      out_.push_back(
          {"table_full", "FULL", "all " + std::to_string(capacities.slots) + " slots are held"});
    }
    if (capacities.processes != 0 && snapshot_.processes.size() >= capacities.processes) {
      out_.push_back({"process_table_full", "FULL",
                      "all " + std::to_string(capacities.processes) +
                          " process entries are in use: no other process can attach"});
    }
  }

  void add_outside() {
    for (const GroupSnapshot& group : snapshot_.groups) {
      if (!group.external_unreadable) continue;
      out_.push_back({.name = "external_unreadable",
                      .label = "OUTSIDE",
                      .text = "group " + printable_text(group.name) +
                              ": the count from outside cannot be read, so it counts as full",
                      .group = group.name});
    }
  }

  void add_pressure() {
    for (const SlotSnapshot& slot : snapshot_.slots) {
      if (slot.notice == Notice::kCalm) continue;
      out_.push_back({.name = "pressure",
                      .label = "PRESSURE",
                      .text = std::string(notice_name(slot.notice)) + ": slot " +
                              std::to_string(slot.slot) + ", " + printable_text(slot.type) +
                              ", pid " + std::to_string(slot.owner_pid) +
                              " uses more than its share",
                      .type = slot.type,
                      .slots = {slot.slot}});
    }
  }

  const Snapshot& snapshot_;
  std::uint64_t drain_;
  std::vector<Warning> out_;
};

}  // namespace detail

/// `drain` is the header's word, which tells operators and rebuilds apart. The gravest first.
inline std::vector<Warning> find_warnings(const Snapshot& snapshot, std::uint64_t drain) {
  return detail::WarningFinder(snapshot, drain).find();
}

}  // namespace slotd::inline v0_1
