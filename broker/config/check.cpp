#include "broker/config/check.hpp"

#include <algorithm>
#include <initializer_list>
#include <map>
#include <optional>
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

/// The type, in the file's order, with whose minimum all of them are more than there is.
struct Excess {
  const TypeSpec* type;
  std::uint64_t sum;
  bool is_alone;  ///< no minimum before it counts
};

/// `share_of`: how much one slot of a type takes of `most`. Minimums beyond it would keep room from
/// other types for slots that can never be held together.
template <class ShareOf>
std::optional<Excess> find_excess(const Config& config, std::uint64_t most, ShareOf share_of) {
  std::uint64_t sum = 0;
  for (const TypeSpec& type : config.types) {
    const std::uint64_t before = sum;
    sum += std::uint64_t{type.min} * share_of(type);
    if (sum > most) return Excess{&type, sum, before == 0};
  }
  return std::nullopt;
}

void report_excess(ReadContext& context, const Excess& excess, const std::string& of_what,
                   const std::string& hint) {
  context.diagnostics.error(mark_of(context, *excess.type, "min"),
                            "types." + excess.type->name +
                                ".min: " + (excess.is_alone ? "" : "with the minimums before it ") +
                                "that is " + std::to_string(excess.sum) + of_what,
                            hint);
}

/// A type and those that count as it share one limit.
void check_family_minimums(ReadContext& context, const Config& config, const TypeSpec& base) {
  if (!base.counts_as.empty() || !base.max.has_value()) return;
  const auto excess = find_excess(config, *base.max, [&base](const TypeSpec& type) {
    return &type == &base || type.counts_as == base.name ? 1U : 0U;
  });
  if (!excess) return;
  const std::string limit = std::to_string(*base.max);
  if (!excess->is_alone) {
    return report_excess(context, *excess,
                         " of the limit of '" + base.name + "', which is " + limit,
                         "lower a minimum, or raise the max of '" + base.name + "'");
  }
  context.diagnostics.error(mark_of(context, *excess->type, "min"),
                            "types." + excess->type->name + ".min: " + std::to_string(excess->sum) +
                                " is above the limit of " + limit,
                            "lower it, or raise the max of '" + base.name + "'");
}

void check_group_minimums(ReadContext& context, const Config& config, const GroupSpec& group) {
  if (!group.max.has_value()) return;
  const auto excess = find_excess(config, *group.max, [&group](const TypeSpec& type) {
    std::uint64_t weight = 0;
    for (const GroupWeight& member : type.groups)
      weight += member.group == group.name ? member.weight : 0;
    return weight;
  });
  if (!excess) return;
  report_excess(context, *excess,
                " of group '" + group.name + "', whose max is " + std::to_string(*group.max),
                "lower a minimum, or raise the max of the group");
}

void check_slot_minimums(ReadContext& context, const Config& config) {
  const auto excess = find_excess(config, config.segment.slots, [](const TypeSpec&) { return 1U; });
  if (!excess) return;
  report_excess(context, *excess,
                " slots, and segment.slots is " + std::to_string(config.segment.slots),
                "lower a minimum, or raise segment.slots");
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
    check_family_minimums(context, config, type);
    check_memberships(context, config, type);
  }
  for (const GroupSpec& group : config.groups) check_group_minimums(context, config, group);
  check_slot_minimums(context, config);
  check_memory(context, config.memory);
}

}  // namespace slotd::broker
