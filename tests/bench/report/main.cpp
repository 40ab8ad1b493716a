// slotd-bench-report DOCS: writes the generated parts of DOCS/benchmarks.md and the plots beside it
// anew from DOCS/bench.json. What people wrote in between stays.
#include <cstdio>
#include <exception>
#include <fstream>
#include <sstream>
#include <stdexcept>

#include "tests/bench/report/plots.hpp"
#include "tests/bench/report/tables.hpp"

using namespace slotd::bench;

namespace {

std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) throw std::runtime_error(path + ": cannot be read");
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_file(const std::string& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  file << text;
  file.close();
  if (!file) throw std::runtime_error(path + ": cannot be written");
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc != 2) {
    std::fprintf(stderr, "usage: slotd-bench-report DOCS\n");
    return 64;
  }
  const std::string docs = std::string(argv[1]) + "/";
  const Document document = read_document(docs + "bench.json");
  write_file(docs + "benchmarks.md", fill_parts(document, read_file(docs + "benchmarks.md")));
  for (const NamedPlot& plot : draw_plots(document)) write_file(docs + plot.file, plot.svg);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "slotd-bench-report: %s\n", error.what());
  return 70;
}
