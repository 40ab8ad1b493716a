#include "tests/bench/throughput.hpp"

#include <array>
#include <atomic>
#include <memory>
#include <string>
#include <vector>

#include "slotd/client.hpp"
#include "slotd/clock.hpp"
#include "slotd/futex.hpp"
#include "tests/bench/bench_segment.hpp"
#include "tests/bench/team.hpp"
#include "tests/bench/workers.hpp"

namespace slotd::bench {

namespace {

enum Phase : std::uint32_t { kWait, kSlotd, kRival };

struct alignas(64) Member {
  std::atomic<std::uint64_t> pairs;
  std::atomic<std::uint32_t> seen;  ///< the phase in which it has done its last batch
};

/// The start barrier and the counts.
struct Stage {
  alignas(64) std::atomic<std::uint32_t> phase;
  std::array<Member, kMaxMembers> members;
};

/// A member's life: batches of whatever the phase asks for. Ends by being killed.
void work(const std::string& segment_path, const Semaphores& semaphores, Stage& stage,
          Member& member) {
  constexpr std::uint64_t kBatch = 16;
  Client client({.segment_path = segment_path, .name = "bench"});
  ClaimPair ours(client, kPlainType);
  SemopPair rival(semaphores);
  const auto* word = reinterpret_cast<const std::uint32_t*>(&stage.phase);
  for (std::uint64_t pairs = 0;;) {
    const std::uint32_t phase = stage.phase.load(std::memory_order_acquire);
    if (phase == kWait) {
      futex_wait(word, kWait, 100 * kNsPerMs, FutexScope::kShared);
      continue;
    }
    phase == kSlotd ? ours(kBatch) : rival(kBatch);
    pairs += kBatch;
    member.pairs.store(pairs, std::memory_order_relaxed);
    member.seen.store(phase, std::memory_order_relaxed);
  }
}

class Team {
 public:
  Team(const std::string& segment_path, const Semaphores& semaphores, std::uint32_t processes) {
    for (std::uint32_t i = 0; i < processes; ++i) {
      children_.push_back(std::make_unique<Child>(
          [&] { work(segment_path, semaphores, *stage_, stage_->members[i]); }));
    }
  }

  ~Team() { enter(kWait); }  // else those still running would be in the way of those that end

  /// Waits until every member has done a batch of this phase.
  void begin(Phase phase) {
    enter(phase);
    wait_until([&] { return have_all_seen(phase); }, [this] { check(); });
  }

  /// Pairs a second of the whole team. A member that is not running when the phase changes ends its
  /// batch later: 16 pairs.
  double measure(Phase phase, std::chrono::nanoseconds window) {
    enter(phase);
    const std::uint64_t start_ns = monotonic_ns();
    const std::uint64_t start = count();
    sleep_for(window);
    const std::uint64_t end_ns = monotonic_ns();
    const std::uint64_t end = count();
    check();
    return static_cast<double>(end - start) * 1e9 / static_cast<double>(end_ns - start_ns);
  }

 private:
  void enter(Phase phase) {
    stage_->phase.store(phase, std::memory_order_release);
    futex_wake(reinterpret_cast<const std::uint32_t*>(&stage_->phase),
               static_cast<int>(children_.size()), FutexScope::kShared);
  }
  bool have_all_seen(Phase phase) const {
    for (std::size_t i = 0; i < children_.size(); ++i) {
      if (stage_->members[i].seen.load(std::memory_order_relaxed) != phase) return false;
    }
    return true;
  }
  std::uint64_t count() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < children_.size(); ++i)
      sum += stage_->members[i].pairs.load(std::memory_order_relaxed);
    return sum;
  }
  void check() {
    for (const auto& child : children_) child->check();
  }

  Shared<Stage> stage_;
  std::vector<std::unique_ptr<Child>> children_;
};

}  // namespace

Paired measure_throughput(const Crowd& crowd, const Semaphores& semaphores,
                          const Windows& windows) {
  const BenchSegment segment(SegmentPlan{});
  semaphores.set_free(static_cast<std::uint16_t>(crowd.held + kMaxMembers));
  const Holder holder(segment.path(), semaphores, crowd.held, crowd.held);
  Team team(segment.path(), semaphores, crowd.processes);
  team.begin(kRival);
  team.begin(kSlotd);
  std::vector<double> ours;
  std::vector<double> rivals;
  for (int i = 0; i < windows.count; ++i) {
    if (i % 2 == 0) ours.push_back(team.measure(kSlotd, windows.length));
    rivals.push_back(team.measure(kRival, windows.length));
    if (i % 2 != 0) ours.push_back(team.measure(kSlotd, windows.length));
  }
  return {compute_median(ours), compute_median(rivals)};
}

}  // namespace slotd::bench
