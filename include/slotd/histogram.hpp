// Durations counted in buckets: their bounds, and how a duration is added. Pure but for the one
// relaxed RMW of each cell that is added to. Thread-safe, by any process; never blocks; whoever is
// killed in between leaves a count without its sum.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

#include "slotd/clock.hpp"
#include "slotd/layout.hpp"

namespace slotd::inline v0_1 {

inline constexpr std::uint64_t kNsPerUs = 1000;

/// Upper bounds of all buckets but the last, inclusive, in microseconds.
using BucketBounds = std::array<std::uint64_t, kBuckets - 1>;

/// How long slots are held: from a failed start to a day's recording.
inline constexpr BucketBounds kHoldBoundsUs = {
    1'000'000,     5'000'000,     15'000'000,    60'000'000,     300'000'000,   900'000'000,
    1'800'000'000, 3'600'000'000, 7'200'000'000, 14'400'000'000, 43'200'000'000};
/// How long claims wait: from a hand-over between two processes to a busy hour.
inline constexpr BucketBounds kWaitBoundsUs = {100,         1'000,       10'000,       100'000,
                                               1'000'000,   5'000'000,   15'000'000,   60'000'000,
                                               300'000'000, 900'000'000, 3'600'000'000};
/// How long it takes from the news of a death to the freed slots.
inline constexpr BucketBounds kReapBoundsUs = {10,     50,     100,     500,       1'000,     5'000,
                                               10'000, 50'000, 100'000, 1'000'000, 10'000'000};

constexpr std::size_t bucket_of(const BucketBounds& bounds, std::uint64_t us) noexcept {
  std::size_t bucket = 0;
  while (bucket < bounds.size() && us > bounds[bucket]) ++bucket;
  return bucket;
}

inline void add_duration(Histogram& histogram, const BucketBounds& bounds,
                         std::uint64_t us) noexcept {
  histogram.counts[bucket_of(bounds, us)].value.fetch_add(1, std::memory_order_relaxed);
  histogram.sum_us.value.fetch_add(us, std::memory_order_relaxed);
}

}  // namespace slotd::inline v0_1
