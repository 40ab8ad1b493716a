// What an attachment does with a claim or a look that the quick way could not decide, and with one
// that was admitted too late. Included by attachment.hpp, which has the contract.
#pragma once

#include "slotd/attachment.hpp"

namespace slotd::inline v0_1 {

[[gnu::noinline, gnu::cold]] inline HeldSlot Attachment::undo_admitted(const HeldSlot& held,
                                                                       Verdict& refusal) noexcept {
  end_copy(held);
  release_slot(view(), held.ref());
  if (has_moved()) release_moved(held, true);
  refusal = Verdict{};
  return {};
}

/// Ends the settling of a rebuilt segment whose broker died in it. True when claims are to be
/// asked again.
inline bool Attachment::end_overdue_settling() noexcept {
  const Header& header = view().header();
  const std::uint64_t drain = header.drain.load(std::memory_order_acquire);
  const std::uint64_t end_ns = header.created_at_ns.get() + kLongestSettlingNs;
  if ((drain & kDrainRebuild) == 0 || processes_.clock().coarse_ns() < end_ns) return false;
  view().header().drain.fetch_and(~kDrainRebuild, std::memory_order_seq_cst);
  return true;
}

/// What the quick claim could not decide.
[[gnu::noinline]] inline HeldSlot Attachment::claim_fully(const QuickClaim& begun,
                                                          const ClaimRequest& wanted,
                                                          Verdict& refusal) noexcept {
  Claim attempt(begun);
  ClaimResult result = attempt.run();
  if (result.verdict.reason == Reason::kDraining && end_overdue_settling())
    result = Claim(processes_, self_, wanted, 0, seed_).run();
  const std::uint32_t type = wanted.request.type;
  if (attempt.reaped() != 0) count(&CounterSet::reaped, attempt.reaped());
  if (!result.verdict) {
    hints_.set_refused(type, true);
    count_refusal(type, result.verdict.reason);
    refusal = result.verdict;
    // Its word stood in others' way, or it freed what the dead had left.
    if (!wanted.in_turn) wake_waiters(processes_);
    return {};
  }
  if (wanted.look_first) hints_.set_refused(type, false);
  return take_admitted({result.slot, result.word.generation(), result.nonce}, result.word, wanted,
                       refusal);
}

[[gnu::noinline]] inline Verdict Attachment::look_fully(const QuickClaim& begun,
                                                        const ClaimRequest& wanted) noexcept {
  Claim attempt(begun);
  Verdict verdict = attempt.look();
  if (verdict.reason == Reason::kDraining && end_overdue_settling())
    verdict = Claim(processes_, self_, wanted, 0, seed_).look();
  if (attempt.reaped() != 0) count(&CounterSet::reaped, attempt.reaped());
  return verdict;
}

}  // namespace slotd::inline v0_1
