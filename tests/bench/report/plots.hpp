// The plots of docs/: what is shown in which of them.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/report/document.hpp"

namespace slotd::bench {

struct NamedPlot {
  std::string file;  ///< "bench-pair.svg"
  std::string svg;
};

std::vector<NamedPlot> draw_plots(const Document& document);

}  // namespace slotd::bench
