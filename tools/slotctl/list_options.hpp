// What every verb that prints lists understands: which columns, with headings or without, and a
// list as JSON, whole or a row a line. Pure but for add_list_options(); thread-safe; allocates.
#pragma once

#include <initializer_list>
#include <string>
#include <string_view>
#include <vector>

#include "tools/slotctl/json.hpp"
#include "tools/slotctl/table.hpp"

namespace slotd::ctl {

class Verb;

struct ListOptions {
  std::string columns;  ///< "A,B,C"; empty: the usual ones
  bool no_headings = false;
};

/// --columns, -n. The target outlives the parsing.
void add_list_options(Verb& verb, ListOptions& options);

/// "A,B,C" to names; spaces around them do not count.
std::vector<std::string> split_names(std::string_view text);

/// What --columns calls a column: `in_use` for "IN USE".
std::string column_name(const Column& column);

/// Throws Failure(kInvalidArgument), which names the nearest one, for a chosen name that no column
/// of these tables has. Case, '-' and '_' make no difference.
void require_columns(const std::vector<std::string>& chosen, std::initializer_list<Table> tables);

/// The chosen columns in the chosen order, under their full names; names of others are passed over.
/// With nothing chosen the usual ones: those that say nothing in any row are left out where their
/// column wants that.
Table arrange_columns(const Table& full, const std::vector<std::string>& chosen);

/// Is a column of that name, as column_name() gives it, among the chosen ones?
bool is_chosen(const std::vector<std::string>& chosen, std::string_view name);

/// Two tables of one verb, an empty line between them, with the chosen columns of each. One that
/// has none of these is left out, and so is `more` where it has no rows.
std::string render_tables(const Table& first, const Table& more, const TableStyle& style);

/// A document with a list in it as text: the document in a line, or with `row_a_line` each row of
/// the list, with "schema" before its own fields (and "unstable" behind them where the document has
/// it).
std::string list_json_text(const Json& document, const std::string& list, bool row_a_line);

}  // namespace slotd::ctl
