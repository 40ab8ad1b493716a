#include "tests/bench/rows.hpp"

#include <array>
#include <cmath>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace slotd::bench {

namespace {

using Json = nlohmann::ordered_json;

/// Four digits say what a benchmark knows.
double round_figure(double value) {
  if (value == 0 || !std::isfinite(value)) return 0;
  const double scale = std::pow(10, 3 - std::floor(std::log10(std::abs(value))));
  return scale > 1 ? std::round(value * scale) / scale : std::round(value);
}

/// NAME, NAME_min, NAME_max.
void put_spread(Json& row, const std::string& name, const std::string& unit,
                const std::vector<double>& values) {
  const Spread spread = compute_spread(values);
  row[name + unit] = round_figure(spread.median);
  row[name + "_min"] = round_figure(spread.min);
  row[name + "_max"] = round_figure(spread.max);
}

Json make_row(const Line& line) {
  const bool is_memory = line.name == "memory";
  const std::string unit = is_memory ? "_bytes" : "_ns";
  const std::string rival = line.rival == "sysv" ? "sysv" : "rival";
  Json row{{"name", line.name}};
  if (!line.what.empty()) row["what"] = line.what;
  row["held"] = line.held;
  row["procs"] = line.procs;
  row["rival"] = line.rival;
  if (line.runs.empty()) {
    row["skipped"] = line.skipped;
    if (!line.outcome.empty()) row["outcome"] = line.outcome;
    return row;
  }
  put_spread(row, "slotd", unit, line.slotd());
  put_spread(row, rival, unit, line.rivals());
  if (is_memory) return row;
  // Of the medians as they are written, so that the file agrees with itself.
  row["ratio"] = row[rival + unit].get<double>() / row["slotd" + unit].get<double>();
  const Spread ratios = compute_spread(compute_ratios(line));
  row["ratio_min"] = round_figure(ratios.min);
  row["ratio_max"] = round_figure(ratios.max);
  row["runs"] = line.runs.size();
  if (line.aim > 0) row["aim"] = round_figure(line.aim);
  if (!line.note.empty()) row["note"] = line.note;
  return row;
}

}  // namespace

std::string format_row(const Line& line) {
  std::array<char, 256> text{};
  if (line.runs.empty()) {
    std::snprintf(text.data(), text.size(), "%-14s %-38s %-16s skipped: %s", line.name.c_str(),
                  line.what.c_str(), line.rival.c_str(), line.skipped.c_str());
    return text.data();
  }
  const double ours = compute_median(line.slotd());
  const double rival = compute_median(line.rivals());
  std::snprintf(text.data(), text.size(), "%-14s %-38s %4u %3u  %12.1f  %-16s %12.1f  %8.2f",
                line.name.c_str(), line.what.c_str(), line.held, line.procs, ours,
                line.rival.c_str(), rival, rival / ours);
  return text.data();
}

void write_rows(const std::string& path, const Machine& machine, const std::string& commit,
                const std::vector<Line>& lines) {
  Json document{{"schema", 1},
                {"machine", machine.cpu},
                {"virtualization", machine.virtualization},
                {"cpus", machine.cpus},
                {"load", machine.load},
                {"kernel", machine.kernel},
                {"compiler", machine.compiler},
                {"flags", machine.flags},
                {"scan", machine.scan},
                {"commit", commit}};
  document["rows"] = Json::array();
  // One row a line: a new run is a readable change.
  std::string text = document.dump(1);
  text.erase(text.rfind("[]"));
  text += "[";
  for (std::size_t i = 0; i < lines.size(); ++i)
    text += (i == 0 ? "\n  " : ",\n  ") + make_row(lines[i]).dump();
  text += "\n ]\n}\n";
  std::ofstream file(path);
  file << text;
  file.close();
  if (!file) throw std::runtime_error(path + ": cannot be written");
}

}  // namespace slotd::bench
