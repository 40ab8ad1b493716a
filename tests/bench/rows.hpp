// bench.json: what docs/benchmarks.md says of its form.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/figures.hpp"
#include "tests/bench/machine.hpp"

namespace slotd::bench {

/// One line of text for a terminal.
std::string format_row(const Line& line);

/// Throws std::runtime_error when the file cannot be written.
void write_rows(const std::string& path, const Machine& machine, const std::string& commit,
                const std::vector<Line>& lines);

}  // namespace slotd::bench
