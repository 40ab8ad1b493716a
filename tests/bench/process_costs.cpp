#include "tests/bench/process_costs.hpp"

#include <atomic>
#include <cstdlib>
#include <fstream>
#include <string>

#include "slotd/clock.hpp"
#include "slotd/geometry.hpp"
#include "tests/bench/crew.hpp"

namespace slotd::bench {

namespace {

/// Kilobytes of this process that no other shares.
std::uint64_t read_private_kib() {
  std::ifstream file("/proc/self/smaps_rollup");
  std::uint64_t sum = 0;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with("Private_"))
      sum += std::strtoull(line.c_str() + line.find(':') + 1, nullptr, 10);
  }
  return sum;
}

template <typename Measure>
double in_child(const Measure& measure) {
  const Shared<double> figure;
  Child child([&] { *figure = measure(); });
  child.join();
  return *figure;
}

}  // namespace

std::vector<double> measure_attach(const Contenders& contenders, int processes) {
  constexpr std::uint32_t kRoom = 64;
  for (const auto& contender : contenders) contender->set_room(kRoom);
  std::vector<std::vector<double>> figures(contenders.size());
  for (int process = 0; process < processes; ++process) {
    for (std::size_t i = 0; i < contenders.size(); ++i) {
      figures[i].push_back(in_child([&] {
        const std::uint64_t start_ns = monotonic_ns();
        const std::unique_ptr<Member> member = contenders[i]->join();
        if (!member->try_take()) fail_child("the first claim was refused");
        const auto took_ns = static_cast<double>(monotonic_ns() - start_ns);
        member->give_back();
        return took_ns;
      }));
    }
  }
  std::vector<double> medians;
  for (const std::vector<double>& one : figures) medians.push_back(compute_median(one));
  return medians;
}

std::vector<double> measure_private_bytes(const Contenders& contenders) {
  constexpr std::uint32_t kRoom = 64;
  std::vector<double> bytes;
  for (const auto& contender : contenders) {
    contender->set_room(kRoom);
    bytes.push_back(in_child([&] {
      read_private_kib();  // what reading needs is there already
      const std::uint64_t before = read_private_kib();
      const std::unique_ptr<Member> member = contender->join();
      member->repeat(Operation::kPair, 100);
      const std::uint64_t after = read_private_kib();
      return 1024.0 * static_cast<double>(after - before);
    }));
  }
  return bytes;
}

SegmentBytes compute_segment_bytes() {
  const auto bytes = [](std::uint32_t slots, std::uint32_t processes) {
    return static_cast<double>(compute_geometry({slots, processes}).total_bytes);
  };
  return {(bytes(4096, 512) - bytes(1024, 512)) / 3072,
          (bytes(1024, 1000) - bytes(1024, 500)) / 500};
}

}  // namespace slotd::bench
