// Does a JSON document follow one of docs/schema? As much of JSON Schema as those files use: type,
// const, enum, required, properties, additionalProperties, items, minimum. A keyword that is not
// known here is an error, so that none is ignored. Pure; thread-safe.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

namespace slotd::testing {

using AnyJson = nlohmann::ordered_json;

inline bool has_json_type(const AnyJson& value, const std::string& type) {
  if (type == "object") return value.is_object();
  if (type == "array") return value.is_array();
  if (type == "string") return value.is_string();
  if (type == "boolean") return value.is_boolean();
  if (type == "null") return value.is_null();
  if (type == "number") return value.is_number();
  if (type == "integer") return value.is_number_integer();
  throw std::runtime_error("unknown type in a schema: " + type);
}

/// Collects what is wrong with a document, each with its place.
class SchemaCheck {
 public:
  std::vector<std::string> problems;

  void check(const AnyJson& schema, const AnyJson& value, const std::string& place) {
    for (const auto& [keyword, wanted] : schema.items()) {
      check_keyword(schema, keyword, wanted, value, place);
    }
  }

 private:
  void complain(const std::string& place, const std::string& what) {
    problems.push_back((place.empty() ? "the document" : place) + ": " + what);
  }

  void check_keyword(const AnyJson& schema, const std::string& keyword, const AnyJson& wanted,
                     const AnyJson& value, const std::string& place) {
    if (keyword == "$schema" || keyword == "title" || keyword == "description") return;
    if (keyword == "type") return check_type(wanted, value, place);
    if (keyword == "const") {
      if (value != wanted) complain(place, "is not " + wanted.dump());
    } else if (keyword == "enum") {
      for (const AnyJson& choice : wanted) {
        if (value == choice) return;
      }
      complain(place, "is none of " + wanted.dump());
    } else if (keyword == "required") {
      // As everything but `type` it says something about objects only: a null that may be one is
      // left alone.
      for (const AnyJson& name : wanted) {
        if (value.is_object() && !value.contains(name.get<std::string>()))
          complain(place, "lacks " + name.dump());
      }
    } else if (keyword == "properties" || keyword == "additionalProperties") {
      check_members(schema, value, place, keyword == "properties");
    } else if (keyword == "items") {
      if (!value.is_array()) return;
      for (std::size_t i = 0; i < value.size(); ++i) {
        check(wanted, value[i], place + "[" + std::to_string(i) + "]");
      }
    } else if (keyword == "minimum") {
      if (value.is_number() && value < wanted) complain(place, "is below " + wanted.dump());
    } else {
      throw std::runtime_error("unknown keyword in a schema: " + keyword);
    }
  }

  void check_type(const AnyJson& wanted, const AnyJson& value, const std::string& place) {
    const std::vector<AnyJson> types =
        wanted.is_array() ? wanted.get<std::vector<AnyJson>>() : std::vector<AnyJson>{wanted};
    for (const AnyJson& type : types) {
      if (has_json_type(value, type.get<std::string>())) return;
    }
    complain(place, "is not of type " + wanted.dump() + ": " + value.dump());
  }

  void check_members(const AnyJson& schema, const AnyJson& value, const std::string& place,
                     bool named) {
    static const AnyJson nothing = AnyJson::object();
    if (!value.is_object()) return;
    const AnyJson& known = schema.contains("properties") ? schema["properties"] : nothing;
    for (const auto& [name, member] : value.items()) {
      if (known.contains(name)) {
        if (named) check(known[name], member, place + "." + name);
      } else if (!named) {
        check(schema["additionalProperties"], member, place + "." + name);
      } else if (!schema.contains("additionalProperties")) {
        // The contract lets fields be added; the schema has to name them all the same.
        complain(place, "has a field that the schema does not know: " + name);
      }
    }
  }
};

/// Empty when `text` is JSON and follows `folder`/`name`.json; else what is wrong, line by line.
inline std::string schema_problems(const std::string& folder, const std::string& name,
                                   const std::string& text) {
  std::ifstream in(folder + "/" + name + ".json");
  if (!in) return "there is no schema " + name;
  const AnyJson schema = AnyJson::parse(in);
  const AnyJson value = AnyJson::parse(text, nullptr, false);
  if (value.is_discarded()) return "not JSON: " + text;
  SchemaCheck check;
  check.check(schema, value, "");
  std::string problems;
  for (const std::string& problem : check.problems) problems += problem + "\n";
  return problems;
}

/// The same for the lines of -o jsonl: each is an object of the list `list` of that schema, with
/// "schema" before its own fields.
inline std::string row_problems(const std::string& folder, const std::string& name,
                                const std::string& list, const std::string& text) {
  AnyJson document{{"schema", 1}, {list, AnyJson::array()}};
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    if (end == std::string::npos) return "the last line has no end";
    AnyJson row = AnyJson::parse(text.substr(begin, end - begin), nullptr, false);
    if (!row.is_object() || row.value("schema", 0) != 1) return "not a row: " + text;
    row.erase("schema");
    document[list].push_back(row);
    begin = end + 1;
  }
  return schema_problems(folder, name, document.dump());
}

}  // namespace slotd::testing
