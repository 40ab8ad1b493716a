// Tables as people see them.
#include <gtest/gtest.h>

#include <sstream>

#include "tools/slotctl/table.hpp"

namespace slotd::ctl {
namespace {

Table two_types() {
  Table table;
  table.columns = {
      {"TYPE", Align::kLeft, true}, {"IN USE", Align::kRight}, {"KEY", Align::kLeft, true}};
  table.rows = {{{"participant"}, {"3"}, {"EG_1"}}, {{"web"}, {"12"}, {"-"}}};
  return table;
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::istringstream in(text);
  for (std::string line; std::getline(in, line);) lines.push_back(line);
  return lines;
}

TEST(RenderTable, NumbersStandAtTheRight) {
  EXPECT_EQ(render_table(two_types(), {}),
            "TYPE        IN USE KEY\n"
            "participant      3 EG_1\n"
            "web             12 -\n");
}

TEST(RenderTable, LinesAreWholeWhereNobodyLooks) {
  Table table = two_types();
  table.rows[0][2].text = std::string(500, 'k');
  EXPECT_NE(render_table(table, {}).find(std::string(500, 'k')), std::string::npos);
}

TEST(RenderTable, LinesAreCutToTheTerminal) {
  Table table = two_types();
  table.rows[0][2].text = std::string(500, 'k');
  TableStyle style;
  style.width = 40;
  for (const std::string& line : lines_of(render_table(table, style))) {
    EXPECT_LE(line.size(), 40U) << line;
  }
}

TEST(RenderTable, FiguresAreNotCut) {
  Table table = two_types();
  table.rows[0][0].text = std::string(200, 't');
  table.rows[0][1].text = "1234567890";
  TableStyle style;
  style.width = 40;
  EXPECT_NE(render_table(table, style).find("1234567890"), std::string::npos);
}

TEST(RenderTable, EmptyTableStillNamesItsColumns) {
  Table table = two_types();
  table.rows.clear();
  EXPECT_EQ(render_table(table, {}), "TYPE IN USE KEY\n");
}

TEST(RenderTable, EscapesAreShownAsTheyAre) {
  Table table = two_types();
  table.rows[0][2].text = "\\x1b[31m";
  EXPECT_NE(render_table(table, {}).find("\\x1b[31m"), std::string::npos);
}

TEST(RenderTable, ColourOnlyWhereItIsWanted) {
  Table table = two_types();
  table.rows[0][2].tone = Tone::kBad;
  EXPECT_EQ(render_table(table, {}).find('\033'), std::string::npos);
  TableStyle style;
  style.colour = true;
  style.width = 80;
  EXPECT_NE(render_table(table, style).find("\033[31mEG_1"), std::string::npos);
}

TEST(Paint, ColourOnlyWhereItIsWanted) {
  EXPECT_EQ(paint("down", Tone::kBad, {}), "down");
  TableStyle style;
  style.colour = true;
  EXPECT_EQ(paint("down", Tone::kBad, style), "\033[31mdown\033[0m");
  EXPECT_EQ(paint("x", Tone::kPlain, style), "x");
}

}  // namespace
}  // namespace slotd::ctl
