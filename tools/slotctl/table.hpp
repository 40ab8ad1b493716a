// Tables for people: columns by libsmartcols, which only table.cpp knows of. A table is a value;
// rendering is a function of it and a style, so that it can be tested without a terminal. Texts
// must have been through escape_text(). Not thread-safe (libsmartcols reads the locale); allocates;
// no I/O.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

namespace slotd::ctl {

enum class Align { kLeft, kRight };
enum class Tone { kPlain, kGood, kWarning, kBad };

/// When a column is shown to who did not ask for certain ones.
enum class Shown {
  kAlways,
  kWhereItSays,  ///< not where all its cells are "-"
  kOnRequest,
};

struct Column {
  std::string heading;
  Align align = Align::kLeft;
  bool may_be_cut = false;  ///< shortened first where the terminal is too narrow
  Shown shown = Shown::kAlways;
  std::string name{};  ///< what --columns calls it where that is not its heading
};

struct Cell {
  std::string text;
  Tone tone = Tone::kPlain;
};

struct Table {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
};

struct TableStyle {
  bool colour = false;
  std::optional<std::size_t> width{};  ///< of the terminal; none: lines are as long as they are
  bool headings = true;
  std::vector<std::string> columns{};  ///< the chosen ones; see arrange_columns()
};

/// Heading and rows, each line with its end. Throws std::bad_alloc.
std::string render_table(const Table& table, const TableStyle& style);

/// The text in the colour of its tone, where the style has colours.
std::string paint(const std::string& text, Tone tone, const TableStyle& style);

}  // namespace slotd::ctl
