#include "tools/dev/mainjob/burn_trace.hpp"

#include <algorithm>
#include <fstream>

#include "tools/dev/mainjob/place.hpp"

namespace slotd::mainjob {

double cpu_until(const Trace& trace, std::uint64_t at_ns) {
  const auto after =
      std::upper_bound(trace.begin(), trace.end(), at_ns,
                       [](std::uint64_t at, const TracePoint& point) { return at < point.at_ns; });
  if (after == trace.begin()) return 0;
  const TracePoint& before = *(after - 1);
  if (after == trace.end()) return static_cast<double>(before.cpu_ns);
  const double share =
      static_cast<double>(at_ns - before.at_ns) / static_cast<double>(after->at_ns - before.at_ns);
  return static_cast<double>(before.cpu_ns) +
         share * static_cast<double>(after->cpu_ns - before.cpu_ns);
}

double cpu_within(const std::vector<Trace>& traces, std::uint64_t begin_ns, std::uint64_t end_ns) {
  double sum_ns = 0;
  for (const Trace& trace : traces) sum_ns += cpu_until(trace, end_ns) - cpu_until(trace, begin_ns);
  return sum_ns;
}

void write_trace(const std::string& path, const Trace& trace) {
  std::string text;
  for (const TracePoint& point : trace)
    text += std::to_string(point.at_ns) + " " + std::to_string(point.cpu_ns) + "\n";
  write_file(path, text);
}

Trace read_trace(const std::string& path) {
  Trace trace;
  std::ifstream file(path);
  for (TracePoint point; file >> point.at_ns >> point.cpu_ns;) trace.push_back(point);
  return trace;
}

}  // namespace slotd::mainjob
