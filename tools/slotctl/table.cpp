#include "tools/slotctl/table.hpp"

#include <libsmartcols/libsmartcols.h>

#include <cstdlib>
#include <memory>
#include <new>

namespace slotd::ctl {

namespace {

struct TableDeleter {
  void operator()(libscols_table* table) const noexcept { scols_unref_table(table); }
};
using ScolsTable = std::unique_ptr<libscols_table, TableDeleter>;

const char* sequence_of(Tone tone) {
  switch (tone) {
    case Tone::kPlain:
      return nullptr;
    case Tone::kGood:
      return "\033[32m";
    case Tone::kWarning:
      return "\033[33m";
    case Tone::kBad:
      return "\033[31m";
  }
  return nullptr;
}

/// The library's only failures here are those of memory.
void require(bool done) {
  if (!done) throw std::bad_alloc();
}

ScolsTable make_table(const TableStyle& style) {
  ScolsTable table(scols_new_table());
  require(table != nullptr);
  // Texts come escaped already; encoding them again would escape the escapes.
  scols_table_enable_noencoding(table.get(), 1);
  scols_table_enable_minout(table.get(), 1);
  scols_table_enable_noheadings(table.get(), style.headings ? 0 : 1);
  scols_table_enable_colors(table.get(), style.colour ? 1 : 0);
  scols_table_set_termforce(table.get(),
                            style.width ? SCOLS_TERMFORCE_ALWAYS : SCOLS_TERMFORCE_NEVER);
  if (style.width) scols_table_set_termwidth(table.get(), *style.width);
  return table;
}

void add_columns(libscols_table* table, const std::vector<Column>& columns) {
  for (const Column& column : columns) {
    int flags = column.align == Align::kRight ? SCOLS_FL_RIGHT : 0;
    if (column.may_be_cut) flags |= SCOLS_FL_TRUNC;
    require(scols_table_new_column(table, column.heading.c_str(), 0, flags) != nullptr);
  }
}

void add_row(libscols_table* table, const std::vector<Cell>& row) {
  libscols_line* line = scols_table_new_line(table, nullptr);
  require(line != nullptr);
  for (std::size_t i = 0; i < row.size(); ++i) {
    require(scols_line_set_data(line, i, row[i].text.c_str()) == 0);
    const char* sequence = sequence_of(row[i].tone);
    if (sequence != nullptr) scols_cell_set_color(scols_line_get_cell(line, i), sequence);
  }
}

}  // namespace

std::string render_table(const Table& table, const TableStyle& style) {
  const ScolsTable scols = make_table(style);
  add_columns(scols.get(), table.columns);
  for (const std::vector<Cell>& row : table.rows) add_row(scols.get(), row);
  char* data = nullptr;
  require(scols_print_table_to_string(scols.get(), &data) == 0);
  const std::unique_ptr<char, decltype(&std::free)> owned(data, &std::free);
  std::string text = data == nullptr ? "" : data;
  // An empty table prints nothing at all, not even its heading: say which columns there would be.
  if (table.rows.empty()) {
    text.clear();
    if (!style.headings) return text;
    for (const Column& column : table.columns) text += (text.empty() ? "" : " ") + column.heading;
  }
  if (!text.empty() && text.back() != '\n') text += '\n';
  return text;
}

std::string paint(const std::string& text, Tone tone, const TableStyle& style) {
  const char* sequence = sequence_of(tone);
  return !style.colour || sequence == nullptr ? text : sequence + text + "\033[0m";
}

}  // namespace slotd::ctl
