#include "tests/bench/crowd.hpp"

#include <array>
#include <atomic>
#include <memory>

#include "slotd/clock.hpp"
#include "slotd/futex.hpp"
#include "tests/bench/crew.hpp"
#include "tests/bench/figures.hpp"
#include "tests/bench/team.hpp"

namespace slotd::bench {

namespace {

constexpr std::uint32_t kRest = 0;  ///< a phase; phase i + 1 is the contender i's

struct alignas(64) Progress {
  std::atomic<std::uint64_t> operations;
  std::atomic<std::uint32_t> seen;  ///< the phase in which it has done its last batch
};

/// The start barrier and the counts.
struct Stage {
  alignas(64) std::atomic<std::uint32_t> phase;
  std::array<Progress, kMaxMembers> members;
};

/// A member's life: batches of whatever the phase asks for. Ends by being killed.
[[noreturn]] void work(const Contenders& contenders, Operation operation, const Stage& stage,
                       Progress& progress) {
  const Memberships members = join_all(contenders);
  const auto* word = reinterpret_cast<const std::uint32_t*>(&stage.phase);
  for (std::uint64_t operations = 0;;) {
    const std::uint32_t phase = stage.phase.load(std::memory_order_acquire);
    if (phase == kRest) {
      futex_wait(word, kRest, 100 * kNsPerMs, FutexScope::kShared);
      continue;
    }
    const std::uint64_t batch = contenders[phase - 1]->batch();
    members[phase - 1]->repeat(operation, batch);
    operations += batch;
    progress.operations.store(operations, std::memory_order_relaxed);
    progress.seen.store(phase, std::memory_order_relaxed);
  }
}

class Team {
 public:
  Team(const Contenders& contenders, const Crowd& crowd) {
    for (std::uint32_t i = 0; i < crowd.procs; ++i) {
      children_.push_back(std::make_unique<Child>(
          [&] { work(contenders, crowd.operation, *stage_, stage_->members[i]); }));
    }
  }

  ~Team() { enter(kRest); }  // else those still running would be in the way of those that end

  /// Waits until every member has done a batch of this phase.
  void begin(std::uint32_t phase) {
    enter(phase);
    wait_until([&] { return have_all_seen(phase); }, [this] { check(); });
  }

  /// Nanoseconds an operation of the whole team. A member that is not running when the phase
  /// changes ends its batch later.
  double measure(std::uint32_t phase, std::chrono::nanoseconds window) {
    enter(phase);
    const std::uint64_t start_ns = monotonic_ns();
    const std::uint64_t start = count();
    sleep_for(window);
    // A window in which nothing was done is as long as it takes.
    wait_until([&] { return count() > start; }, [this] { check(); });
    const std::uint64_t end_ns = monotonic_ns();
    return static_cast<double>(end_ns - start_ns) / static_cast<double>(count() - start);
  }

 private:
  void enter(std::uint32_t phase) {
    stage_->phase.store(phase, std::memory_order_release);
    futex_wake(reinterpret_cast<const std::uint32_t*>(&stage_->phase),
               static_cast<int>(children_.size()), FutexScope::kShared);
  }
  bool have_all_seen(std::uint32_t phase) const {
    for (std::size_t i = 0; i < children_.size(); ++i) {
      if (stage_->members[i].seen.load(std::memory_order_relaxed) != phase) return false;
    }
    return true;
  }
  std::uint64_t count() const {
    std::uint64_t sum = 0;
    for (std::size_t i = 0; i < children_.size(); ++i)
      sum += stage_->members[i].operations.load(std::memory_order_relaxed);
    return sum;
  }
  void check() {
    for (const auto& child : children_) child->check();
  }

  Shared<Stage> stage_;
  std::vector<std::unique_ptr<Child>> children_;
};

}  // namespace

std::vector<double> measure_crowd(const Contenders& contenders, const Crowd& crowd,
                                  const Windows& windows) {
  for (const auto& contender : contenders) contender->set_room(crowd.held + crowd.room);
  const Keeper keeper(contenders, crowd.held);
  Team team(contenders, crowd);
  const auto phases = static_cast<std::uint32_t>(contenders.size());
  for (std::uint32_t phase = 1; phase <= phases; ++phase) team.begin(phase);
  std::vector<std::vector<double>> figures(contenders.size());
  for (int round = 0; round < windows.count; ++round) {
    for (std::uint32_t i = 0; i < phases; ++i) {
      const std::uint32_t at = round % 2 == 0 ? i : phases - 1 - i;
      figures[at].push_back(team.measure(at + 1, windows.length));
    }
  }
  std::vector<double> medians;
  for (const std::vector<double>& one : figures) medians.push_back(compute_median(one));
  return medians;
}

}  // namespace slotd::bench
