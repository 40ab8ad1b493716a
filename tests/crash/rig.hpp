// The stage for one operation that is stopped or killed: a small segment on tmpfs, a process that
// lives and holds slots (the bystander), one that lives and never attached, this process as the
// next claimant, and a picture of the segment to which it is put back before every run.
//
// Rules of the segment, known here by heart so that nothing is checked against the code under test:
// see kRules. Single-threaded; forks; blocks until its helpers are attached.
#pragma once

#include <sys/types.h>

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "broker/ledger/ledger_spec.hpp"
#include "slotd/attachment.hpp"

namespace slotd::crash {

// Types by index. The weights of group g are all the same, so that claims of its members are quick
// ones; those of group h are not, so that its members' claims take the long way.
inline constexpr std::uint32_t kPlain = 0;   // "a": limit 4, 1 core, in g
inline constexpr std::uint32_t kMemory = 1;  // "b": 0.5 cores, 100 bytes, in g
inline constexpr std::uint32_t kTiny = 2;    // "t": costs nothing but a slot
inline constexpr std::uint32_t kLarge = 3;   // "d": 3 cores, 2 of h
inline constexpr std::uint32_t kLast = 4;    // "last": limit 2, costs nothing
inline constexpr std::uint32_t kMixed = 5;   // "m": costs nothing, 1 of h
inline constexpr std::uint32_t kTypes = 6;
inline constexpr std::uint32_t kUnknown = 9;

/// What one slot of a type takes.
struct TypeRule {
  std::uint32_t limit;
  std::uint32_t cost_milli;
  std::uint64_t memory_bytes;
  std::uint32_t in_g;
  std::uint32_t in_h;
};
inline constexpr std::array<TypeRule, kTypes> kRules = {{{4, 1000, 0, 1, 0},
                                                         {kNoLimit, 500, 100, 1, 0},
                                                         {kNoLimit, 0, 0, 0, 0},
                                                         {kNoLimit, 3000, 0, 0, 2},
                                                         {2, 0, 0, 0, 0},
                                                         {kNoLimit, 0, 0, 0, 1}}};
inline constexpr std::uint32_t kLimitG = 12;
inline constexpr std::uint32_t kLimitH = 6;
inline constexpr std::uint64_t kBudgetMilli = 10'000;
inline constexpr std::uint64_t kMemoryMax = 1000;
inline constexpr std::uint64_t kHeadroom = 1;
inline constexpr Capacities kCapacities{16, 8};

/// The rules as the broker publishes them; `limit` is that of type "a".
broker::LedgerSpec make_rig_spec(std::uint32_t limit = 4);

/// One claim in the words of a test.
struct Wish {
  std::uint32_t type = kTiny;
  std::string_view key{};
  std::optional<std::uint32_t> cost_milli{};
  std::optional<std::uint64_t> memory_bytes{};
};

/// Claims by an attachment; the slot is kNoSlot where it was refused.
HeldSlot claim_by(Attachment& attachment, const Wish& wish, Reason& reason);
/// Attaches this process to the segment; ends the process where that fails.
Attachment& attach_here(const std::string& path);

class Rig {
 public:
  Rig();
  Rig(const Rig&) = delete;
  Rig& operator=(const Rig&) = delete;
  ~Rig();

  const std::string& path() const noexcept { return path_; }
  const SegmentView& view() const noexcept { return view_; }
  /// This process's membership: it checks, reaps and claims after every death.
  Attachment& self() const noexcept { return *self_; }
  const ProcessTable& processes() const noexcept { return self_->processes(); }
  /// The broker's eyes: recycles what the broker may.
  const ProcessTable& broker_table() const noexcept { return broker_table_; }

  /// Slots of the bystander: "a" with key BY_1, "b" with key BY_2, "last".
  const std::vector<HeldSlot>& bystander_slots() const noexcept { return bystander_slots_; }
  ProcessRef bystander() const noexcept { return bystander_; }
  int bystander_pid() const noexcept { return bystander_pid_; }
  int stranger_pid() const noexcept { return stranger_pid_; }

  // For setting the stage, before remember().
  /// This process holds one more; released again when the run has been checked.
  HeldSlot hold(const Wish& wish);
  const std::vector<HeldSlot>& held_here() const noexcept { return held_here_; }
  /// A process that attached, claimed these and was killed. Its entry and its pid.
  ProcessRef add_dead(const std::vector<Wish>& wishes, bool remembered_by_kernel = true);
  /// A broker that lives: this process, in the broker's entry.
  void raise_broker();
  /// A word written by hand, as one that its owner was stopped in.
  void plant(std::uint32_t slot, SlotWord word);
  SlotWord word(std::uint32_t slot) const { return SlotWord{view_.word(slot).load()}; }

  /// Takes the picture.
  void remember();
  /// Puts the segment back to the picture. Precondition: nobody is in it.
  void put_back() noexcept;
  SlotWord pictured_word(std::uint32_t slot) const noexcept;
  std::uint64_t pictured_nonce(std::uint32_t slot) const noexcept;

  /// Copies the segment's bytes where they differ from `copy`; true when they did.
  bool copy_changes(std::vector<std::byte>& copy) const;

  /// The last process that was run, for judging whose words are whose.
  int child_pid = 0;

 private:
  void make_file();
  void add_bystander();

  std::string directory_;
  std::string path_;
  void* base_ = nullptr;
  std::uint64_t bytes_ = 0;
  SegmentView view_;
  Attachment* self_ = nullptr;
  ProcessTable broker_table_;
  int bystander_pid_ = 0;
  int stranger_pid_ = 0;
  ProcessRef bystander_;
  std::vector<HeldSlot> bystander_slots_;
  std::vector<HeldSlot> held_here_;
  std::vector<std::byte> picture_;
};

}  // namespace slotd::crash
