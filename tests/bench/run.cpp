#include "tests/bench/run.hpp"

#include "tests/bench/throughput.hpp"

namespace slotd::bench {

std::vector<Line> run_scenes(const std::vector<Scene>& scenes, const Semaphores& semaphores,
                             const Options& options) {
  std::vector<Line> lines;
  for (const Scene& scene : scenes)
    lines.push_back({scene.name, scene.rival, scene.held, 1, scene.aim, {}});
  for (int run = 0; run < options.runs; ++run) {
    for (std::size_t i = 0; i < scenes.size(); ++i) {
      lines[i].runs.push_back(measure_scene(scenes[i], semaphores, options.timing));
    }
  }
  return lines;
}

std::vector<Line> run_crowds(const Semaphores& semaphores, const Options& options) {
  std::vector<Line> lines;
  for (const std::uint32_t held : {0U, 30U, 100U, 300U, 1000U}) {
    for (const std::uint32_t processes : {1U, 2U, 8U, kMaxMembers}) {
      lines.push_back({"claim and release",
                       "semop pair",
                       held,
                       processes,
                       held == 0 && processes == 8 ? 4.0 : 0,
                       {}});
    }
  }
  for (int run = 0; run < options.runs; ++run) {
    for (Line& line : lines) {
      line.runs.push_back(
          measure_throughput({line.held, line.processes}, semaphores, options.windows));
    }
  }
  return lines;
}

}  // namespace slotd::bench
