#include "tests/bench/single_process.hpp"

#include <algorithm>

#include "tests/bench/team.hpp"
#include "tests/bench/workers.hpp"

namespace slotd::bench {

Paired measure_scene(const Scene& scene, const Semaphores& semaphores, const Timing& timing) {
  constexpr std::uint32_t kRoom = 500;
  SegmentPlan plan;
  plan.memory_max_bytes = scene.memory_max_bytes;
  if (scene.full) plan.plain_limit = scene.held;
  const BenchSegment segment(plan);
  semaphores.set_free(static_cast<std::uint16_t>(scene.held + (scene.full ? 0 : kRoom)));
  const Holder holder(segment.path(), semaphores, scene.held, std::max(scene.held, scene.peak));
  if (scene.charged) segment.publish_charges();
  const Shared<Paired> figure;
  Child measurer([&] {
    Client client({.segment_path = segment.path(), .name = "bench"});
    *figure = scene.measure(client, semaphores, timing);
  });
  measurer.join();
  return *figure;
}

}  // namespace slotd::bench
