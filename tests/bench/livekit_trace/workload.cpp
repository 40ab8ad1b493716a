#include "tests/bench/livekit_trace/workload.hpp"

#include <algorithm>
#include <random>

namespace slotd::livekit_trace {

namespace {

// The bias of the remainder does not matter here; the standard's distributions would differ between
// libraries.
class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}
  std::uint32_t pick(std::uint32_t from, std::uint32_t to) {
    return from + static_cast<std::uint32_t>(engine_() % (to - from + 1U));
  }

 private:
  std::mt19937_64 engine_;
};

constexpr std::uint32_t kLeastPeakMicro = 4'000'000;

// A browser loads and joins for 20 to 40 s at a quarter to half a core; then the job runs at its
// own level of 1.175 to 1.525 cores, give or take a tenth, and peaks for 5 to 20 s about once a
// minute.
std::vector<std::uint32_t> draw_demand(Random& random) {
  const std::uint32_t duration_s = random.pick(180, 480);
  const std::uint32_t warm_up_s = random.pick(20, 40);
  const std::uint32_t level_micro = random.pick(1'175'000, 1'525'000);
  std::vector<std::uint32_t> demand;
  demand.reserve(duration_s);
  std::uint32_t peak_left_s = 0;
  std::uint32_t peak_micro = 0;
  for (std::uint32_t age_s = 0; age_s < duration_s; ++age_s) {
    if (age_s < warm_up_s) {
      demand.push_back(random.pick(250'000, 500'000));
      continue;
    }
    if (peak_left_s == 0 && random.pick(1, 60) == 1) {
      peak_left_s = random.pick(5, 20);
      peak_micro = random.pick(kLeastPeakMicro, static_cast<std::uint32_t>(kMostDemandMicro));
    }
    if (peak_left_s > 0) {
      --peak_left_s;
      demand.push_back(peak_micro);
    } else {
      demand.push_back(level_micro - 100'000 + random.pick(0, 200'000));
    }
  }
  return demand;
}

}  // namespace

double Workload::mean_demand_cores() const {
  std::uint64_t micro_seconds = 0;
  std::uint64_t lived_s = 0;
  for (const TraceJob& job : jobs) {
    lived_s += job.demand_micro.size();
    for (const std::uint32_t micro : job.demand_micro) micro_seconds += micro;
  }
  return lived_s == 0 ? 0 : static_cast<double>(micro_seconds) / static_cast<double>(lived_s) / 1e6;
}

Workload make_workload(std::uint64_t seed, std::uint32_t seconds) {
  Random random(seed);
  Workload workload;
  workload.seconds = seconds;
  for (std::uint32_t now_s = random.pick(0, 8); now_s < seconds; now_s += random.pick(3, 9)) {
    workload.jobs.push_back({now_s, draw_demand(random)});
  }
  return workload;
}

}  // namespace slotd::livekit_trace
