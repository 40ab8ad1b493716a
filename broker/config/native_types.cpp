#include <algorithm>
#include <utility>

#include "broker/config/native.hpp"

namespace slotd::broker {
namespace {

constexpr std::string_view kOmitHint = "leave the key out to have the built-in ones";
constexpr std::uint32_t kMostWeight = 65'535;

// Every group that a type is in, either as [web] with weight 1 or as { web: 1, pulse: 4 }.
void read_memberships(ReadContext& context, const Place& place, std::vector<GroupWeight>& out) {
  out.clear();
  if (!place.node.is_map()) {
    read_names(context, place, [&](const std::string& name, SourceMark mark) {
      context.marks.by_path[join_path(place.path, name)] = mark;
      out.push_back({name, 1});
    });
    return;
  }
  read_named(context, place, [&](const std::string& name, SourceMark, const Place& value) {
    GroupWeight member{name, 1};
    read_count(context, value, 1, kMostWeight, member.weight);
    out.push_back(std::move(member));
  });
}

void read_type(ReadContext& context, const Place& place, TypeSpec& type) {
  if (is_absent(context, place)) return;
  const std::vector<Field> fields{
      {"max", [&](const Place& at) { read_limit(context, at, type.max); }},
      {"cpu", [&](const Place& at) { read_cost(context, at, type.cpu_milli); }},
      {"memory", [&](const Place& at) { read_bytes(context, at, type.memory_bytes); }},
      {"min", [&](const Place& at) { read_count(context, at, 0, kMaxSlots, type.min); }},
      {"groups", [&](const Place& at) { read_memberships(context, at, type.groups); }},
      {"aliases",
       [&](const Place& at) {
         type.aliases.clear();
         read_names(context, at, [&](const std::string& name, SourceMark mark) {
           context.marks.by_path[join_path(at.path, name)] = mark;
           type.aliases.push_back(name);
         });
       }},
      {"counts_as", [&](const Place& at) { read_name(context, at, type.counts_as); }},
  };
  read_map(context, place, fields, {"in " + place.path, {}, {}});
}

void read_group(ReadContext& context, const Place& place, GroupSpec& group) {
  if (is_absent(context, place)) return;
  const std::vector<Field> fields{
      {"max", [&](const Place& at) { read_limit(context, at, group.max); }},
      {"external", [&](const Place& at) { read_path(context, at, group.external); }},
  };
  read_map(context, place, fields, {"in " + place.path, {}, {}});
}

// The entry of that name, made when it is not there. nullptr when it would be the second one too
// many: the first is kept for the message that there are too many.
template <class Spec>
Spec* find_or_add(std::vector<Spec>& specs, const std::string& name, std::size_t most,
                  bool& is_new) {
  const auto found = std::find_if(specs.begin(), specs.end(),
                                  [&name](const Spec& spec) { return spec.name == name; });
  is_new = found == specs.end();
  if (!is_new) return &*found;
  if (specs.size() > most) return nullptr;
  specs.emplace_back().name = name;
  return &specs.back();
}

// An empty section would leave open whether nothing or the built-in entries are meant.
bool check_present(ReadContext& context, const Place& place) {
  if (!is_absent(context, place)) return true;
  context.diagnostics.error(place.node.mark, place.path + ": has no entries",
                            std::string(kOmitHint));
  return false;
}

}  // namespace

bool read_types(ReadContext& context, const Place& place, NativeMode mode, Config& config) {
  if (!check_present(context, place)) return false;
  if (mode == NativeMode::kReplace && place.node.is_map()) {
    if (place.node.keys.empty()) {
      context.diagnostics.error(place.node.mark, place.path + ": at least one type is needed",
                                std::string(kOmitHint));
    }
    config.types.clear();
  }
  const auto read_one = [&](const std::string& name, SourceMark mark, const Place& value) {
    bool is_new = false;
    TypeSpec unwanted;
    TypeSpec* const found = find_or_add(config.types, name, kMaxTypes, is_new);
    TypeSpec& type = found != nullptr ? *found : unwanted;
    type.mark = mark;
    const std::size_t errors = context.diagnostics.error_count();
    read_type(context, value, type);
    const bool has_cpu = context.marks.find(value.path + ".cpu").known();
    if (is_new && !has_cpu && errors == context.diagnostics.error_count()) {
      context.diagnostics.warning(mark, value.path + ": without a cpu cost, CPU never limits it",
                                  "write cpu: 0 when that is meant");
    }
  };
  return read_named(context, place, read_one);
}

bool read_groups(ReadContext& context, const Place& place, NativeMode mode, Config& config) {
  if (!check_present(context, place)) return false;
  if (mode == NativeMode::kReplace && place.node.is_map()) config.groups.clear();
  const auto read_one = [&](const std::string& name, SourceMark mark, const Place& value) {
    bool is_new = false;
    GroupSpec unwanted;
    GroupSpec* const found = find_or_add(config.groups, name, kMaxGroups, is_new);
    GroupSpec& group = found != nullptr ? *found : unwanted;
    group.mark = mark;
    read_group(context, value, group);
  };
  return read_named(context, place, read_one);
}

}  // namespace slotd::broker
