// Values of the draft as typed fields: one function a kind of value, each of which stores it or
// says what is wrong.
//
// What: the strictness that is the same for every key: unknown and duplicate keys, anchors,
// aliases, tags, numbers in quotes, missing values, ranges, words.
// What not: no key is known here; the forms (native, LiveKit) bring their tables.
// Thread-safety: functions of their arguments. Blocking: nothing. Crash: nothing is shared.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "broker/config/config.hpp"
#include "broker/config/diagnostic.hpp"
#include "broker/config/yaml_draft.hpp"
#include "slotd/units.hpp"

namespace slotd::broker {

/// Where messages and places go while a draft is being read.
struct ReadContext {
  Diagnostics& diagnostics;
  KeyMarks& marks;
};

/// A value and the name under which messages speak of it ("cpu.hold").
struct Place {
  const Draft& node;
  const std::string& path;
};

/// A key that a map may have, and what to do with its value.
struct Field {
  std::string_view key;
  std::function<void(const Place&)> read;
};

/// What else there is to say about a map's keys.
struct MapRules {
  std::string where;  ///< "in cpu"; completes "unknown key 'x' ..."
  std::vector<std::string_view>
      also_known;  ///< names that are worth suggesting though they are no fields
  /// Called for a key that is no field; without it such a key is an error.
  std::function<void(const Draft& key, const Draft& value)> read_other;
};

/// "cpu" and "hold" make "cpu.hold"; the name is escaped, since it may come from the file.
[[nodiscard]] std::string join_path(std::string_view path, std::string_view name);

/// Reports an alias, an anchor or a tag. False for an alias, behind which there is nothing to read.
[[nodiscard]] bool check_readable(ReadContext& context, const Place& place);

/// Has the key no value?
[[nodiscard]] bool is_absent(ReadContext& context, const Place& place);

/// Is the value this very word, in quotes or not?
[[nodiscard]] bool is_word(ReadContext& context, const Place& place, std::string_view word);

/// Reads a map with the given keys, each at most once, in the order of the file. False when it is
/// no map.
bool read_map(ReadContext& context, const Place& place, const std::vector<Field>& fields,
              const MapRules& rules);

/// Reads a map whose keys are names that the file chooses. `read` is called for each valid one.
bool read_named(
    ReadContext& context, const Place& place,
    const std::function<void(const std::string& name, SourceMark mark, const Place& value)>& read);

/// Reports a wrong value: "PATH: 'TEXT' CLAUSE".
void report_value(ReadContext& context, const Place& place, std::string_view clause,
                  std::string hint);

/// The scalar's text; nullptr after a message when it is anything else. `wanted` completes "PATH:
/// expected ...".
[[nodiscard]] const std::string* take_scalar(ReadContext& context, const Place& place,
                                             std::string_view wanted);
/// Likewise for one that must not be in quotes.
[[nodiscard]] const std::string* take_number(ReadContext& context, const Place& place);

/// A letter, digit or one of _ . - in each of 1 to 55 bytes.
[[nodiscard]] bool is_name(std::string_view text);
/// The message for a text that is none; true when it is one.
bool check_name(ReadContext& context, const Place& place, std::string_view text);

void read_bool(ReadContext& context, const Place& place, bool& out);
void read_count(ReadContext& context, const Place& place, std::uint32_t least, std::uint32_t most,
                std::uint32_t& out);
/// A count, or the word `unlimited` for none.
void read_limit(ReadContext& context, const Place& place, std::optional<std::uint32_t>& out);
void read_cost(ReadContext& context, const Place& place, std::uint32_t& milli);
/// Above 0 and at most 1.
void read_ratio(ReadContext& context, const Place& place, std::uint32_t& ppb);
void read_bytes(ReadContext& context, const Place& place, std::uint64_t& bytes);
void read_duration(ReadContext& context, const Place& place, std::uint64_t least_ms,
                   std::uint64_t most_ms, std::uint64_t& duration_ms);
void read_name(ReadContext& context, const Place& place, std::string& out);
/// A list of distinct names, written [a, b]. `read` is called for each.
void read_names(ReadContext& context, const Place& place,
                const std::function<void(const std::string& name, SourceMark mark)>& read);
/// Absolute, printable and no directory's.
void read_path(ReadContext& context, const Place& place, std::string& out);

/// The position of the word among `words`, or nothing after a message.
[[nodiscard]] std::optional<std::size_t> read_word(ReadContext& context, const Place& place,
                                                   const std::vector<std::string_view>& words);

/// A word that stands for an enumerator; `words` are in the order of the enumerators.
template <class Enum>
void read_enum(ReadContext& context, const Place& place, const std::vector<std::string_view>& words,
               Enum& out) {
  if (const auto index = read_word(context, place, words)) out = static_cast<Enum>(*index);
}

/// Stores a parsed figure, or reports "PATH: 'TEXT' is negative" and how it is written.
template <class T, class Out>
bool store(ReadContext& context, const Place& place, const Parsed<T>& parsed, Out& out,
           std::string_view or_else = {}) {
  if (!parsed.ok()) {
    std::string hint = "expected " + std::string(unit_remedy(parsed.quantity));
    report_value(context, place, unit_error_message(parsed.error), hint.append(or_else));
    return false;
  }
  out = static_cast<Out>(parsed.value);
  return true;
}

}  // namespace slotd::broker
