// The benchmark's sections: which contenders meet where. A section goes through all its situations
// once a run, so that a slow minute of the machine strikes all lines alike.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/figures.hpp"
#include "tests/bench/options.hpp"

namespace slotd::bench {

/// Those of options.sections, in their order here. What cannot be measured on this machine is a
/// line that says why.
std::vector<Line> run_sections(const Options& options);

}  // namespace slotd::bench
