#include "broker/config/fields.hpp"

#include <algorithm>
#include <map>
#include <utility>

namespace slotd::broker {
namespace {

constexpr std::string_view kNameRule = "a name has 1 to 55 letters, digits, '_', '.' or '-'";
constexpr std::size_t kLongestPath = 4095;

std::string_view name_kind(DraftKind kind) {
  switch (kind) {
    case DraftKind::kNull:
      return "nothing";
    case DraftKind::kScalar:
      return "a single value";
    case DraftKind::kList:
      return "a list";
    case DraftKind::kMap:
      return "a map";
    case DraftKind::kAlias:
      return "an alias";
  }
  return "something else";
}

// What messages call the value; the file as a whole has no path.
std::string speak_of(const Place& place) { return place.path.empty() ? "the file" : place.path; }

void report_kind(ReadContext& context, const Place& place, std::string_view wanted) {
  context.diagnostics.error(place.node.mark, speak_of(place) + ": expected " + std::string(wanted) +
                                                 ", not " +
                                                 std::string(name_kind(place.node.kind)));
}

std::string join_words(const std::vector<std::string_view>& words) {
  std::string out;
  for (const std::string_view word : words) out.append(out.empty() ? "" : ", ").append(word);
  return out;
}

// A key must be a plain or quoted word; YAML would allow anything.
bool check_key(ReadContext& context, const Draft& key, const std::string& where) {
  const std::string no = "a key " + where + " ";
  if (key.kind == DraftKind::kAlias || key.anchored || key.tagged) {
    context.diagnostics.error(key.mark, no + "has an anchor, an alias or a tag",
                              "write the key itself");
  } else if (key.kind == DraftKind::kNull) {
    context.diagnostics.error(key.mark, no + "is missing");
  } else if (key.kind != DraftKind::kScalar) {
    context.diagnostics.error(key.mark, no + "is " + std::string(name_kind(key.kind)));
  } else {
    return true;
  }
  return false;
}

class SeenKeys {
 public:
  // False, with a message, when the key has been there before.
  bool add(ReadContext& context, const Draft& key, const std::string& where,
           const char* what = "duplicate key ") {
    const auto [first, is_new] = marks_.emplace(key.text, key.mark);
    if (is_new) return true;
    context.diagnostics.error(key.mark, what + quote_untrusted(key.text) + " " + where,
                              "the first one is in line " + std::to_string(first->second.line));
    return false;
  }

 private:
  std::map<std::string_view, SourceMark> marks_;
};

// What YAML took for a key and its author did not mean as one; empty for all others.
std::string make_slip_hint(std::string_view written) {
  if (written == "<<") return "merge keys are not supported: write the keys out";
  const bool glued = written.find(':') != std::string_view::npos;  // {max:3} has the key "max:3"
  return glued ? "a space is missing after ':'" : "";
}

void report_unknown(ReadContext& context, const Draft& key, const std::vector<Field>& fields,
                    const MapRules& rules) {
  std::string hint = make_slip_hint(key.text);
  if (hint.empty() && !context.diagnostics.is_full()) {
    std::vector<std::string_view> known;
    for (const Field& field : fields) known.push_back(field.key);
    const std::string all = "known keys: " + join_words(known);
    known.insert(known.end(), rules.also_known.begin(), rules.also_known.end());
    hint = make_nearest_hint(key.text, known, all);
  }
  context.diagnostics.error(
      key.mark, "unknown key " + quote_untrusted(key.text) + " " + rules.where, std::move(hint));
}

void read_entry(ReadContext& context, const Place& map, std::size_t index,
                const std::vector<Field>& fields, const MapRules& rules) {
  const Draft& key = map.node.keys[index];
  const Draft& value = map.node.items[index];
  const auto field = std::find_if(fields.begin(), fields.end(),
                                  [&key](const Field& known) { return known.key == key.text; });
  if (field == fields.end()) {
    if (rules.read_other) {
      rules.read_other(key, value);
    } else {
      report_unknown(context, key, fields, rules);
    }
    return;
  }
  const std::string path = join_path(map.path, key.text);
  context.marks.by_path[path] = key.mark;
  field->read({value, path});
}

}  // namespace

std::string join_path(std::string_view path, std::string_view name) {
  std::string out(path);
  if (!out.empty()) out += '.';
  return out + escape_untrusted(name);
}

bool check_readable(ReadContext& context, const Place& place) {
  const Draft& node = place.node;
  const char* what = nullptr;
  if (node.anchored) what = "an anchor (&name)";
  if (node.tagged) what = "a tag (!name)";
  if (node.kind == DraftKind::kAlias) what = "an alias (*name)";
  if (what != nullptr) {
    context.diagnostics.error(node.mark, speak_of(place) + ": " + what + " is not supported",
                              "write the value itself");
  }
  return node.kind != DraftKind::kAlias;
}

bool is_absent(ReadContext& context, const Place& place) {
  return place.node.is_null() && check_readable(context, place);
}

bool is_word(ReadContext& context, const Place& place, std::string_view word) {
  return place.node.kind == DraftKind::kScalar && place.node.text == word &&
         check_readable(context, place);
}

bool read_map(ReadContext& context, const Place& place, const std::vector<Field>& fields,
              const MapRules& rules) {
  if (!check_readable(context, place)) return false;
  if (!place.node.is_map()) {
    report_kind(context, place, "a map");
    return false;
  }
  SeenKeys seen;
  for (std::size_t i = 0; i < place.node.keys.size(); ++i) {
    const Draft& key = place.node.keys[i];
    if (rules.read_other && key.kind != DraftKind::kScalar) continue;  // nobody's
    if (!check_key(context, key, rules.where)) continue;
    const bool is_field = std::any_of(fields.begin(), fields.end(),
                                      [&key](const Field& field) { return field.key == key.text; });
    // What nobody reads may stand there as often as it likes.
    if ((is_field || !rules.read_other) && !seen.add(context, key, rules.where)) continue;
    read_entry(context, place, i, fields, rules);
  }
  return true;
}

bool read_named(ReadContext& context, const Place& place,
                const std::function<void(const std::string&, SourceMark, const Place&)>& read) {
  if (!check_readable(context, place)) return false;
  if (!place.node.is_map()) {
    report_kind(context, place, "a map");
    return false;
  }
  const std::string where = "in " + place.path;
  SeenKeys seen;
  for (std::size_t i = 0; i < place.node.keys.size(); ++i) {
    const Draft& key = place.node.keys[i];
    if (!check_key(context, key, where) || !seen.add(context, key, where)) continue;
    if (!check_name(context, {key, place.path}, key.text)) continue;
    const std::string path = join_path(place.path, key.text);
    context.marks.by_path[path] = key.mark;
    read(key.text, key.mark, {place.node.items[i], path});
  }
  return true;
}

void report_value(ReadContext& context, const Place& place, std::string_view clause,
                  std::string hint) {
  context.diagnostics.error(
      place.node.mark,
      place.path + ": " + quote_untrusted(place.node.text) + " " + std::string(clause),
      std::move(hint));
}

const std::string* take_scalar(ReadContext& context, const Place& place, std::string_view wanted) {
  if (!check_readable(context, place)) return nullptr;
  if (place.node.kind == DraftKind::kScalar) return &place.node.text;
  report_kind(context, place, wanted);
  return nullptr;
}

const std::string* take_number(ReadContext& context, const Place& place) {
  const std::string* text = take_scalar(context, place, "a number");
  if (text == nullptr || !place.node.quoted) return text;
  report_value(context, place, "is text, not a number", "leave the quotes out");
  return nullptr;
}

bool is_name(std::string_view text) {
  if (text.empty() || text.size() >= kNameBytes) return false;
  return std::all_of(text.begin(), text.end(), [](char c) {
    return units_detail::is_letter(c) || units_detail::is_digit(c) || c == '_' || c == '.' ||
           c == '-';
  });
}

bool check_name(ReadContext& context, const Place& place, std::string_view text) {
  if (is_name(text)) return true;
  const std::string slip = make_slip_hint(text);
  report_value(context, place, "is not a name", slip.empty() ? std::string(kNameRule) : slip);
  return false;
}

void read_bool(ReadContext& context, const Place& place, bool& out) {
  const std::string* text = take_scalar(context, place, "true or false");
  if (text == nullptr) return;
  if (place.node.quoted) {
    report_value(context, place, "is text, not true or false", "leave the quotes out");
  } else if (*text == "true" || *text == "false") {
    out = *text == "true";
  } else {
    report_value(context, place, "is not a boolean", "write true or false");
  }
}

void read_count(ReadContext& context, const Place& place, std::uint32_t least, std::uint32_t most,
                std::uint32_t& out) {
  const std::string* text = take_number(context, place);
  std::uint32_t value = 0;
  if (text == nullptr || !store(context, place, parse_count(*text), value)) return;
  if (value < least || value > most) {
    report_value(context, place, "is out of range",
                 "expected " + std::to_string(least) + " to " + std::to_string(most));
    return;
  }
  out = value;
}

void read_limit(ReadContext& context, const Place& place, std::optional<std::uint32_t>& out) {
  if (is_word(context, place, "unlimited")) return out.reset();
  const std::string* text = take_number(context, place);
  if (text != nullptr) (void)store(context, place, parse_count(*text), out, ", or unlimited");
}

void read_cost(ReadContext& context, const Place& place, std::uint32_t& milli) {
  const std::string* text = take_number(context, place);
  if (text != nullptr) (void)store(context, place, parse_cores_milli(*text), milli);
}

void read_ratio(ReadContext& context, const Place& place, std::uint32_t& ppb) {
  const std::string* text = take_number(context, place);
  std::uint32_t value = 0;
  if (text == nullptr || !store(context, place, parse_ratio_ppb(*text), value)) return;
  if (value == 0 || value > kRatioOne) {
    report_value(context, place, "is out of range", "expected a fraction above 0, at most 1");
    return;
  }
  ppb = value;
}

void read_bytes(ReadContext& context, const Place& place, std::uint64_t& bytes) {
  const std::string* text = take_scalar(context, place, "a size");
  if (text != nullptr) (void)store(context, place, parse_bytes(*text), bytes);
}

void read_duration(ReadContext& context, const Place& place, std::uint64_t least_ms,
                   std::uint64_t most_ms, std::uint64_t& duration_ms) {
  const std::string* text = take_scalar(context, place, "a duration");
  std::uint64_t value_ms = 0;
  if (text == nullptr || !store(context, place, parse_duration_ms(*text), value_ms)) return;
  if (value_ms < least_ms || value_ms > most_ms) {
    report_value(context, place, "is out of range",
                 "expected " + format_duration_ms(least_ms) + " to " + format_duration_ms(most_ms));
    return;
  }
  duration_ms = value_ms;
}

void read_name(ReadContext& context, const Place& place, std::string& out) {
  const std::string* text = take_scalar(context, place, "a name");
  if (text != nullptr && check_name(context, place, *text)) out = *text;
}

void read_names(ReadContext& context, const Place& place,
                const std::function<void(const std::string&, SourceMark)>& read) {
  if (!check_readable(context, place)) return;
  if (place.node.kind == DraftKind::kScalar) {
    report_value(context, place, "is not a list", "write it as [name, name]");
    return;
  }
  if (place.node.kind != DraftKind::kList) return report_kind(context, place, "a list of names");
  SeenKeys seen;
  for (const Draft& item : place.node.items) {
    const Place at{item, place.path};
    const std::string* text = take_scalar(context, at, "a name");
    if (text == nullptr || !check_name(context, at, *text)) continue;
    const std::string where = "in " + place.path;
    if (seen.add(context, item, where, "duplicate name ")) read(*text, item.mark);
  }
}

void read_path(ReadContext& context, const Place& place, std::string& out) {
  const std::string* text = take_scalar(context, place, "a path");
  if (text == nullptr) return;
  if (!text->starts_with('/')) {
    report_value(context, place, "is not an absolute path", "start it with /");
  } else if (text->ends_with('/')) {
    report_value(context, place, "names a directory", "name a file in it");
  } else if (text->size() > kLongestPath || !find_byte_fault(*text).why.empty() ||
             text->find_first_of("\t\r\n") != std::string::npos) {
    report_value(context, place, "is not a path that can be printed",
                 "at most 4095 bytes, none of them a control character");
  } else {
    out = *text;
  }
}

std::optional<std::size_t> read_word(ReadContext& context, const Place& place,
                                     const std::vector<std::string_view>& words) {
  const std::string all = join_words(words);
  const std::string* text = take_scalar(context, place, "one of " + all);
  if (text == nullptr) return std::nullopt;
  const auto found = std::find(words.begin(), words.end(), *text);
  if (found != words.end()) return static_cast<std::size_t>(found - words.begin());
  report_value(context, place, "is not one of " + all, make_nearest_hint(*text, words));
  return std::nullopt;
}

}  // namespace slotd::broker
