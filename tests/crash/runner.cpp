#include "tests/crash/runner.hpp"

#include <unistd.h>

#include <algorithm>
#include <set>
#include <unordered_map>

#include "tests/support/team.hpp"

namespace slotd::crash {

namespace {

constexpr std::uint64_t kEveryUpTo = 10'000;
/// Longer ones are broken off: an operation that never comes to its end is a finding.
constexpr std::uint64_t kMaxInstructions = 400'000;

/// So many findings say enough; what is broken can be slow.
constexpr std::uint64_t kEnough = 5;

/// The counting run: where the child was before each instruction, and which of them matter.
struct Path {
  std::vector<std::uint64_t> addresses;
  std::vector<std::uint64_t> writes;  ///< instructions that changed the segment
  std::vector<std::uint64_t> calls;
};

/// For every instruction the cheapest way there: an anchor, then single steps.
class Route {
 public:
  explicit Route(const std::vector<std::uint64_t>& addresses) {
    std::unordered_map<std::uint64_t, std::uint64_t> hits;
    std::uint64_t best = 0;
    for (std::uint64_t k = 0; k < addresses.size(); ++k) {
      // A repeated string instruction is stepped many times and hit once: no anchor.
      const bool repeated = k > 0 && addresses[k] == addresses[k - 1];
      const std::uint64_t hit = repeated ? 0 : ++hits[addresses[k]];
      const std::uint64_t cost = k == 0 ? 0 : hits_of_[best] + (k - best);
      if (hit != 0 && (k == 0 || hit < cost)) best = k;
      hits_of_.push_back(hit);
      best_.push_back(best);
    }
  }

  std::uint64_t start(std::uint64_t k) const {
    return best_[std::min<std::uint64_t>(k, best_.size() - 1)];
  }
  std::uint64_t hits(std::uint64_t k) const { return hits_of_[k]; }

 private:
  std::vector<std::uint64_t> hits_of_;
  std::vector<std::uint64_t> best_;
};

/// Some of a list, evenly spread, ends included.
void add_some(std::set<std::uint64_t>& to, const std::vector<std::uint64_t>& from,
              std::uint64_t some, std::uint64_t n) {
  const std::uint64_t count = std::min<std::uint64_t>(some, from.size());
  for (std::uint64_t i = 0; i < count; ++i) {
    const std::uint64_t at = from[count == 1 ? 0 : i * (from.size() - 1) / (count - 1)];
    to.insert(at);  // stopped after `at` instructions: before this one, and then behind it
    to.insert(std::min(at + 1, n));
  }
}

std::vector<std::uint64_t> choose_points(const Path& path, Extent extent) {
  const std::uint64_t n = path.addresses.size();
  const bool full = extent == Extent::kFull;
  std::set<std::uint64_t> points;
  if (full && n <= kEveryUpTo) {
    for (std::uint64_t k = 0; k <= n; ++k) points.insert(k);
  } else {
    constexpr std::uint64_t kAll = ~std::uint64_t{0};
    add_some(points, path.writes, full ? kAll : 32, n);
    add_some(points, path.calls, full ? kAll : 16, n);
    const std::uint64_t spread = full ? 1000 : 64;
    for (std::uint64_t i = 0; i <= spread; ++i) points.insert(i * n / spread);
  }
  return {points.begin(), points.end()};
}

class Runner {
 public:
  Runner(const Operation& operation, Extent extent) : operation_(operation), extent_(extent) {
    result_.name = operation.name;
  }

  Result run() {
    if (operation_.setup) operation_.setup(rig_);
    if (operation_.broker_up) rig_.raise_broker();
    rig_.remember();
    result_.findings.set_place(operation_.name + " as a whole");
    if (!count()) return std::move(result_);
    const Route route(path_.addresses);
    route_ = &route;
    for (const std::uint64_t k : choose_points(path_, extent_)) {
      if (!operation_.meanwhile) kill_at(k);
      stop_at(k);
      if (result_.findings.count() >= kEnough) break;
    }
    measure_control();
    return std::move(result_);
  }

 private:
  std::function<void()> body() {
    return [this] {
      Child child{rig_};
      if (operation_.prepare) operation_.prepare(child);
      mark_here();
      operation_.run(child);
      mark_here();
      *outcome_ = child.outcome;
      mark_here();
    };
  }

  /// Brings the child to its first instruction.
  bool start(Tracee& child) {
    rig_.child_pid = child.pid();
    if (!child.run_to_mark()) {
      result_.findings.add("the child did not come to its start: " + child.problem());
      return false;
    }
    if (operation_.at_mark) operation_.at_mark(rig_);
    return child.begin();
  }

  bool count() {
    rig_.put_back();
    Tracee child(body(), operation_.stepped);
    if (!start(child)) return false;
    std::vector<std::byte> copy;
    rig_.copy_changes(copy);
    Stop stop = Stop::kStepped;
    for (;;) {
      const std::uint64_t at = child.position();
      const bool calls = child.is_at_system_call();
      stop = child.step();
      if (stop != Stop::kStepped) break;
      const std::uint64_t k = path_.addresses.size();
      path_.addresses.push_back(at);
      if (calls) path_.calls.push_back(k);
      if (rig_.copy_changes(copy)) path_.writes.push_back(k);
      if (k == kMaxInstructions) break;
    }
    result_.instructions = path_.addresses.size();
    result_.writes = path_.writes.size();
    result_.system_calls = path_.calls.size();
    if (stop != Stop::kMarked) {
      result_.findings.add("the operation does not end: " + child.problem());
      return false;
    }
    judge_end(child);
    return true;
  }

  /// The operation is over: what came of it?
  void judge_end(Tracee& child) {
    if (!child.run_to_mark()) {
      result_.findings.add("the child ended: " + child.problem());
      return;
    }
    const Outcome outcome = *outcome_;
    const std::string problem =
        operation_.judge_pair
            ? (paired_ ? operation_.judge_pair(rig_, outcome, other_) : std::string())
            : operation_.judge(rig_, outcome);
    if (!problem.empty()) result_.findings.add(problem);
    check_invariants(rig_, operation_.allowed, result_.findings);
  }

  /// A fresh child, stopped after k instructions. False: it came to its end before, by another
  /// path.
  bool place(Tracee& child, std::uint64_t k) {
    Stop stop = Stop::kStepped;
    std::uint64_t at = 0;
    if (k > 0) {
      at = route_->start(k);
      stop = child.run_to({path_.addresses[at], route_->hits(at)});
    }
    for (; at < k && stop == Stop::kStepped; ++at) stop = child.step();
    if (stop == Stop::kOver) result_.findings.add("the child ended: " + child.problem());
    const bool there = stop == Stop::kStepped;
    const bool same =
        there && (k >= path_.addresses.size() || child.position() == path_.addresses[k]);
    // The keeper is woken at a moment of the main thread's choice: it has no path of its own.
    if (!same && operation_.stepped == Stepped::kMain) ++result_.drifted;
    return there;
  }

  void kill_at(std::uint64_t k) {
    result_.findings.set_place(operation_.name + " killed after " + std::to_string(k));
    rig_.put_back();
    Tracee child(body(), operation_.stepped);
    if (!start(child)) return;
    place(child, k);
    check_invariants(rig_, operation_.allowed, result_.findings);
    child.kill_now();
    ++result_.kills;
    check_death(k);
  }

  void check_death(std::uint64_t k) {
    check_invariants(rig_, operation_.allowed, result_.findings);
    if (operation_.after) operation_.after(rig_, result_.findings);
    const bool by_worker = k % 2 == 0 && !operation_.broker_up;
    check_burial(rig_, by_worker ? Undertaker::kWorker : Undertaker::kBroker, result_.findings);
    for (const HeldSlot& held : rig_.held_here()) {
      if (rig_.self().release(held) != Errc::kOk)
        result_.findings.add("a slot of the checker was lost");
    }
    if (operation_.restore) operation_.restore(rig_);
    check_service(rig_, operation_.allowed, result_.findings);
  }

  void stop_at(std::uint64_t k) {
    result_.findings.set_place(operation_.name + " stopped after " + std::to_string(k));
    rig_.put_back();
    Tracee child(body(), operation_.stepped);
    if (!start(child)) return;
    const bool there = place(child, k);
    if (operation_.meanwhile) {
      other_ = Outcome{};
      paired_ = true;
      operation_.meanwhile(rig_, other_);
    } else {
      result_.stopped.merge(work_beside(rig_, operation_.others, result_.findings));
    }
    ++result_.stops;
    check_invariants(rig_, operation_.allowed, result_.findings);
    if (there && !child.run_to_mark()) {
      result_.findings.add("the child did not come to its end: " + child.problem());
      return;
    }
    judge_end(child);
    child.kill_now();
    if (!operation_.meanwhile) check_death(k);
  }

  /// The others' work, as often, beside the same process when it is not stopped but asleep.
  void measure_control() {
    if (operation_.meanwhile) return;
    result_.findings.set_place(operation_.name + ", control");
    rig_.put_back();
    const auto sleep_on = [this] {
      Child child{rig_};
      if (operation_.prepare) operation_.prepare(child);
      mark_here();
      for (;;) ::pause();
    };
    Tracee child(sleep_on, Stepped::kMain);
    if (!start(child)) return;
    child.let_go();
    for (std::uint64_t i = 0; i < result_.stops; ++i) {
      result_.control.merge(work_beside(rig_, operation_.others, result_.findings));
      // Who runs first in line all the time is stopped by the kernel for the rest of each second.
      ::usleep(100);
    }
  }

  const Operation& operation_;
  Extent extent_;
  Rig rig_;
  testing::Shared<Outcome> outcome_;
  Path path_;
  const Route* route_ = nullptr;
  Outcome other_;
  bool paired_ = false;
  Result result_;
};

}  // namespace

Result run_operation(const Operation& operation, Extent extent) {
  return Runner(operation, extent).run();
}

}  // namespace slotd::crash
