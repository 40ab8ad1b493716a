#include "tests/bench/single_process.hpp"

#include <algorithm>
#include <array>
#include <stdexcept>

#include "tests/bench/bench_segment.hpp"
#include "tests/bench/crew.hpp"
#include "tests/bench/team.hpp"
#include "tests/bench/workers.hpp"

namespace slotd::bench {

std::vector<double> measure_situation(const Contenders& contenders, const Situation& situation,
                                      const Timing& timing) {
  for (const auto& contender : contenders) contender->set_room(situation.held + situation.room);
  const Keeper keeper(contenders, situation.held);
  const Shared<std::array<double, kMaxContenders>> figures;
  Child measurer([&] {
    const Memberships members = join_all(contenders);
    std::vector<Batch> batches;
    for (const auto& member : members) {
      batches.emplace_back([&, one = member.get()](std::uint64_t count) {
        one->repeat(situation.operation, count);
      });
    }
    const std::vector<double> measured = measure_in_turns(batches, timing);
    std::copy(measured.begin(), measured.end(), figures->begin());
  });
  measurer.join();
  return {figures->begin(), figures->begin() + static_cast<std::ptrdiff_t>(contenders.size())};
}

Paired measure_scene(const Scene& scene, const Semaphores& semaphores, const Timing& timing) {
  constexpr std::uint32_t kRoom = 500;
  SegmentPlan plan;
  plan.memory_max_bytes = scene.memory_max_bytes;
  const BenchSegment segment(plan);
  semaphores.set_free(static_cast<std::uint16_t>(scene.held + kRoom));
  const Holder holder(segment.path(), semaphores, scene.held, std::max(scene.held, scene.peak));
  if (scene.charged) segment.publish_charges();
  const Shared<Paired> figure;
  Child measurer([&] {
    Client client({.segment_path = segment.path(), .name = "bench"});
    const std::vector<double> measured = measure_in_turns(scene.make(client, semaphores), timing);
    *figure = {measured[0], measured[1]};
  });
  measurer.join();
  return *figure;
}

}  // namespace slotd::bench
