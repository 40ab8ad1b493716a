#include "tests/bench/report.hpp"

#include <array>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

namespace slotd::bench {

namespace {

/// "37.1 (36.8..41.2)"
std::string format_spread(const Spread& spread, int decimals) {
  std::array<char, 96> text{};
  std::snprintf(text.data(), text.size(), "%.*f (%.*f..%.*f)", decimals, spread.median, decimals,
                spread.min, decimals, spread.max);
  return text.data();
}

std::string format_aim(double aim) {
  if (aim == 0) return {};
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%gx", aim);
  return text.data();
}

std::vector<double> divide(std::vector<double> values, double by) {
  for (double& value : values) value /= by;
  return values;
}

std::string format_ratio(const Line& line, bool is_time) {
  return format_spread(compute_spread(compute_ratios(line, is_time)), 2);
}

void print_pairs(const std::vector<Line>& lines) {
  if (lines.empty()) return;
  std::printf("\nClaim and release of one process, ns a pair\n");
  std::printf("%5s  %-26s %-26s %-24s %s\n", "held", "slotd", "semop", "times faster", "aim");
  for (const Line& line : lines) {
    std::printf("%5u  %-26s %-26s %-24s %s\n", line.held,
                format_spread(compute_spread(line.slotd()), 1).c_str(),
                format_spread(compute_spread(line.rivals()), 1).c_str(),
                format_ratio(line, true).c_str(), format_aim(line.aim).c_str());
  }
}

void print_operations(const std::vector<Line>& lines) {
  if (lines.empty()) return;
  std::printf("\nOther operations of one process, ns each\n");
  std::printf("%-36s %5s  %-26s %-15s %-26s %s\n", "", "held", "slotd", "against", "",
              "times faster");
  for (const Line& line : lines) {
    std::printf("%-36s %5u  %-26s %-15s %-26s %s\n", line.name.c_str(), line.held,
                format_spread(compute_spread(line.slotd()), 1).c_str(), line.rival.c_str(),
                format_spread(compute_spread(line.rivals()), 1).c_str(),
                format_ratio(line, true).c_str());
  }
}

void print_throughput(const std::vector<Line>& lines) {
  if (lines.empty()) return;
  std::printf("\nSeveral processes at once, million pairs a second\n");
  std::printf("%5s %9s  %-26s %-26s %-24s %s\n", "held", "processes", "slotd", "semop",
              "times faster", "aim");
  for (const Line& line : lines) {
    std::printf("%5u %9u  %-26s %-26s %-24s %s\n", line.held, line.processes,
                format_spread(compute_spread(divide(line.slotd(), 1e6)), 2).c_str(),
                format_spread(compute_spread(divide(line.rivals(), 1e6)), 2).c_str(),
                format_ratio(line, false).c_str(), format_aim(line.aim).c_str());
  }
}

nlohmann::json make_json(const std::vector<Line>& lines, const char* unit) {
  nlohmann::json list = nlohmann::json::array();
  for (const Line& line : lines) {
    list.push_back({{"name", line.name},
                    {"rival", line.rival},
                    {"held", line.held},
                    {"processes", line.processes},
                    {"unit", unit},
                    {"slotd_runs", line.slotd()},
                    {"rival_runs", line.rivals()}});
  }
  return list;
}

}  // namespace

void print_machine(const Machine& machine, int runs) {
  std::printf(
      "slotd-bench: medians of %d runs, least and greatest in brackets; each run measures both "
      "sides in turns\n",
      runs);
  std::printf("cpu       %s, %u usable%s%s\n", machine.cpu.c_str(), machine.cpus,
              machine.virtualization.empty() ? "" : ", under a ", machine.virtualization.c_str());
  std::printf("kernel    %s\n", machine.kernel.c_str());
  std::printf("compiler  %s, %s\n", machine.compiler.c_str(), machine.flags.c_str());
  std::printf("scan      %s\n", machine.scan.c_str());
  std::printf("load      %.2f before the run\n", machine.load);
  std::fflush(stdout);
}

void print_results(const Results& results) {
  print_pairs(results.pairs);
  print_operations(results.operations);
  print_throughput(results.throughput);
}

void write_json(const std::string& path, const Machine& machine, const Results& results) {
  const nlohmann::json document{{"schema", 1},
                                {"machine",
                                 {{"cpu", machine.cpu},
                                  {"virtualization", machine.virtualization},
                                  {"cpus", machine.cpus},
                                  {"kernel", machine.kernel},
                                  {"compiler", machine.compiler},
                                  {"flags", machine.flags},
                                  {"scan", machine.scan},
                                  {"load", machine.load}}},
                                {"pairs", make_json(results.pairs, "ns")},
                                {"operations", make_json(results.operations, "ns")},
                                {"throughput", make_json(results.throughput, "per_second")}};
  std::ofstream file(path);
  file << document.dump(1) << '\n';
  file.close();
  if (!file) throw std::runtime_error(path + ": cannot be written");
}

}  // namespace slotd::bench
