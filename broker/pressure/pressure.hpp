// Pressure: whom to tell, to stop or to kill when the host is overloaded in spite of admission. One
// state machine over samples; a node has one for CPU and one for memory, with other rules.
//
// Pure: no clock, no I/O, nothing shared, one thread. Whoever owns it brings a sample a tick and
// carries out the orders. Nothing outlives the object: a new broker has seen no evidence.
//
// Evidence. A tick is hot when the level is above the limit, the pressure stall figure (where one
// is asked for) is there and high enough, and there are enough jobs: with one job on the node
// nobody takes anything from anybody, so such a tick is a low one. A level that is not known is low
// too: nobody is stopped for what nobody has seen. `ticks` hot ticks, and `sustained_ns` of them
// without a low one between, make a victim. `reset_ticks` low ticks in a row end the heat:
// evidence, victim and notices are over, with a calm order for every job that was told and lives.
//
// The victim is the largest of the jobs above their own cost, the lower slot of two equals. For CPU
// there is none where all keep within their cost: they use what they were promised. For memory it
// is the largest of all then, and one job is enough: memory that is used up takes the host down,
// and whoever is largest is the only one whose end helps.
//
// Nothing is signalled for the sake of processes that are not tracked. Where the owners' use
// together is within what they were promised, somebody else heats the host; ending a job would give
// its room to that somebody and leave the host as hot as it was, with the next job as the next
// victim. Evidence stays counted, and `untracked` says so once a heat.
//
// After a victim there is nobody else for `grace_ns`, whatever becomes of it. At the end of it, on
// a hot tick of the same heat, a victim that was asked to stop and is still there is killed. Then
// new evidence is needed for another one. A victim that ends takes the evidence with it.
//
// Time is what was observed: a gap of more than three intervals (the broker slept) is one interval,
// a clock that goes back is none, and a sample that follows another within a quarter of an interval
// is no tick.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <vector>

#include "broker/config/config.hpp"

namespace slotd::broker {

struct PressureRules {
  PressureAction action = PressureAction::kNotify;
  std::uint64_t limit = 0;        ///< a level above it is hot; 0: never hot
  std::uint32_t psi_ppb = 0;      ///< a hot tick needs this much stalling too; 0: not asked for
  std::uint32_t ticks = 1;        ///< hot ticks that make a victim
  std::uint32_t reset_ticks = 1;  ///< low ticks in a row that end the heat
  std::uint64_t sustained_ns = 0;
  std::uint64_t grace_ns = 0;
  std::uint64_t interval_ns = 1'000'000'000;  ///< between samples
  std::uint32_t least_jobs = 1;
  bool takes_largest = false;  ///< the largest of all where nobody is above its cost

  bool operator==(const PressureRules&) const = default;
};

/// What the config says about CPU. Levels are loads in parts per billion of the capacity.
PressureRules make_cpu_rules(const Config& config);

/// What it says about memory. Levels are bytes; memory.max 0: never hot.
PressureRules make_memory_rules(const Config& config);

/// The load above which a tick is hot. With a utilisation of 0.95 or more a node that is full as
/// planned is not overloaded: half-way between it and 1, if that is above the threshold. At a
/// utilisation of 1 no tick of a whole host is hot.
std::uint32_t effective_threshold_ppb(std::uint32_t threshold_ppb, std::uint32_t utilization_ppb);

/// used / capacity; more than 1 is possible, 0 where there is no capacity.
std::uint64_t load_ppb(std::uint64_t used_micro, std::uint64_t capacity_micro);

/// What the jobs may use together without being to blame for heat: the budget, or the threshold
/// where that is lower.
std::uint64_t blameless_micro(std::uint64_t budget_micro, std::uint64_t capacity_micro,
                              std::uint32_t threshold_ppb);

struct PressureJobId {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;

  bool operator==(const PressureJobId&) const = default;
};

/// A slot that is ACTIVE or ENDING. Figures are microcores or bytes, the slot's share of what its
/// owner uses; 0 where it was not measured.
struct PressureJob {
  PressureJobId id;
  std::uint32_t owner = 0;  ///< entry index
  std::uint64_t attach = 0;
  std::uint64_t used = 0;
  std::uint64_t cost = 0;
  bool is_ending = false;  ///< it goes by itself: still here, but not to be chosen

  bool operator==(const PressureJob&) const = default;
};

struct PressureSample {
  std::uint64_t now_ns = 0;              ///< CLOCK_MONOTONIC
  std::optional<std::uint64_t> level;    ///< in the units of PressureRules::limit
  std::uint64_t tracked = 0;             ///< sum over all owners, whatever the state of their slots
  std::uint64_t blameless = 0;           ///< a sum up to this is as promised: see above
  std::optional<std::uint32_t> psi_ppb;  ///< `some avg10`
};

enum class PressureOrderKind : std::uint8_t {
  kNotify,  ///< tell the job
  kStop,    ///< SIGTERM to its owner
  kKill,    ///< SIGKILL to its owner
  kCalm,    ///< what it was told is over
};

struct PressureOrder {
  PressureOrderKind kind = PressureOrderKind::kNotify;
  PressureJob job;  ///< as in this tick's sample
};

/// What complete evidence led to at a tick.
enum class PressureFinding : std::uint8_t {
  kNone,       ///< evidence is not complete, or a grace is running
  kVictim,     ///< a job was chosen; with action none nothing more comes of it
  kNobody,     ///< every job keeps within its cost
  kUntracked,  ///< the heat is not the jobs'
};

struct PressureOutcome {
  std::vector<PressureOrder> orders;
  bool is_hot = false;
  PressureFinding finding = PressureFinding::kNone;
  bool is_news = false;               ///< kVictim; kNobody, kUntracked: the first time in this heat
  std::optional<PressureJob> victim;  ///< with kVictim
};

/// Since the object was made.
struct PressureCounts {
  std::uint64_t hot_ticks = 0;
  std::uint64_t heats = 0;
  std::uint64_t victims = 0;
  std::uint64_t stops = 0;
  std::uint64_t kills = 0;
  std::uint64_t nobody = 0;     ///< heats in which complete evidence met nobody above its cost
  std::uint64_t untracked = 0;  ///< heats in which it met jobs that were not to blame
};

/// For display.
struct PressureState {
  bool is_heated = false;               ///< hot, or not yet cool for long enough
  std::uint32_t hot_ticks = 0;          ///< evidence for the next victim
  std::uint32_t low_ticks = 0;          ///< in a row
  std::optional<PressureJobId> victim;  ///< whose grace is running
  std::uint64_t grace_left_ns = 0;      ///< so long nobody else is chosen
  PressureCounts counts;
};

class PressureMachine {
 public:
  /// Rules in force from the next tick on. Evidence stays; a job that was told under an action that
  /// is now `none` gets its calm order at that tick.
  void configure(const PressureRules& rules) { rules_ = rules; }

  /// One sample. `jobs`: each slot once, in any order.
  PressureOutcome tick(const PressureSample& sample, std::span<const PressureJob> jobs);

  /// Another segment: its slots are others. Counts stay, evidence and victim do not.
  void forget();

  [[nodiscard]] PressureState state() const;

 private:
  struct Told {
    PressureJob job;
    bool is_killed = false;
  };
  struct Victim {
    PressureJobId id;
    bool is_stopped = false;  ///< it has had its SIGTERM
  };

  bool advance(std::uint64_t now_ns);
  void drop_ended(std::span<const PressureJob> jobs);
  [[nodiscard]] bool is_hot(const PressureSample& sample, std::span<const PressureJob> jobs) const;
  void count(bool is_hot);
  void clear_evidence();
  void calm(std::span<const PressureJob> jobs, PressureOutcome& out);
  void judge(const PressureSample& sample, std::span<const PressureJob> jobs, PressureOutcome& out);
  void end_grace(std::span<const PressureJob> jobs, PressureOutcome& out);
  [[nodiscard]] const PressureJob* choose(std::span<const PressureJob> jobs) const;
  [[nodiscard]] bool is_killed(const PressureJob& job) const;
  void take_victim(const PressureJob& job, PressureOutcome& out);
  void note(PressureFinding finding, std::uint64_t& heats, PressureOutcome& out);

  PressureRules rules_;
  std::optional<std::uint64_t> last_ns_;  ///< now_ns of the last tick
  std::uint64_t step_ns_ = 0;             ///< observed time from the tick before to this one
  std::uint64_t grace_left_ns_ = 0;
  std::uint32_t hot_ticks_ = 0;
  std::uint32_t low_ticks_ = 0;
  std::uint64_t sustained_ns_ = 0;
  bool is_heated_ = false;
  std::uint32_t noted_ = 0;  ///< findings of this heat, a bit each
  std::optional<Victim> victim_;
  std::vector<Told> told_;
  PressureCounts counts_;
};

}  // namespace slotd::broker
