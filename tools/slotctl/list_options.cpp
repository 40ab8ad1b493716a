#include "tools/slotctl/list_options.hpp"

#include <algorithm>
#include <cctype>
#include <nlohmann/json.hpp>
#include <optional>

#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/text.hpp"
#include "tools/slotctl/verb.hpp"

namespace slotd::ctl {

namespace {

constexpr std::string_view kNothing = "-";  ///< a cell that says nothing

/// One spelling of all that mean the same column.
std::string normal_name(std::string_view name) {
  std::string out;
  for (const char c : name) {
    const bool is_gap = c == ' ' || c == '-';
    out += is_gap ? '_' : static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return out;
}

std::optional<std::size_t> find_column(const Table& table, const std::string& name) {
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    if (column_name(table.columns[i]) == normal_name(name)) return i;
  }
  return std::nullopt;
}

bool says_something(const Table& table, std::size_t column) {
  return std::any_of(table.rows.begin(), table.rows.end(), [column](const std::vector<Cell>& row) {
    return row[column].text != kNothing;
  });
}

std::vector<std::size_t> usual_columns(const Table& table) {
  std::vector<std::size_t> usual;
  for (std::size_t i = 0; i < table.columns.size(); ++i) {
    const Shown shown = table.columns[i].shown;
    if (shown == Shown::kAlways || (shown == Shown::kWhereItSays && says_something(table, i)))
      usual.push_back(i);
  }
  return usual;
}

[[noreturn]] void fail_unknown(const std::string& name, const std::vector<std::string>& known) {
  // A name that others wrote may be anything, and the message goes to a terminal.
  std::string text = "there is no column '" + escape_text(name, Charset::kAscii) + "'";
  const std::string nearest = nearest_name(normal_name(name), known);
  if (!nearest.empty())
    throw Failure(Errc::kInvalidArgument, text + "; did you mean '" + nearest + "'?");
  text += "; there are";
  for (const std::string& column : known) text += (&column == &known[0] ? " " : ", ") + column;
  throw Failure(Errc::kInvalidArgument, text);
}

}  // namespace

void add_list_options(Verb& verb, ListOptions& options) {
  verb.add_text("--columns", options.columns, "A,B,C", "these columns of the table, in this order",
                Need::kOptional);
  verb.add_flag("-n,--no-headings", options.no_headings, "the table without its headings");
}

std::vector<std::string> split_names(std::string_view text) {
  std::vector<std::string> names;
  while (!text.empty()) {
    const std::size_t comma = std::min(text.find(','), text.size());
    std::string_view name = text.substr(0, comma);
    while (!name.empty() && name.front() == ' ') name.remove_prefix(1);
    while (!name.empty() && name.back() == ' ') name.remove_suffix(1);
    names.emplace_back(name);
    if (comma == text.size()) break;
    text.remove_prefix(comma + 1);
    if (text.empty()) names.emplace_back();
  }
  return names;
}

std::string column_name(const Column& column) {
  return normal_name(column.name.empty() ? column.heading : column.name);
}

void require_columns(const std::vector<std::string>& chosen, std::initializer_list<Table> tables) {
  std::vector<std::string> known;
  for (const Table& table : tables) {
    for (const Column& column : table.columns) {
      const std::string name = column_name(column);
      if (std::find(known.begin(), known.end(), name) == known.end()) known.push_back(name);
    }
  }
  for (const std::string& name : chosen) {
    if (std::find(known.begin(), known.end(), normal_name(name)) == known.end())
      fail_unknown(name, known);
  }
}

Table arrange_columns(const Table& full, const std::vector<std::string>& chosen) {
  std::vector<std::size_t> wanted;
  for (const std::string& name : chosen) {
    if (const auto column = find_column(full, name)) wanted.push_back(*column);
  }
  if (chosen.empty()) wanted = usual_columns(full);
  Table out;
  for (const std::size_t column : wanted) {
    out.columns.push_back(full.columns[column]);
    Column& last = out.columns.back();
    if (!chosen.empty() && !last.name.empty()) last.heading = last.name;
  }
  for (const std::vector<Cell>& row : full.rows) {
    out.rows.emplace_back();
    for (const std::size_t column : wanted) out.rows.back().push_back(row[column]);
  }
  return out;
}

bool is_chosen(const std::vector<std::string>& chosen, std::string_view name) {
  return std::any_of(chosen.begin(), chosen.end(),
                     [name](const std::string& one) { return normal_name(one) == name; });
}

std::string render_tables(const Table& first, const Table& more, const TableStyle& style) {
  std::string text;
  const Table arranged = arrange_columns(first, style.columns);
  if (!arranged.columns.empty()) text = render_table(arranged, style);
  const Table below = arrange_columns(more, style.columns);
  if (below.columns.empty() || below.rows.empty()) return text;
  return text + (text.empty() ? "" : "\n") + render_table(below, style);
}

std::string list_json_text(const Json& document, const std::string& list, bool row_a_line) {
  if (!row_a_line) return print_json(document) + "\n";
  std::string text;
  for (const Json& row : document.at(list)) {
    Json line = make_document();
    line.update(row);
    if (document.contains("unstable")) line["unstable"] = true;
    text += print_json(line) + "\n";
  }
  return text;
}

}  // namespace slotd::ctl
