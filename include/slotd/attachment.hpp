// An attachment: one process's membership of one segment. Owns the process entry, the keeper that
// holds presence, and the private hints that make claims quick. Client (client/slotd/client.hpp)
// and slotctl are thin layers over it.
//
// When the segment is replaced by another one (truncated, deleted, rebuilt by the broker), the
// keeper or the next call attaches to the new one and asserts the claims that the process holds
// there: succession.hpp.
//
// Thread-safe, all of it. Blocking: open(), close() and succeed() wait for threads of this process;
// the rest as claim.hpp says. fork: in the child every operation answers kNotAttached and nothing
// of the parent's is touched. exec ends presence. Attachments are never deleted: slot handles may
// outlive the Client, and the kernel needs the mapping at exit.
#pragma once

#include <sys/random.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "slotd/claim.hpp"
#include "slotd/claim_hints.hpp"
#include "slotd/events.hpp"
#include "slotd/fork_guard.hpp"
#include "slotd/held_copies.hpp"
#include "slotd/notices.hpp"
#include "slotd/presence.hpp"
#include "slotd/process_table.hpp"
#include "slotd/segment.hpp"
#include "slotd/slot_table.hpp"
#include "slotd/token.hpp"
#include "slotd/waiter_seat.hpp"
#include "slotd/waiters.hpp"

namespace slotd::inline v0_1 {

struct AttachOptions {
  std::string segment_path{};  ///< empty: default_segment_path()
  std::string name{};          ///< shown by slotctl; empty: the process's command name
  NoticeHandler on_notice{};   ///< called when the pressure policy has something new to say to a
                               ///< slot that this process owns
};

/// How long a claim may wait.
struct WaitLimit {
  std::uint64_t deadline_ns = 0;  ///< CLOCK_MONOTONIC of the caller's own time namespace
  std::stop_token stop{};         ///< cancels
};

constexpr bool is_worth_waiting(Reason reason) noexcept;

/// A slot as its holder or finder knows it.
struct HeldSlot {
  std::uint32_t slot = kNoSlot;
  std::uint32_t generation = 0;
  std::uint64_t nonce = 0;

  SlotRef ref() const noexcept { return {slot, generation, nonce}; }
};

class Attachment {
 public:
  /// Attaches, or takes up again an attachment of this process to the same segment that was given
  /// back. Null with code and detail set: what open_segment() answers, kProcessTableFull,
  /// kPresenceUnavailable. Works while the broker is down.
  static Attachment* open(const AttachOptions& options, Errc& code, std::string& detail);

  /// The holder needs it no more. The process stays a member until it ends, since others may have
  /// bound slots to it; the next open() takes it up again. Slot handles stay good.
  void give_back() noexcept {
    if (is_attached()) desk_->set({});
    lent_.store(false, std::memory_order_release);
  }

  /// Ends membership now: frees all words of this entry, slots that others bound to it included,
  /// and the entry itself. No other thread may be using the attachment. Idempotent; nothing in a
  /// forked child.
  void close() noexcept;

  bool is_attached() const noexcept { return membership() != Membership::kNone; }

  /// kOk, kNotAttached (forked child, closed), or kRetired (the segment was replaced, or is being
  /// replaced: succeed()).
  Errc check() const noexcept {
    const Membership now = membership();
    if (now != Membership::kMember)
      return now == Membership::kMoved ? Errc::kRetired : Errc::kNotAttached;
    const std::uint64_t state = view().header().state.load(std::memory_order_acquire);
    return state == static_cast<std::uint64_t>(SegmentState::kReady) ? Errc::kOk : Errc::kRetired;
  }

  /// The attachment to the segment that has replaced this one, made now if need be, with all claims
  /// of this one asserted there. Null with `code` set: kRetired when there is no other segment yet,
  /// or why it cannot be attached to. May take as long as an attach.
  Attachment* succeed(Errc& code) noexcept;
  Attachment* succeed() noexcept {
    Errc ignored = Errc::kOk;
    return succeed(ignored);
  }
  /// The newest attachment that this one has led to; itself if none.
  Attachment* newest() noexcept;
  /// Where a claim of this attachment stands in its successor.
  HeldSlot moved(HeldSlot held) const noexcept {
    if (held.slot < copies_.slots()) copies_.find_moved(held.slot, held.generation, held.nonce);
    return held;
  }
  /// Gives up a claim while the segment is being replaced: it will not be asserted again. kRetired:
  /// it is another process's, and the next segment will have it; try again.
  Errc forget(const HeldSlot& held) noexcept {
    if (held.slot >= copies_.slots() || !copies_.knows(held.slot, held.nonce))
      return Errc::kRetired;
    end_copy(held);
    if (membership() == Membership::kMember) release_slot(view(), held.ref());
    return Errc::kOk;
  }

  const SegmentView& view() const noexcept { return processes_.view(); }
  const ProcessTable& processes() const noexcept { return processes_; }
  ProcessRef self() const noexcept { return self_; }

  /// Claims without waiting; wanted.look_first is for this function to set. Precondition: check()
  /// is kOk and the key is empty or valid. A slot that is kNoSlot was refused: only then `refusal`
  /// is written; with the reason kNone the segment was retired meanwhile: check() says so. (No copy
  /// of the request and no larger result: those cost as much as the scan.)
  HeldSlot claim(ClaimRequest& wanted, Verdict& refusal) noexcept {
    const std::uint32_t type = wanted.request.type;
    if (has_waiters() && gives_way(wanted)) [[unlikely]]
      return refuse_queued(type, refusal);
    wanted.look_first = !wanted.in_turn && hints_.was_refused(type);
    QuickClaim quick(processes_, self_, wanted, hints_.free_slot(), seed_);
    const auto claim_quickly = [&](QuickRules& rules) { return quick.try_quickly(rules); };
    if (wanted.look_first || !hints_.with_rules(type, claim_quickly))
      return claim_fully(quick, wanted, refusal);
    return take_admitted({quick.slot(), quick.pending_word().generation(), quick.nonce()},
                         quick.pending_word(), wanted, refusal);
  }

  /// The same, waiting in line for as long as `limit` says. kOk, and then as claim(); kRetired and
  /// kNotAttached as check(). Sleeps; allocates nothing but what a stop callback needs.
  Errc claim_until(ClaimRequest& wanted, const WaitLimit& limit, HeldSlot& held, Verdict& refusal) {
    held = claim(wanted, refusal);
    if (held.slot != kNoSlot) return Errc::kOk;
    if (refusal) return check();
    if (!is_worth_waiting(refusal.reason)) return Errc::kOk;
    return wait_claim(wanted, limit, held, refusal);
  }

  /// The answer a claim would get from the held words; takes nothing and counts nothing.
  Verdict look(const ClaimRequest& wanted) noexcept {
    if (has_waiters() && gives_way(wanted)) [[unlikely]] {
      Verdict queued;
      queued.reason = Reason::kQueuedAhead;
      return queued;
    }
    QuickClaim quick(processes_, self_, wanted, 0, seed_);
    const auto look_quickly = [&](QuickRules& rules) { return quick.look_quickly(rules); };
    return hints_.with_rules(wanted.request.type, look_quickly) ? Verdict{}
                                                                : look_fully(quick, wanted);
  }

  /// In the segment where the claim stands now. kStaleToken, kNotAttached; while the segment is
  /// being replaced kOk for one's own claim, kRetired for another's (try again), or why the next
  /// segment cannot be attached to.
  Errc release(const HeldSlot& held) noexcept {
    if (const Errc code = check(); code != Errc::kOk) [[unlikely]]
      return code == Errc::kRetired ? release_moved(held, false) : code;
    // The copy first, then the look whether the process has moved: see take_admitted().
    const bool was_held = end_copy(held);
    if (has_moved()) [[unlikely]]
      return release_moved(held, true);
    const std::uint64_t since_ns = claimed_at_ns(held);
    const StepResult result = release_slot(view(), held.ref());
    if (result.code != Errc::kOk) [[unlikely]]
      return is_damaged(held) ? Errc::kOk : counted(result.code);
    // Of a claim that is not this process's there was no copy to end: see transfer().
    if (!was_held && is_retired()) [[unlikely]]
      return release_moved(held, true);
    hints_.note_free(held.slot);
    // Whoever waits for it first.
    if (has_waiters()) [[unlikely]]
      wake_waiters(processes_);
    note_released(held, result.before, since_ns);
    return Errc::kOk;
  }

  Errc activate(const HeldSlot& held) noexcept {
    const StepResult result = activate_slot(view(), held.ref(), processes_.clock().coarse_ns());
    note_step(EventKind::kActivate, held, result);
    return stepped(held, result, &Attachment::activate);
  }
  Errc end(const HeldSlot& held) noexcept {
    const StepResult result = end_slot(view(), held.ref());
    note_step(EventKind::kEnd, held, result);
    return stepped(held, result, &Attachment::end);
  }

  Errc report(const HeldSlot& held, const Report& figures) noexcept {
    return counted(report_slot(view(), held.ref(), figures, processes_.clock().coarse_ns()).code);
  }

  /// Gives the slot to the process `pid` of the caller's PID namespace, attached or not; `held`
  /// becomes the new claim name. Costs a few system calls. kNoSuchProcess, kStaleToken,
  /// kProcessTableFull, kPresenceUnavailable.
  Errc bind(HeldSlot& held, int pid) noexcept;

  /// Takes the slot over for this process; `held` becomes the new claim name.
  Errc adopt(HeldSlot& held) noexcept { return transfer(held, self_); }

  /// Checks a token and turns it into a claim name. kForeignToken and kStaleToken are counted.
  Errc resolve(const Token& token, HeldSlot& held) noexcept {
    const Errc code = counted(check_token(view(), token));
    if (code == Errc::kOk) held = {token.slot, token.generation, token.nonce};
    return code;
  }

  /// What the pressure policy says to this claim now.
  Notice notice_of(const HeldSlot& held) const noexcept {
    // A notice that a broker left behind is nothing: it must not outlive the heat.
    if (held.slot >= view().slot_count() || processes_.is_broker_down()) return Notice::kCalm;
    return load_notice(view().slot_sample(held.slot), held.generation);
  }

  Token token_of(const HeldSlot& held) const noexcept {
    return {view().token_segment_id(), held.slot, held.nonce, held.generation};
  }

  /// The held slot with this key, if there is one now. Keys are unique among held slots.
  std::optional<HeldSlot> find_key(std::string_view key) const noexcept;

  /// Frees the slots of all owners proven dead (by mark, or by a pidfd opened here). Returns how
  /// many. A few system calls per owner.
  std::uint32_t reap() noexcept {
    const std::uint32_t held = reap_all(processes_, ProbeMode::kPidfd);
    if (held != 0) count(&CounterSet::reaped, held);
    if (held != 0) wake_waiters(processes_);
    return held;
  }

  /// Index of a type by its name or alias; nothing when the configuration has none. Valid for the
  /// segment's life.
  std::optional<std::uint32_t> find_type(std::string_view name) const noexcept;

  /// `type` may be none that there is.
  void count_refusal(std::uint32_t type, Reason reason) noexcept;
  void count(Cell<std::uint64_t> CounterSet::*field, std::uint64_t by) noexcept {
    count_cell([field](CounterSet& set) -> Cell<std::uint64_t>& { return set.*field; }, by);
  }

 private:
  static constexpr unsigned kRechecksPerProbe = 10;  ///< the first, then each tenth, with pidfds
  static constexpr std::uint64_t kContendedPauseNs = kNsPerMs;

  Attachment() = default;

  /// seq_cst: behind the CAS that freed a word. See waiters.hpp.
  bool has_waiters() const noexcept {
    return view().header().waiting.load(std::memory_order_seq_cst) != 0;
  }
  bool gives_way(const ClaimRequest& wanted) noexcept;
  enum class WaitStep : std::uint8_t {
    kDone,   ///< admitted
    kOver,   ///< nobody can make room for it
    kAgain,  ///< look again at once
    kPause,  ///< look again soon
    kSleep,
  };
  Errc leave_admitted(WaiterSeat& seat) noexcept;
  bool claim_in_turn(ClaimRequest& wanted, HeldSlot& held, Verdict& refusal) noexcept;
  WaitStep try_in_turn(ClaimRequest& wanted, WaiterSeat& seat, ProbeMode probe, HeldSlot& held,
                       Verdict& refusal) noexcept;
  Errc wait_claim(ClaimRequest& wanted, const WaitLimit& limit, HeldSlot& held, Verdict& refusal);
  HeldSlot refuse_queued(std::uint32_t type, Verdict& refusal) noexcept;
  ~Attachment() = default;

  /// Who replaces a segment stores the state and counts what is held afterwards; who claims is held
  /// and looks at the state afterwards. Both seq_cst: one sees the other, so no slot is admitted
  /// that the new segment does not know of.
  [[gnu::always_inline]] HeldSlot take_admitted(const HeldSlot& held, SlotWord word,
                                                const ClaimRequest& wanted,
                                                Verdict& refusal) noexcept {
    copies_.note(held.slot, held.nonce, word);
    const SlotRecord& record = view().record(held.slot);
    if (!wanted.key.text.empty() || record.memory_bytes.get() != 0) [[unlikely]]
      copies_.describe(held.slot, held.nonce, record);
    // Noted first, then the look whether the process has moved: who moves does it the other way
    // round, with a barrier on this thread in between.
    std::atomic_signal_fence(std::memory_order_seq_cst);
    const std::uint64_t state = view().header().state.load(std::memory_order_seq_cst);
    if (state != static_cast<std::uint64_t>(SegmentState::kReady) || has_moved()) [[unlikely]]
      return undo_admitted(held, refusal);
    hints_.note_taken(held.slot);
    note_claimed(held, word, record.claimed_at_ns.get(), wanted.waiting_since_ns);
    return held;
  }

  // ---- What is told of it, to this process's own lines: see record_layout.hpp.

  std::uint64_t claimed_at_ns(const HeldSlot& held) const noexcept;
  void note_event(const Event& event) noexcept;
  Event make_event(EventKind kind, const HeldSlot& held, std::uint32_t type,
                   std::uint64_t now_ns) const noexcept;
  void note_claimed(const HeldSlot& held, SlotWord word, std::uint64_t now_ns,
                    std::uint64_t waiting_since_ns) noexcept;
  void note_released(const HeldSlot& held, SlotWord word, std::uint64_t since_ns) noexcept;
  std::uint64_t count_wait(std::uint32_t type, std::uint64_t since_ns) noexcept;
  void note_step(EventKind kind, const HeldSlot& held, const StepResult& result) noexcept;

  // Below: full_claim.hpp.
  HeldSlot undo_admitted(const HeldSlot& held, Verdict& refusal) noexcept;
  bool end_overdue_settling() noexcept;
  HeldSlot claim_fully(const QuickClaim& begun, const ClaimRequest& wanted,
                       Verdict& refusal) noexcept;
  Verdict look_fully(const QuickClaim& begun, const ClaimRequest& wanted) noexcept;

  /// All attachments of this program or library, newest first; never deleted, so that handles stay
  /// good.
  static std::atomic<Attachment*>& all() noexcept {
    static std::atomic<Attachment*> head{nullptr};
    return head;
  }
  static Attachment* take_up(const OpenedSegment& opened, const AttachOptions& options);
  enum class Arrival : std::uint8_t { kNew, kMoved };
  static Attachment* make(const OpenedSegment& opened, const AttachOptions& options,
                          std::shared_ptr<NoticeDesk> desk, Arrival arrival, Errc& code,
                          std::string& detail);

  Membership membership() const noexcept {
    return static_cast<Membership>(guard_.get()->membership.load(std::memory_order_acquire));
  }
  bool change_membership(Membership from, Membership to) noexcept {
    auto expected = static_cast<std::uint32_t>(from);
    return guard_.get()->membership.compare_exchange_strong(
        expected, static_cast<std::uint32_t>(to), std::memory_order_acq_rel);
  }

  // Below: succession.hpp.
  static void look_after(void* attachment) noexcept;
  void tell_notices() noexcept;
  Attachment* move_to(const OpenedSegment& opened, Errc& code);
  void reassert_all(Attachment& next) noexcept;
  void carry_over(std::uint32_t slot, Attachment& next) noexcept;
  Errc release_moved(const HeldSlot& held, bool is_ended_here) noexcept;
  /// seq_cst: who retires a segment stores the state and copies the words afterwards.
  bool is_retired() const noexcept {
    return has_moved() || view().header().state.load(std::memory_order_seq_cst) !=
                              static_cast<std::uint64_t>(SegmentState::kReady);
  }
  bool is_alone_for_short() noexcept;
  bool is_over(const HeldSlot& held) const noexcept;
  /// Does the slot show what no life of this claim could have left? Then nothing is known of it.
  bool is_damaged(const HeldSlot& held) const noexcept;
  void end_copies_that_are_over() noexcept;
  /// Only a forked child's memory is wiped; a child has no claim that it could get here with.
  bool has_moved() const noexcept { return membership() != Membership::kMember; }
  /// True when this process held the claim until now.
  bool end_copy(const HeldSlot& held) noexcept {
    const bool was_held =
        held.slot < copies_.slots() && copies_.end(held.slot, held.nonce, held.generation);
    std::atomic_signal_fence(std::memory_order_seq_cst);
    return was_held;
  }
  Errc stepped(const HeldSlot& held, const StepResult& result,
               Errc (Attachment::*again)(const HeldSlot&) noexcept) noexcept;
  void enlist() noexcept {
    next_ = all().load(std::memory_order_relaxed);
    while (!all().compare_exchange_weak(next_, this, std::memory_order_release,
                                        std::memory_order_relaxed)) {
    }
  }

  Errc counted(Errc code) noexcept {
    if (code == Errc::kStaleToken || code == Errc::kForeignToken) count(&CounterSet::stale, 1);
    return code;
  }

  Errc transfer(HeldSlot& held, ProcessRef target) noexcept {
    const TurnLock turn(guard_.get()->turn);
    const StepResult result = transfer_slot(processes_, self_, held.ref(), target);
    if (result.code != Errc::kOk) return counted(result.code);
    // In a segment that is not in force any more this changed nothing: the claim stands in the next
    // one as it was before, or as it is now, and the caller comes again.
    if (is_retired()) return Errc::kRetired;
    note_handed_over(held, result.word, target);
    note_transfer(held, result.word);
    held.generation = result.word.generation();
    return Errc::kOk;
  }
  void note_transfer(const HeldSlot& before, SlotWord word) noexcept;
  void note_handed_over(const HeldSlot& held, SlotWord word, ProcessRef target) noexcept;

  ProcessRef find_owner(int pid, std::uint64_t start_ticks) const noexcept;

  template <typename Select>
  void count_cell(Select select, std::uint64_t by) noexcept;

  ProcessTable processes_;
  ProcessRef self_;
  Keeper keeper_;
  ForkGuard guard_;
  HeldCopies copies_;
  std::uint64_t seed_ = 0;
  Attachment* next_ = nullptr;
  std::atomic<bool> lent_{true};
  std::atomic<Attachment*> successor_{nullptr};
  AttachOptions options_;                         ///< with an absolute path
  std::atomic<std::uint64_t> alone_since_ns_{0};  ///< no segment to go on in was found since then
  std::uint64_t device_ = 0;
  std::uint64_t inode_ = 0;
  std::array<Text<kNameBytes / 8>, kMaxTypes> type_names_{};  ///< at attach, for succession
  std::shared_ptr<NoticeDesk> desk_;                          ///< one for this and all successors
  std::uint64_t notices_told_ = 0;   ///< of the entry's count; the keeper's alone, as the next
  std::vector<std::uint64_t> told_;  ///< by slot: the notice that was told last
  ClaimHints hints_;
};

inline std::optional<std::uint32_t> Attachment::find_type(std::string_view name) const noexcept {
  return find_type_index(view(), name);
}

}  // namespace slotd::inline v0_1

#include "slotd/attaching.hpp"      // IWYU pragma: export
#include "slotd/binding.hpp"        // IWYU pragma: export
#include "slotd/full_claim.hpp"     // IWYU pragma: export
#include "slotd/noting.hpp"         // IWYU pragma: export
#include "slotd/succession.hpp"     // IWYU pragma: export
#include "slotd/waiting_claim.hpp"  // IWYU pragma: export
