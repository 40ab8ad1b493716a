// What a full screen shows, as a value: lines of texts with attributes. Laid out by pure functions,
// drawn by screen.cpp. Thread-safe; allocates; no I/O.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "tools/slotctl/table.hpp"

namespace slotd::ctl {

struct Span {
  std::string text;  ///< fit for a terminal
  Tone tone = Tone::kPlain;
  bool is_bold = false;
  bool is_reversed = false;
};

using Line = std::vector<Span>;

struct Picture {
  std::vector<Line> lines;
};

struct ScreenSize {
  std::size_t rows = 24;
  std::size_t columns = 80;
};

/// The texts alone, a line each: for tests.
std::string plain_text(const Picture& picture);

/// No wider than that.
Line cut_line(const Line& line, std::size_t columns);

/// The rows [first, first + count) of a table under its headings, fitted into so many columns:
/// what may be cut is cut first, then what stands at the right is left out.
std::vector<Line> table_lines(const Table& table, std::size_t columns, std::size_t first,
                              std::size_t count);

}  // namespace slotd::ctl
