#include "broker/config/check.hpp"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <string>

namespace slotd::broker {
namespace {

// The first of these places that somebody wrote.
SourceMark first_known(std::initializer_list<SourceMark> marks) {
  for (const SourceMark mark : marks) {
    if (mark.known()) return mark;
  }
  return {};
}

// Where a key of a type stands; the type itself when the file does not have the key.
SourceMark mark_of(const ReadContext& context, const TypeSpec& type, const std::string& key) {
  return first_known({context.marks.find("types." + type.name + "." + key), type.mark,
                      context.marks.find("types"), context.marks.find("groups")});
}

void check_table_sizes(ReadContext& context, const Config& config) {
  if (config.types.size() > kMaxTypes) {
    context.diagnostics.error(config.types[kMaxTypes].mark,
                              "types: more than " + std::to_string(kMaxTypes) + " types");
  }
  if (config.groups.size() > kMaxGroups) {
    context.diagnostics.error(config.groups[kMaxGroups].mark,
                              "groups: more than " + std::to_string(kMaxGroups) + " groups");
  }
}

// Types and their aliases share one space of names.
void check_aliases(ReadContext& context, const Config& config) {
  std::map<std::string_view, std::string_view> owners;
  for (const TypeSpec& type : config.types) owners.emplace(type.name, type.name);
  std::size_t count = 0;
  for (const TypeSpec& type : config.types) {
    for (const std::string& alias : type.aliases) {
      const SourceMark mark =
          first_known({context.marks.find("types." + type.name + ".aliases." + alias),
                       context.marks.find("types." + alias), type.mark});
      if (++count == kMaxAliases + 1) {
        context.diagnostics.error(mark,
                                  "types: more than " + std::to_string(kMaxAliases) + " aliases");
      }
      const auto [owner, is_new] = owners.emplace(alias, type.name);
      if (is_new) continue;
      const bool is_type = owner->first == owner->second;
      context.diagnostics.error(mark,
                                "types." + type.name + ".aliases: '" + alias + "' is already " +
                                    (is_type ? std::string("a type")
                                             : "an alias of '" + std::string(owner->second) + "'"));
    }
  }
}

void check_counts_as(ReadContext& context, const Config& config, const TypeSpec& type) {
  if (type.counts_as.empty()) return;
  const std::string what = "types." + type.name + ".counts_as: ";
  const std::string named = "'" + type.counts_as + "'";
  const SourceMark mark = mark_of(context, type, "counts_as");
  const TypeSpec* base = config.find_type(type.counts_as);
  if (base == nullptr) {
    std::vector<std::string_view> names;
    for (const TypeSpec& other : config.types) {
      if (&other != &type) names.push_back(other.name);
    }
    context.diagnostics.error(mark, what + "no type " + named,
                              make_nearest_hint(type.counts_as, names));
  } else if (base->name != type.counts_as) {
    context.diagnostics.error(mark, what + named + " is an alias", "write '" + base->name + "'");
  } else if (base == &type) {
    context.diagnostics.error(mark, what + "a type cannot count as itself");
  } else if (!base->counts_as.empty()) {
    context.diagnostics.error(mark, what + named + " itself counts as '" + base->counts_as + "'",
                              "name a type that has a limit of its own");
  } else if (type.max.has_value()) {
    context.diagnostics.error(mark_of(context, type, "max"),
                              "types." + type.name + ".max: its limit is that of " + named,
                              "remove max or counts_as");
  }
}

void check_min(ReadContext& context, const Config& config, const TypeSpec& type) {
  const TypeSpec* base = type.counts_as.empty() ? &type : config.find_type(type.counts_as);
  if (base == nullptr || !base->max.has_value() || type.min <= *base->max) return;
  context.diagnostics.error(mark_of(context, type, "min"),
                            "types." + type.name + ".min: " + std::to_string(type.min) +
                                " is above the limit of " + std::to_string(*base->max));
}

void check_memberships(ReadContext& context, const Config& config, const TypeSpec& type) {
  for (const GroupWeight& member : type.groups) {
    const std::string what = "types." + type.name + ".groups: ";
    const SourceMark mark = mark_of(context, type, "groups." + member.group);
    const GroupSpec* group = config.find_group(member.group);
    if (group == nullptr) {
      std::vector<std::string_view> names;
      for (const GroupSpec& other : config.groups) names.push_back(other.name);
      context.diagnostics.error(mark, what + "no group '" + member.group + "'",
                                make_nearest_hint(member.group, names, "define it under groups:"));
    } else if (group->max.has_value() && *group->max != 0 && member.weight > *group->max) {
      // A limit of 0 is a way to say "none of these"; any other that is too small is a slip.
      const SourceMark written =
          context.marks.find("types." + type.name + ".groups." + group->name);
      context.diagnostics.warning(first_known({written, group->mark, mark}),
                                  what + "a weight of " + std::to_string(member.weight) +
                                      " never fits into '" + group->name + "' with its max of " +
                                      std::to_string(*group->max));
    }
  }
}

/// What the minimums are sure of has to fit into each group's limit.
void check_minimum_weights(ReadContext& context, const Config& config, const GroupSpec& group) {
  if (!group.max.has_value()) return;
  std::uint64_t sure = 0;
  for (const TypeSpec& type : config.types) {
    for (const GroupWeight& member : type.groups) {
      if (member.group != group.name) continue;
      const std::uint64_t before = sure;
      sure += std::uint64_t{type.min} * member.weight;
      if (before > *group.max || sure <= *group.max) continue;
      context.diagnostics.error(mark_of(context, type, "min"),
                                "types." + type.name +
                                    ".min: with the minimums before it that is " +
                                    std::to_string(sure) + " of group '" + group.name +
                                    "', whose max is " + std::to_string(*group.max));
    }
  }
}

void check_memory(ReadContext& context, const MemoryConfig& memory) {
  if (memory.max_bytes == 0 || memory.headroom_bytes < memory.max_bytes) return;
  context.diagnostics.warning(
      first_known({context.marks.find("memory.headroom"), context.marks.find("memory.max"),
                   context.marks.find("cpu_cost.max_memory")}),
      "memory: a headroom of " + format_bytes(memory.headroom_bytes) + " leaves nothing of " +
          format_bytes(memory.max_bytes) + ": no job will ever fit");
}

}  // namespace

void check_config(ReadContext& context, const Config& config) {
  check_table_sizes(context, config);
  check_aliases(context, config);
  for (const TypeSpec& type : config.types) {
    check_counts_as(context, config, type);
    check_min(context, config, type);
    check_memberships(context, config, type);
  }
  for (const GroupSpec& group : config.groups) check_minimum_weights(context, config, group);
  check_memory(context, config.memory);
}

}  // namespace slotd::broker
