// The scenes: what is measured under which circumstances.
#include <string_view>
#include <utility>

#include "tests/bench/bench_segment.hpp"
#include "tests/bench/single_process.hpp"
#include "tests/bench/workers.hpp"

namespace slotd::bench {

namespace {

template <typename Ours>
std::vector<Batch> beside_semop(Ours ours, const Semaphores& semaphores) {
  return {Batch(std::move(ours)), Batch(SemopPair(semaphores))};
}

std::vector<Batch> make_pair(Client& client, const Semaphores& semaphores) {
  return beside_semop(ClaimPair(client, kPlainType), semaphores);
}
std::vector<Batch> make_grouped_pair(Client& client, const Semaphores& semaphores) {
  return beside_semop(ClaimPair(client, kGroupedType), semaphores);
}
std::vector<Batch> make_keyed_pair(Client& client, const Semaphores& semaphores) {
  return beside_semop(ClaimPair(client, kPlainType, "EG_3xS7fLq9aBcD"), semaphores);
}
std::vector<Batch> make_named_pair(Client& client, const Semaphores& semaphores) {
  return beside_semop(NamedClaimPair(client, kPlainType), semaphores);
}

}  // namespace

std::vector<Scene> make_scenes() {
  constexpr std::uint64_t kAmpleBytes = 1ULL << 50;
  std::vector<Scene> scenes;
  const auto add = [&](std::string_view name, auto make) -> Scene& {
    Scene scene;
    scene.held = 30;
    scene.name = name;
    scene.make = make;
    scenes.push_back(scene);
    return scenes.back();
  };
  add("pair with a key", make_keyed_pair);
  add("pair, type by name", make_named_pair);
  add("pair of a type in two groups", make_grouped_pair);
  add("pair, charges published", make_pair).charged = true;
  add("pair with a key, charges published", make_keyed_pair).charged = true;
  add("pair, memory ruled", make_pair).memory_max_bytes = kAmpleBytes;
  Scene& after_peak = add("pair, 1000 were held before", make_pair);
  after_peak.held = 0;
  after_peak.peak = 1000;
  return scenes;
}

}  // namespace slotd::bench
