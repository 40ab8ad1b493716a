// What must be true of the segment whatever became of the process that was stopped or killed in it,
// and what another process must be able to do there. Sums are made here from the words alone, by
// the rules of rig.hpp; the code under test is asked nothing that it could be wrong about.
//
// Single-threaded. Frees, claims and releases as part of the checks: the segment is put back
// afterwards.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "broker/liveness/watch_list.hpp"
#include "tests/crash/rig.hpp"

namespace slotd::crash {

/// What was wrong, with where it was seen.
class Findings {
 public:
  void add(const std::string& what);
  /// Put in front of what is added from here on.
  void set_place(std::string place) { place_ = std::move(place); }
  std::uint64_t count() const noexcept { return count_; }
  /// The first ones, a line each.
  const std::vector<std::string>& lines() const noexcept { return lines_; }

 private:
  std::string place_;
  std::uint64_t count_ = 0;
  std::vector<std::string> lines_;
};

/// What a set of slots takes, and what one more would be told.
struct Books {
  std::array<std::uint32_t, kTypes> of_type{};
  std::uint32_t taken = 0;  ///< words that are not free
  std::uint64_t milli = 0;
  std::uint64_t memory = 0;
  std::uint32_t g = 0;
  std::uint32_t h = 0;
  std::uint32_t limit_a = 0;  ///< of type "a", in force now
  bool draining = false;

  void add(std::uint32_t type, std::uint64_t cost_milli, std::uint64_t memory_bytes);
  /// The reason why a claim of this type with default costs would be refused; kNone: it fits.
  Reason refuse(std::uint32_t type) const;
};

enum class Counted : std::uint8_t { kHeld, kHeldAndTentative };
Books read_books(const Rig& rig, Counted counted);

/// What may be different about one operation.
struct Allowed {
  std::vector<std::uint32_t> moved;  ///< slots of the bystander that may have another owner
};

/// Words, mark, limits, what the bystander and this process hold. True at any instant, whoever is
/// stopped where.
void check_invariants(const Rig& rig, const Allowed& allowed, Findings& findings);

/// For a watch list whose descriptors nobody polls.
broker::WatchList::Hooks make_silent_hooks();

/// Who clears up after a death.
enum class Undertaker : std::uint8_t { kWorker, kBroker };

/// After the child's death: its words are freed, its entry can be used again, no hazard of a living
/// process is left.
void check_burial(const Rig& rig, Undertaker undertaker, Findings& findings);

/// A hundred claims, then every type up to exactly what fits, then the bystander's tokens.
void check_service(const Rig& rig, const Allowed& allowed, Findings& findings);

/// The longest that one action of another process took, microseconds.
struct Delays {
  double worst_us = 0;
  /// The same, of each action's best try of three: what a stopped process causes, it causes every
  /// time; what the machine's other work causes, hardly ever.
  double steady_us = 0;

  void merge(const Delays& other) noexcept;
};

enum class Duties : std::uint8_t { kAll, kWithoutPublishing };

/// What others do while one process is stopped: claims and releases, a dry run, inspection,
/// reaping, the broker's samples and its look at the owners.
Delays work_beside(const Rig& rig, Duties duties, Findings& findings);

}  // namespace slotd::crash
