// A segment of the benchmark's own: a nameless file in /dev/shm, made with the broker's parts but
// without a broker, so that nothing is left behind however the run ends. Not for tests of the
// broker. One thread; blocks on the file system alone.
#pragma once

#include <cstdint>
#include <string>

#include "broker/ledger/ledger_spec.hpp"
#include "slotd/segment_view.hpp"

namespace slotd::bench {

/// What a segment is made for.
struct SegmentPlan {
  std::uint32_t slots = 2048;
  std::uint32_t plain_limit = 2000;    ///< of the type `participant`
  std::uint64_t memory_max_bytes = 0;  ///< 0: memory is not looked at
};

inline constexpr const char* kPlainType = "participant";  ///< a limit and CPU
inline constexpr const char* kGroupedType =
    "room_composite";  ///< and two groups, web (weight 1) and pulse (weight 4)
inline constexpr std::uint32_t kPlainCostMilli = 2000;

class BenchSegment {
 public:
  /// Throws std::runtime_error when /dev/shm has no room.
  explicit BenchSegment(const SegmentPlan& plan);
  ~BenchSegment();
  BenchSegment(const BenchSegment&) = delete;
  BenchSegment& operator=(const BenchSegment&) = delete;

  /// Opens the segment in this process and in those forked from it after it was made.
  std::string path() const;

  const SegmentView& view() const noexcept { return view_; }

  /// Publishes a sample as the broker does each second, with a measured charge for every slot that
  /// is held now.
  void publish_charges() const;

 private:
  int fd_ = -1;
  SegmentView view_;
};

}  // namespace slotd::bench
