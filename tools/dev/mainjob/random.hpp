// The choices of the main job: the same for the same seed, whatever the standard library. Not
// thread-safe.
#pragma once

#include <cstdint>
#include <random>

namespace slotd::mainjob {

class Random {
 public:
  explicit Random(std::uint64_t seed) : engine_(seed) {}

  /// A number from `from` to `to`, both included. The bias of the remainder does not matter here.
  std::uint64_t pick(std::uint64_t from, std::uint64_t to) {
    return from + engine_() % (to - from + 1);
  }

 private:
  std::mt19937_64 engine_;
};

}  // namespace slotd::mainjob
