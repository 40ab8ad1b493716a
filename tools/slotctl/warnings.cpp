#include "tools/slotctl/warnings.hpp"

#include <nlohmann/json.hpp>

#include "slotd/layout.hpp"
#include "tools/slotctl/commands/limits.hpp"
#include "tools/slotctl/figures.hpp"
#include "tools/slotctl/usage_view.hpp"

namespace slotd::ctl {

namespace {

constexpr std::size_t kLabelWidth = 10;
constexpr std::size_t kMostNamed = 8;  ///< slots in a line for eyes; JSON has all

std::string count_text(std::size_t count, const char* one, const char* many) {
  return std::to_string(count) + " " + (count == 1 ? one : many);
}

std::string slots_named(const std::vector<std::uint32_t>& slots) {
  std::string text;
  for (std::size_t i = 0; i < slots.size() && i < kMostNamed; ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(slots[i]);
  return slots.size() > kMostNamed ? text + ", ..." : text;
}

class Finder {
 public:
  Finder(const Snapshot& snapshot, std::uint64_t drain, Charset charset)
      : snapshot_(snapshot), drain_(drain), charset_(charset) {}

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
                      Tone::kWarning});
    }
    return std::move(out_);
  }

 private:
  std::string escaped(const std::string& name) const { return escape_text(name, charset_); }

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
                      .tone = Tone::kWarning,
                      .by = "rebuild"});
    }
    if ((drain_ & kDrainAll) != 0) {
      out_.push_back(
          {.name = "draining",
           .label = "DRAINING",
           .text = std::string("by the operator, all types: nothing is admitted; ") + undrain,
           .tone = Tone::kWarning,
           .by = "operator"});
    }
    for (const TypeSnapshot& type : snapshot_.types) {
      if (((drain_ >> type.index) & 1U) == 0) continue;
      out_.push_back(
          {.name = "draining",
           .label = "DRAINING",
           .text = "by the operator, " + escaped(type.name) + ": none is admitted; " + undrain,
           .tone = Tone::kWarning,
           .type = type.name,
           .by = "operator"});
    }
  }

  void add_debt() {
    for (const TypeSnapshot& type : snapshot_.types) {
      const std::uint32_t debt = limit_debt(type.in_use, type.limit);
      if (debt == 0 || !type.counts_as.empty()) continue;
      out_.push_back({.name = "debt",
                      .label = "DEBT",
                      .text = escaped(type.name) + ": " + debt_text(type.in_use, type.limit),
                      .type = type.name});
    }
    for (const GroupSnapshot& group : snapshot_.groups) {
      if (group.limit == kNoLimit || group.in_use <= group.limit) continue;
      out_.push_back(
          {.name = "debt",
           .label = "DEBT",
           .text = "group " + escaped(group.name) + ": " + debt_text(group.in_use, group.limit),
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
                      .text = "group " + escaped(group.name) +
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
                              std::to_string(slot.slot) + ", " + escaped(slot.type) + ", pid " +
                              std::to_string(slot.owner_pid) + " uses more than its share",
                      .type = slot.type,
                      .slots = {slot.slot}});
    }
  }

  const Snapshot& snapshot_;
  std::uint64_t drain_;
  Charset charset_;
  std::vector<Warning> out_;
};

}  // namespace

std::vector<Warning> find_warnings(const Snapshot& snapshot, std::uint64_t drain, Charset charset) {
  return Finder(snapshot, drain, charset).find();
}

Json warnings_json(const std::vector<Warning>& warnings) {
  Json out = Json::array();
  for (const Warning& warning : warnings) {
    Json row{{"warning", warning.name}, {"text", warning.text}};
    if (!warning.type.empty()) row["type"] = warning.type;
    if (!warning.group.empty()) row["group"] = warning.group;
    if (!warning.slots.empty()) row["slots"] = warning.slots;
    if (warning.by != nullptr) row["by"] = warning.by;
    out.push_back(std::move(row));
  }
  return out;
}

std::string warnings_text(const std::vector<Warning>& warnings, const TableStyle& style) {
  std::string text;
  for (const Warning& warning : warnings) {
    std::string label = warning.label;
    label.resize(kLabelWidth, ' ');
    text += paint(label + warning.text, warning.tone, style) + "\n";
  }
  return text;
}

}  // namespace slotd::ctl
