#include "broker/config/config.hpp"

#include <algorithm>

#include "slotd/slot_word.hpp"

namespace slotd::broker {
namespace {

static_assert(kMaxCoresMilli == kMaxCostMilli, "a cost that parses must fit a slot word");
static_assert(kMaxCount == kNoLimit - 1, "every limit that parses must differ from none");

TypeSpec make_type(std::string_view name, std::uint32_t max, std::uint32_t cpu_milli,
                   std::vector<GroupWeight> groups = {}) {
  TypeSpec type;
  type.name = name;
  type.max = max;
  type.cpu_milli = cpu_milli;
  type.groups = std::move(groups);
  return type;
}

}  // namespace

std::vector<TypeSpec> make_default_types() {
  return {make_type("room_composite", 5, 4'000, {{"web", 1}}),
          make_type("web", 5, 4'000, {{"web", 1}}), make_type("participant", 3, 2'000),
          make_type("track_composite", 5, 1'000), make_type("track", 10, 500)};
}

std::vector<GroupSpec> make_default_groups() {
  GroupSpec web;
  web.name = "web";
  web.max = 18;
  return {web};
}

const TypeSpec* Config::find_type(std::string_view name) const {
  const auto found = std::find_if(types.begin(), types.end(), [name](const TypeSpec& type) {
    return type.name == name ||
           std::find(type.aliases.begin(), type.aliases.end(), name) != type.aliases.end();
  });
  return found == types.end() ? nullptr : &*found;
}

const GroupSpec* Config::find_group(std::string_view name) const {
  const auto found = std::find_if(groups.begin(), groups.end(),
                                  [name](const GroupSpec& group) { return group.name == name; });
  return found == groups.end() ? nullptr : &*found;
}

SourceMark Config::find_place(std::string_view key) const {
  constexpr std::string_view kTypes = "types.";
  constexpr std::string_view kGroups = "groups.";
  for (std::string_view path = key; !path.empty();) {
    const SourceMark written = marks.find(path);
    if (written.known()) return written;
    const TypeSpec* type =
        path.starts_with(kTypes) ? find_type(path.substr(kTypes.size())) : nullptr;
    if (type != nullptr && type->mark.known()) return type->mark;
    const GroupSpec* group =
        path.starts_with(kGroups) ? find_group(path.substr(kGroups.size())) : nullptr;
    if (group != nullptr && group->mark.known()) return group->mark;
    const std::size_t dot = path.rfind('.');
    path = path.substr(0, dot == std::string_view::npos ? 0 : dot);
  }
  return marks.find("slotd");
}

}  // namespace slotd::broker
