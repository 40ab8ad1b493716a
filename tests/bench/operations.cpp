// The scenes: what is measured under which circumstances.
#include <string_view>

#include "tests/bench/single_process.hpp"
#include "tests/bench/workers.hpp"

namespace slotd::bench {

namespace {

constexpr const char* kSemopPair = "semop pair";

Paired measure_pair(Client& client, const Semaphores& semaphores, const Timing& timing) {
  return measure_in_turns(ClaimPair(client, kPlainType), SemopPair(semaphores), timing);
}

Paired measure_grouped_pair(Client& client, const Semaphores& semaphores, const Timing& timing) {
  return measure_in_turns(ClaimPair(client, kGroupedType), SemopPair(semaphores), timing);
}

Paired measure_keyed_pair(Client& client, const Semaphores& semaphores, const Timing& timing) {
  return measure_in_turns(ClaimPair(client, kPlainType, "EG_3xS7fLq9aBcD"), SemopPair(semaphores),
                          timing);
}

Paired measure_named_pair(Client& client, const Semaphores& semaphores, const Timing& timing) {
  return measure_in_turns(NamedClaimPair(client, kPlainType), SemopPair(semaphores), timing);
}

Paired measure_refusal(Client& client, const Semaphores& semaphores, const Timing& timing) {
  return measure_in_turns(RefusedClaim(client, kPlainType), RefusedSemop(semaphores), timing);
}

Paired measure_can_accept(Client& client, const Semaphores& semaphores, const Timing& timing) {
  return measure_in_turns(CanAccept(client, kPlainType), ProbeSemaphores(semaphores), timing);
}

}  // namespace

std::vector<Scene> make_pair_scenes() {
  struct Wanted {
    std::uint32_t held;
    double aim;
  };
  std::vector<Scene> scenes;
  for (const Wanted wanted : {Wanted{0, 8}, {30, 5}, {100, 2.5}, {300, 1}, {1000, 0.3}}) {
    Scene scene;
    scene.name = "claim and release";
    scene.rival = kSemopPair;
    scene.held = wanted.held;
    scene.aim = wanted.aim;
    scene.measure = measure_pair;
    scenes.push_back(scene);
  }
  return scenes;
}

std::vector<Scene> make_operation_scenes() {
  constexpr std::uint64_t kAmpleBytes = 1ULL << 50;
  Scene base;
  base.held = 30;
  base.rival = kSemopPair;
  std::vector<Scene> scenes;
  const auto add = [&](std::string_view name, auto measure) -> Scene& {
    Scene scene = base;
    scene.name = name;
    scene.measure = measure;
    scenes.push_back(scene);
    return scenes.back();
  };
  Scene& refused = add("refused claim (type_limit)", measure_refusal);
  refused.rival = "refused semop";
  refused.full = true;
  add("can_accept (yes)", measure_can_accept).rival = "semctl GETALL";
  add("pair with a key", measure_keyed_pair);
  add("pair, type by name", measure_named_pair);
  add("pair of a type in two groups", measure_grouped_pair);
  add("pair, charges published", measure_pair).charged = true;
  add("pair with a key, charges published", measure_keyed_pair).charged = true;
  add("pair, memory ruled", measure_pair).memory_max_bytes = kAmpleBytes;
  Scene& after_peak = add("pair, 1000 were held before", measure_pair);
  after_peak.held = 0;
  after_peak.peak = 1000;
  return scenes;
}

}  // namespace slotd::bench
