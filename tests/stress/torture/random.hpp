// Random decisions that derive from the run's seed alone: each life of each process, and each of
// its threads, has a stream of its own, so that what one decides does not depend on how the kernel
// schedules the others. Not thread-safe.
#pragma once

#include <cstdint>

namespace slotd::torture {

/// One well mixed number from several; pure.
constexpr std::uint64_t mix(std::uint64_t value) noexcept {
  value ^= value >> 30;
  value *= 0xbf58'476d'1ce4'e5b9ULL;
  value ^= value >> 27;
  value *= 0x94d0'49bb'1331'11ebULL;
  return value ^ (value >> 31);
}

class Random {
 public:
  /// The stream of part `c` of part `b` of part `a` of the run with this seed.
  Random(std::uint64_t seed, std::uint64_t a, std::uint64_t b, std::uint64_t c) noexcept
      : state_(mix(mix(mix(mix(seed + 1) ^ a) ^ (b << 20)) ^ (c << 40))) {}

  std::uint64_t next() noexcept {
    state_ += 0x9e37'79b9'7f4a'7c15ULL;
    return mix(state_);
  }
  /// 0 .. below - 1.
  std::uint32_t pick(std::uint32_t below) noexcept {
    return static_cast<std::uint32_t>((next() >> 32) % below);
  }
  bool one_in(std::uint32_t count) noexcept { return pick(count) == 0; }

 private:
  std::uint64_t state_;
};

}  // namespace slotd::torture
