// The printed tables and the file of raw figures.
#pragma once

#include <string>
#include <vector>

#include "tests/bench/figures.hpp"
#include "tests/bench/machine.hpp"

namespace slotd::bench {

struct Results {
  std::vector<Line> pairs;       ///< nanoseconds
  std::vector<Line> operations;  ///< nanoseconds
  std::vector<Line> throughput;  ///< pairs a second
};

/// To standard output.
void print_machine(const Machine& machine, int runs);
void print_results(const Results& results);

/// Every run's figures. Throws std::runtime_error when the file cannot be written.
void write_json(const std::string& path, const Machine& machine, const Results& results);

}  // namespace slotd::bench
