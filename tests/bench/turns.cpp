#include "tests/bench/turns.hpp"

#include "slotd/clock.hpp"

namespace slotd::bench {

namespace {

double time_ns(const Batch& batch, std::uint64_t count) {
  const std::uint64_t start_ns = monotonic_ns();
  batch(count);
  return static_cast<double>(monotonic_ns() - start_ns) / static_cast<double>(count);
}

/// How often an operation fits into the batch's time.
std::uint64_t compute_count(const Batch& batch, const Timing& timing) {
  const auto wanted_ns = static_cast<double>(timing.batch.count());
  std::uint64_t count = 1;
  double each_ns = time_ns(batch, count);
  while (each_ns * static_cast<double>(count) < wanted_ns / 2) {  // caches, faults, branch history
    count *= 2;
    each_ns = time_ns(batch, count);
  }
  return static_cast<std::uint64_t>(wanted_ns / each_ns) + 1;
}

}  // namespace

std::vector<double> measure_in_turns(const std::vector<Batch>& batches, const Timing& timing) {
  std::vector<std::uint64_t> counts;
  for (const Batch& batch : batches) counts.push_back(compute_count(batch, timing));
  std::vector<std::vector<double>> figures(batches.size());
  for (int round = 0; round < timing.rounds; ++round) {
    for (std::size_t i = 0; i < batches.size(); ++i) {
      // To and fro, so that nobody always comes after the same one.
      const std::size_t at = round % 2 == 0 ? i : batches.size() - 1 - i;
      figures[at].push_back(time_ns(batches[at], counts[at]));
    }
  }
  std::vector<double> medians;
  for (const std::vector<double>& one : figures) medians.push_back(compute_median(one));
  return medians;
}

}  // namespace slotd::bench
