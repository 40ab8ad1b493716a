// One process alone, others only hold slots: what an operation costs.
//
// A run of a scene has a segment, a holder and a measuring process of its own. The measuring
// process does a short batch of slotd's operation and one of the rival's in turns; the run's figure
// is the median of its batches, so that what else happens on the machine in between strikes both or
// none.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "slotd/client.hpp"
#include "slotd/clock.hpp"
#include "tests/bench/bench_segment.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/semaphores.hpp"

namespace slotd::bench {

struct Timing {
  int rounds = 60;
  std::chrono::nanoseconds batch = std::chrono::milliseconds(1);
};

/// Measures both in turns, in the calling process. Nanoseconds an operation.
template <typename Ours, typename Rival>
Paired measure_in_turns(Ours ours, Rival rival, const Timing& timing) {
  const auto time_ns = [](auto& operation, std::uint64_t count) {
    const std::uint64_t start_ns = monotonic_ns();
    operation(count);
    return static_cast<double>(monotonic_ns() - start_ns) / static_cast<double>(count);
  };
  const auto size = [&](auto& operation) {
    constexpr std::uint64_t kTrial = 2000;
    operation(kTrial);  // caches, page faults, branch history
    const double each_ns = time_ns(operation, kTrial);
    return static_cast<std::uint64_t>(static_cast<double>(timing.batch.count()) / each_ns) + 1;
  };
  const std::uint64_t our_count = size(ours);
  const std::uint64_t rival_count = size(rival);
  std::vector<double> our_ns;
  std::vector<double> rival_ns;
  for (int round = 0; round < timing.rounds; ++round) {
    if (round % 2 == 0) our_ns.push_back(time_ns(ours, our_count));
    rival_ns.push_back(time_ns(rival, rival_count));
    if (round % 2 != 0) our_ns.push_back(time_ns(ours, our_count));
  }
  return {compute_median(our_ns), compute_median(rival_ns)};
}

struct Scene {
  std::string name;
  std::string rival;
  std::uint32_t held = 0;
  std::uint32_t peak = 0;  ///< so many were held before; the high-water mark stays there
  double aim = 0;
  bool full = false;     ///< the held slots are all that the type and the semaphores allow
  bool charged = false;  ///< the broker has published measured charges
  std::uint64_t memory_max_bytes = 0;
  std::function<Paired(Client&, const Semaphores&, const Timing&)> measure;
};

/// The pair claim and release, at several numbers of held slots.
std::vector<Scene> make_pair_scenes();
/// Other operations, and pairs under other rules.
std::vector<Scene> make_operation_scenes();

/// One run.
Paired measure_scene(const Scene& scene, const Semaphores& semaphores, const Timing& timing);

}  // namespace slotd::bench
