// The steps in the life of a slot after its admission, each one CAS on the slot word: activate,
// end, change of owner, release, forced free, reap. Claiming is in claim.hpp. Thread-safe; never
// blocks; no allocation; no system call (reaping with ProbeMode::kPidfd aside). A process killed
// before its CAS has done nothing, after it everything.
//
// Memory order: every CAS on a slot word is seq_cst. Admission rests on a total order of
// publishing, freeing and scanning, and on x86-64 the weaker orders cost the same instruction.
#pragma once

#include <array>
#include <cstdint>
#include <optional>

#include "slotd/error.hpp"
#include "slotd/layout.hpp"
#include "slotd/process_table.hpp"
#include "slotd/segment_view.hpp"
#include "slotd/token.hpp"

namespace slotd::inline v0_1 {

/// One claim at one owner: what a token and a slot handle name.
struct SlotRef {
  std::uint32_t slot = 0;
  std::uint32_t generation = 0;
  std::uint64_t nonce =
      0;  ///< of the claim: a generation comes again after 2^26 claims of its slot
};

/// Result of a step: the error, and the word as it was before and is after the step.
struct StepResult {
  Errc code = Errc::kOk;
  SlotWord word;
  SlotWord before{};
};

/// The current word of a held claim; nothing when the claim is over or at another owner by now.
inline std::optional<SlotWord> load_claim(const SegmentView& view, SlotRef ref) noexcept {
  if (ref.slot >= view.slot_count()) return std::nullopt;
  const SlotWord word{view.word(ref.slot).load(std::memory_order_acquire)};
  if (!word.is_held() || word.generation() != ref.generation) return std::nullopt;
  if (view.record(ref.slot).nonce.get() != ref.nonce) return std::nullopt;
  return word;
}

namespace detail {

/// Changes the word of a claim by `next` (word -> word, or nothing = wrong state). Retries while
/// only the state moves. Inlined: a release is little else, and a call with two structs costs it 2
/// ns.
template <typename Next>
[[gnu::always_inline]] inline StepResult step_word(const SegmentView& view, SlotRef ref,
                                                   Next next) noexcept {
  for (int attempt = 0; attempt < kMaxWordAttempts; ++attempt) {
    const auto word = load_claim(view, ref);
    if (!word) return {Errc::kStaleToken, {}};
    const std::optional<SlotWord> changed = next(*word);
    if (!changed) return {Errc::kWrongState, *word, *word};
    if (*changed == *word) return {Errc::kOk, *word, *word};
    std::uint64_t expected = word->raw;
    if (view.word(ref.slot).compare_exchange_strong(expected, changed->raw,
                                                    std::memory_order_seq_cst)) {
      return {Errc::kOk, *changed, *word};
    }
  }
  return {Errc::kBusy, {}};
}

}  // namespace detail

/// Checks a token against the segment and the record. The word is checked again by the CAS of the
/// step that follows.
inline Errc check_token(const SegmentView& view, const Token& token) noexcept {
  if (token.segment_id != view.token_segment_id()) return Errc::kForeignToken;
  return load_claim(view, {token.slot, token.generation, token.nonce}) ? Errc::kOk
                                                                       : Errc::kStaleToken;
}

/// SlotRecord::activated: 26 bits of the claim's nonce, then milliseconds of host
/// CLOCK_MONOTONIC_COARSE.
constexpr std::uint64_t pack_activation(std::uint64_t nonce, std::uint64_t now_ns) noexcept {
  return (nonce << 38) | ((now_ns / kNsPerMs) & 0x3f'ffff'ffffULL);
}
/// When the claim with this nonce became ACTIVE; 0 when that is not known.
constexpr std::uint64_t unpack_activation_ms(std::uint64_t nonce, std::uint64_t packed) noexcept {
  return (packed >> 38) == (nonce & kGenerationMask) ? packed & 0x3f'ffff'ffffULL : 0;
}

/// PENDING -> ACTIVE. Done already: kOk. ENDING: kWrongState.
inline StepResult activate_slot(const SegmentView& view, SlotRef ref,
                                std::uint64_t now_ns) noexcept {
  return detail::step_word(view, ref, [&](SlotWord word) -> std::optional<SlotWord> {
    if (word.state() == SlotState::kActive) return word;
    if (word.state() != SlotState::kPending) return std::nullopt;
    // Before the CAS, so that an ACTIVE word always has its time. Two activators write nearly the
    // same one, and one that was stopped here writes a time that is not the next claim's.
    view.record(ref.slot).activated.set(pack_activation(ref.nonce, now_ns));
    return word.with_state(SlotState::kActive);
  });
}

/// What a job says that it uses now. Absent figures stay as they were reported before.
struct Report {
  std::optional<std::uint64_t> cpu_micro;     ///< microcores
  std::optional<std::uint64_t> memory_bytes;  ///< kept in KiB, rounded up
};

/// Notes a self-report beside the claim; the word does not change. It counts until kReportLifeNs
/// later. Several stores, each saying whose it is: whoever is stopped between them leaves a figure
/// with the time of the one before, or one that is no other claim's.
inline StepResult report_slot(const SegmentView& view, SlotRef ref, const Report& report,
                              std::uint64_t now_ns) noexcept {
  const auto word = load_claim(view, ref);
  if (!word) return {Errc::kStaleToken, {}};
  SlotRecord& record = view.record(ref.slot);
  if (report.cpu_micro)
    record.reported_cpu.set(TaggedFigure::make(ref.nonce, *report.cpu_micro).raw);
  if (report.memory_bytes) {
    record.reported_memory.set(
        TaggedFigure::make(ref.nonce, kib_of_bytes(*report.memory_bytes)).raw);
  }
  record.reported_at.set(pack_activation(ref.nonce, now_ns));
  // Over meanwhile: the caller is told, and the figures are nobody's.
  return load_claim(view, ref) ? StepResult{Errc::kOk, *word} : StepResult{Errc::kStaleToken, {}};
}

/// How long a self-report counts.
inline constexpr std::uint64_t kReportLifeNs = 30 * kNsPerSecond;

/// The last report of a claim, as far as it still counts.
inline Report load_report(const SegmentView& view, std::uint32_t slot, std::uint64_t nonce,
                          std::uint64_t now_ns) noexcept {
  const SlotRecord& record = view.record(slot);
  const std::uint64_t at_ms = unpack_activation_ms(nonce, record.reported_at.get());
  // A time that is still to come is a scribble, or a clock that went back.
  const std::uint64_t now_ms = now_ns / kNsPerMs;
  if (at_ms == 0 || at_ms > now_ms || now_ms - at_ms >= kReportLifeNs / kNsPerMs) return {};
  Report report;
  const TaggedFigure cpu{record.reported_cpu.get()};
  const TaggedFigure memory{record.reported_memory.get()};
  if (cpu.is_of(nonce)) report.cpu_micro = cpu.figure();
  if (memory.is_of(nonce)) report.memory_bytes = bytes_of_kib(memory.figure());
  return report;
}

/// PENDING or ACTIVE -> ENDING: the job has ended, its CPU may not have; still charged. Done
/// already: kOk.
inline StepResult end_slot(const SegmentView& view, SlotRef ref) noexcept {
  return detail::step_word(view, ref, [](SlotWord word) -> std::optional<SlotWord> {
    return word.with_state(SlotState::kEnding);
  });
}

/// Held -> FREE. kStaleToken when the claim is over or at another owner: then nothing moved.
inline StepResult release_slot(const SegmentView& view, SlotRef ref) noexcept {
  return detail::step_word(view, ref,
                           [](SlotWord word) -> std::optional<SlotWord> { return word.freed(); });
}

/// Gives a claim to another process entry by one CAS that also makes the old token stale. `self` is
/// the caller's own entry: it carries the hazard, and the caller sees to it that one thread of its
/// process at a time is in here. kNoSuchProcess when the target's tenancy has ended. The word
/// returned has the new generation.
inline StepResult transfer_slot(const ProcessTable& processes, ProcessRef self, SlotRef ref,
                                ProcessRef target) noexcept {
  if (!processes.publish_hazard(self, target)) return {Errc::kNoSuchProcess, {}};
  const StepResult result = detail::step_word(
      processes.view(), ref,
      [&](SlotWord word) -> std::optional<SlotWord> { return word.transferred(target.index); });
  processes.clear_hazard(self);
  return result;
}

/// Operator's free of one held slot, whoever holds it; the holder's later release is stale. The
/// word returned is the one that was there. kWrongState when nothing is held.
inline StepResult force_free_slot(const SegmentView& view, std::uint32_t slot) noexcept {
  std::atomic<std::uint64_t>& cell = view.word(slot);
  SlotWord word{cell.load(std::memory_order_seq_cst)};
  for (int attempt = 0; attempt < kMaxWordAttempts && word.is_held(); ++attempt) {
    std::uint64_t expected = word.raw;
    if (cell.compare_exchange_strong(expected, word.freed().raw, std::memory_order_seq_cst))
      return {Errc::kOk, word};
    word = SlotWord{expected};
  }
  return {Errc::kWrongState, word};
}

/// Frees the words of all owners that are proven dead, over the whole table. Returns how many held
/// ones were freed. One look at each living owner.
inline std::uint32_t reap_all(const ProcessTable& processes, ProbeMode probe) noexcept {
  std::uint32_t held = 0;
  std::array<bool, kMaxProcesses + 1> alive{};
  for (std::uint32_t slot = 0; slot < processes.view().slot_count(); ++slot) {
    const SlotWord word{processes.view().word(slot).load(std::memory_order_acquire)};
    if (word.is_free() || !processes.is_index(word.owner()) || alive[word.owner()]) continue;
    const auto freed = processes.reap_word(slot, probe);
    if (freed && freed->is_held()) ++held;
    const ProcessRef owner = processes.find_tenant(word.owner());
    alive[word.owner()] =
        !freed && owner && processes.judge_owner(owner, ProbeMode::kMarkOnly) == OwnerLife::kAlive;
  }
  return held;
}

}  // namespace slotd::inline v0_1
