// Watches the slot words of a live segment from outside and says when more is held than the limits
// allow. Reads only, from a read-only mapping; decodes the words itself. One thread; never blocks;
// allocates. Whatever the watched processes do, stopped or killed, it only ever reports slots that
// were all held at one instant.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "slotd/segment_view.hpp"
#include "tools/dev/mainjob/limits.hpp"

namespace slotd::mainjob {

/// Held words that two successive passes both show, at the same claim: all of them were held
/// between the passes.
struct Observation {
  bool settled = false;  ///< the two passes showed the same held words, so there were no others
  std::vector<SlotWord> held;
};

class Observer {
 public:
  explicit Observer(const SegmentView& view) : view_(view) {}

  /// Reads passes until two agree; after kMostPasses what the last two have in common.
  Observation observe();

  /// One look at the node. Returns what is exceeded.
  std::vector<std::string> check(const Limits& limits);

  const Tally& last_tally() const { return tally_; }
  std::uint64_t looks() const { return looks_; }
  /// Looks in which no two passes agreed: they saw less than was held, never more.
  std::uint64_t unsettled() const { return unsettled_; }

  /// Words that are not free, held or not, in one pass.
  std::uint32_t count_taken() const;

 private:
  static constexpr int kMostPasses = 16;

  void read_pass(std::vector<std::uint64_t>& claims) const;

  SegmentView view_;
  std::vector<std::uint64_t> before_;
  std::vector<std::uint64_t> after_;
  Tally tally_;
  std::uint64_t looks_ = 0;
  std::uint64_t unsettled_ = 0;
};

}  // namespace slotd::mainjob
