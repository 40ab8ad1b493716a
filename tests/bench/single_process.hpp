// One process alone, others only hold slots: what an operation costs.
//
// A run of a scene has a segment, a holder and a measuring process of its own, which does a short
// batch of slotd's operation and one of the rival's in turns.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "slotd/client.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/rivals/contender.hpp"
#include "tests/bench/semaphores.hpp"
#include "tests/bench/turns.hpp"

namespace slotd::bench {

/// What all contenders meet alike.
struct Situation {
  std::uint32_t held = 0;  ///< by another process
  std::uint32_t room = 0;  ///< beside the held slots
  Operation operation = Operation::kPair;
};

/// One run: nanoseconds an operation for each contender.
std::vector<double> measure_situation(const Contenders& contenders, const Situation& situation,
                                      const Timing& timing);

/// What only slotd and semaphores are compared in: other rules, other operations.
struct Scene {
  std::string name;
  std::uint32_t held = 0;
  std::uint32_t peak = 0;  ///< so many were held before; the high-water mark stays there
  double aim = 0;
  bool charged = false;  ///< the broker has published measured charges
  std::uint64_t memory_max_bytes = 0;
  std::function<std::vector<Batch>(Client&, const Semaphores&)> make;  ///< slotd's and the rival's
};

std::vector<Scene> make_scenes();

/// One run.
Paired measure_scene(const Scene& scene, const Semaphores& semaphores, const Timing& timing);

}  // namespace slotd::bench
