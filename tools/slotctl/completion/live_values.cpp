// What the segment has to offer to completion.
#include <map>

#include "slotd/snapshot.hpp"
#include "tools/slotctl/completion/complete.hpp"
#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/refusal.hpp"
#include "tools/slotctl/segment_access.hpp"

namespace slotd::ctl {

namespace {

std::string describe_type(const TypeSnapshot& type) {
  std::string text = std::to_string(type.in_use);
  if (type.limit != kNoLimit) text += " of " + std::to_string(type.limit);
  return text + " in use";
}

std::string describe_slot(const SlotSnapshot& slot) {
  std::string text = slot.type;
  if (!slot.key.empty()) text += ' ' + slot.key;
  return text + " of pid " + std::to_string(slot.owner_pid) + ' ' + slot.owner_name;
}

LiveValues values_of(const ProcessTable& processes) {
  const Snapshot snapshot = read_snapshot(processes);
  LiveValues values;
  std::map<std::string, std::string> described;
  for (const TypeSnapshot& type : snapshot.types) described[type.name] = describe_type(type);
  // Aliases, too: they may be written wherever a type may.
  for (const std::string& name : read_type_names(processes.view()))
    values.types.push_back({name, described.count(name) != 0 ? described[name] : "another name"});
  for (const SlotSnapshot& slot : snapshot.slots) {
    values.slots.push_back({std::to_string(slot.slot), describe_slot(slot)});
    values.tokens.push_back({slot.token, describe_slot(slot)});
  }
  for (const ProcessSnapshot& process : snapshot.processes) {
    if (process.slots != 0) values.pids.push_back({std::to_string(process.pid), process.name});
  }
  return values;
}

}  // namespace

LiveValues read_live_values(const std::string& segment_path) try {
  GlobalOptions options;
  options.segment_path = segment_path;
  return values_of(open_for_reading(options));
} catch (const Failure&) {
  return {};
}

}  // namespace slotd::ctl
