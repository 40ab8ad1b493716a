#include "tools/slotctl/picture.hpp"

#include <algorithm>

#include "tools/slotctl/text_width.hpp"

namespace slotd::ctl {

namespace {

constexpr std::size_t kLeastWidth = 4;  ///< of a column that is cut

using Widths = std::vector<std::size_t>;

Widths natural_widths(const Table& table) {
  Widths widths;
  for (std::size_t column = 0; column < table.columns.size(); ++column) {
    std::size_t width = display_width(table.columns[column].heading);
    for (const std::vector<Cell>& row : table.rows)
      width = std::max(width, display_width(row[column].text));
    widths.push_back(width);
  }
  return widths;
}

std::size_t total_width(const Widths& widths) {
  std::size_t total = widths.empty() ? 0 : widths.size() - 1;
  for (const std::size_t width : widths) total += width;
  return total;
}

/// Takes from the widest that may be cut, column by column, as long as it does not fit.
void shrink(const Table& table, Widths& widths, std::size_t columns) {
  while (total_width(widths) > columns) {
    std::size_t* widest = nullptr;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (!table.columns[i].may_be_cut || widths[i] <= kLeastWidth) continue;
      if (widest == nullptr || widths[i] > *widest) widest = &widths[i];
    }
    if (widest == nullptr) return;
    --*widest;
  }
}

}  // namespace

std::string plain_text(const Picture& picture) {
  std::string text;
  for (const Line& line : picture.lines) {
    std::string whole;
    for (const Span& span : line) whole += span.text;
    whole.erase(whole.find_last_not_of(' ') + 1);
    text += whole + "\n";
  }
  return text;
}

Line cut_line(const Line& line, std::size_t columns) {
  Line out;
  for (const Span& span : line) {
    out.push_back(span);
    out.back().text = cut_to_width(span.text, columns);
    columns -= display_width(out.back().text);
  }
  return out;
}

std::vector<Line> table_lines(const Table& table, std::size_t columns, std::size_t first,
                              std::size_t count) {
  Widths widths = natural_widths(table);
  shrink(table, widths, columns);
  const auto gap = [](std::size_t column) { return std::string(column == 0 ? 0 : 1, ' '); };
  std::vector<Line> lines(1);
  std::string headings;
  for (std::size_t i = 0; i < widths.size(); ++i)
    headings += gap(i) + fit_to_width(table.columns[i].heading, widths[i], table.columns[i].align);
  lines[0].push_back({fit_to_width(headings, columns, Align::kLeft), Tone::kPlain, false, true});
  for (std::size_t row = first; row < table.rows.size() && row - first < count; ++row) {
    Line line;
    for (std::size_t i = 0; i < widths.size(); ++i) {
      const Cell& cell = table.rows[row][i];
      line.push_back(
          {gap(i) + fit_to_width(cell.text, widths[i], table.columns[i].align), cell.tone});
    }
    lines.push_back(cut_line(line, columns));
  }
  return lines;
}

}  // namespace slotd::ctl
