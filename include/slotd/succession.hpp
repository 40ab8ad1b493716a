// How an attachment passes to the segment that has replaced its own. Included by attachment.hpp,
// which has the contract.
//
// Noticed by the next call (the state word says retired) or by the keeper, which sleeps on the
// state word and looks at the path once in kKeeperLookMs. The process attaches to the new segment,
// then asserts each claim of which it has a private copy. The old attachment stays as it is for
// handles that still name it; they follow.
//
// The move and claims, releases and steps on other threads: who moves stores kMoved, has every
// thread of the process pass a barrier, then reads the copies; who acts changes its copy and then
// looks at the membership. So either the move saw the change, or the actor sees the move and does
// in the new segment what it did in the old one.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdint>
#include <optional>

#include "slotd/attachment.hpp"
#include "slotd/process_barrier.hpp"
#include "slotd/reassert.hpp"

namespace slotd::inline v0_1 {

inline Attachment* Attachment::newest() noexcept {
  Attachment* last = this;
  while (Attachment* next = last->successor_.load(std::memory_order_acquire)) last = next;
  return last;
}

/// Is there just no segment to move to yet?
constexpr bool is_between_segments(Errc code) noexcept {
  return code == Errc::kOk || code == Errc::kNoSegment || code == Errc::kNotReady ||
         code == Errc::kRetired;
}

inline Attachment* Attachment::succeed(Errc& code) noexcept {
  if (Attachment* next = successor_.load(std::memory_order_acquire)) return next;
  code = Errc::kNotAttached;
  if (!is_attached()) return nullptr;
  const TurnLock turn(guard_.get()->move);
  if (Attachment* next = successor_.load(std::memory_order_acquire)) return next;
  if (!is_attached()) return nullptr;
  try {
    const OpenedSegment opened =
        open_segment(options_.segment_path, Access::kReadWrite, read_boot_id());
    const bool is_other = opened.code == Errc::kOk && opened.base != &view().header();
    if (is_other) return move_to(opened, code);
    // A rebuild takes milliseconds: what lasts has another cause, and its own name.
    const bool is_short = opened.code == Errc::kOk || is_alone_for_short();
    code = is_short && is_between_segments(opened.code) ? Errc::kRetired : opened.code;
    return nullptr;
  } catch (...) {
    code = Errc::kSystem;  // out of memory: the next call tries again
    return nullptr;
  }
}

/// Holding Page::move.
inline Attachment* Attachment::move_to(const OpenedSegment& opened, Errc& code) {
  change_membership(Membership::kMember, Membership::kMoved);
  std::string detail;
  Attachment* next = make(opened, options_, desk_, Arrival::kMoved, code, detail);
  if (next == nullptr) return nullptr;
  process_wide_barrier();
  reassert_all(*next);
  next->lent_.store(lent_.load(std::memory_order_acquire), std::memory_order_release);
  next->enlist();
  successor_.store(next, std::memory_order_release);
  keeper_.leave();
  return next;
}

inline void Attachment::reassert_all(Attachment& next) noexcept {
  end_copies_that_are_over();
  drop_ended_claims(next.processes_, next.self_, copies_);
  for (std::uint32_t slot = 0; slot < copies_.slots(); ++slot) carry_over(slot, next);
}

/// Asserts the claim of one slot in the new segment, if there is one. Doing it again changes
/// nothing.
inline void Attachment::carry_over(std::uint32_t slot, Attachment& next) noexcept {
  HeldCopy copy = copies_.load(slot);
  if (copy.nonce == 0 || !copy.word.is_held()) return;
  const std::uint32_t generation = copy.word.generation();
  // A type keeps its index while its broker lives; another broker's is found by its name.
  std::uint32_t type = copy.word.type();
  const std::string_view name = text_view(type_names_[type]);
  if (!name.empty()) {
    const auto found = next.find_type(name);
    if (!found) return;
    type = *found;
  }
  copy.word = SlotWord::make(0, copy.word.state(), type, copy.word.cost_milli(), generation);
  const Reasserted done = reassert_claim(next.processes_, next.self_, copy, slot);
  if (done.fate != Reasserted::Fate::kStands) return;
  const SlotRef ref = done.ref;
  const SlotWord word{next.view().word(ref.slot).load(std::memory_order_acquire)};
  next.copies_.note(ref.slot, ref.nonce, word);
  next.copies_.describe(ref.slot, ref.nonce, next.view().record(ref.slot));
  if (ref.slot != slot || ref.generation != generation)
    copies_.note_moved(slot, copy.nonce, ref.slot, ref.generation);
}

/// Reads words of a mapping whose file may have been cut: the kernel looks whether they are there.
class CarefulReader {
 public:
  CarefulReader() noexcept {
    std::array<int, 2> ends{-1, -1};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) return;
    out_ = UniqueFd(ends[0]);
    in_ = UniqueFd(ends[1]);
  }
  /// Nothing when the word cannot be read.
  std::optional<std::uint64_t> read(const std::atomic<std::uint64_t>& word) const noexcept {
    std::uint64_t value = 0;
    if (!in_ || ::write(in_.get(), &word, sizeof(word)) != sizeof(word)) return std::nullopt;
    if (::read(out_.get(), &value, sizeof(value)) != sizeof(value)) return std::nullopt;
    return value;
  }

 private:
  UniqueFd out_;
  UniqueFd in_;
};

/// Ends the copies of claims that others have ended or taken over: a handler that adopted the slot,
/// an operator, whoever released it by its token. A word that cannot be read, or that no life of
/// the claim could have left, proves nothing.
inline void Attachment::end_copies_that_are_over() noexcept {
  std::optional<CarefulReader> reader;
  for (std::uint32_t slot = 0; slot < copies_.slots(); ++slot) {
    const HeldCopy copy = copies_.load(slot);
    if (copy.nonce == 0 || !copy.word.is_held()) continue;
    if (!reader) reader.emplace();
    const auto raw = reader->read(view().word(slot));
    if (!raw) return;
    const SlotWord word{*raw};
    const bool is_same = word.generation() == copy.word.generation();
    const bool is_later = !is_same && is_same_or_later(word.generation(), copy.word.generation());
    if (is_later || (is_same && word.raw != 0 && word.is_free()))
      copies_.end_if_unchanged(slot, copy);
  }
}

/// Releases a claim where it stands now. `is_ended_here`: it has ended, whether it is there or not;
/// it may have been carried over meanwhile.
[[gnu::noinline, gnu::cold]] inline Errc Attachment::release_moved(const HeldSlot& held,
                                                                   bool is_ended_here) noexcept {
  Errc code = Errc::kOk;
  Attachment* next = succeed(code);
  if (next == nullptr) {
    const Errc forgotten = forget(held);
    return code == Errc::kRetired ? forgotten : code;
  }
  const HeldSlot there = moved(held);
  if (!is_ended_here) return next->release(there);
  next->end_copy(there);
  if (next->has_moved()) return next->release_moved(there, true);
  release_slot(next->view(), there.ref());
  return Errc::kOk;
}

/// Is it still likely that the next segment is just being made?
inline bool Attachment::is_alone_for_short() noexcept {
  constexpr std::uint64_t kLongestNs = 5 * kNsPerSecond;
  const std::uint64_t now_ns = monotonic_ns();
  std::uint64_t since_ns = 0;
  alone_since_ns_.compare_exchange_strong(since_ns, now_ns, std::memory_order_relaxed);
  return since_ns == 0 || now_ns - since_ns < kLongestNs;
}

/// Does the slot's word show that the claim has ended, or has another owner by now?
inline bool Attachment::is_over(const HeldSlot& held) const noexcept {
  if (held.slot >= view().slot_count()) return true;
  const SlotWord word{view().word(held.slot).load(std::memory_order_acquire)};
  if (word.generation() == held.generation) return word.raw != 0;
  return is_same_or_later(word.generation(), held.generation);
}

inline bool Attachment::is_damaged(const HeldSlot& held) const noexcept {
  return held.slot < copies_.slots() && copies_.load(held.slot).nonce == held.nonce &&
         !is_over(held);
}

/// After a step within the life of a held claim.
inline Errc Attachment::stepped(const HeldSlot& held, const StepResult& result,
                                Errc (Attachment::*again)(const HeldSlot&) noexcept) noexcept {
  if (result.code == Errc::kOk) {
    copies_.move(held.slot, held.nonce, result.word.state());
  } else if (result.code == Errc::kStaleToken) {
    if (is_damaged(held)) return Errc::kRetired;  // the broker will see it too
    end_copy(held);
  }
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (has_moved()) {
    if (Attachment* next = succeed()) return (next->*again)(moved(held));
  }
  return counted(result.code);
}

/// After a change of owner: the claim is this attachment's from now on, or no longer.
inline void Attachment::note_transfer(const HeldSlot& before, SlotWord word) noexcept {
  const bool is_mine = word.owner() == self_.index;
  if (is_mine) {
    copies_.note(before.slot, before.nonce, word);
    copies_.describe(before.slot, before.nonce, view().record(before.slot));
  } else {
    end_copy(before);
  }
  std::atomic_signal_fence(std::memory_order_seq_cst);
  if (!has_moved()) return;
  if (!is_mine) {
    release_moved(before, true);
  } else if (Attachment* next = succeed()) {
    const TurnLock turn(guard_.get()->move);
    carry_over(before.slot, *next);
  }
}

/// The keeper's look at the path: is it still this segment, and whole?
inline void Attachment::look_after(void* attachment) noexcept {
  auto& self = *static_cast<Attachment*>(attachment);
  if (self.membership() == Membership::kMember) {
    struct stat status {};
    if (::stat(self.options_.segment_path.c_str(), &status) != 0) return;
    const bool is_same = status.st_dev == self.device_ && status.st_ino == self.inode_;
    const bool is_whole = static_cast<std::uint64_t>(status.st_size) >= self.view().total_bytes();
    if (is_same && is_whole) {
      const ProcessEntry& entry = self.view().process(self.self_.index);
      self.keeper_.see_notices(entry.notice.load(std::memory_order_acquire));
      self.tell_notices();
      return self.end_copies_that_are_over();
    }
    // What is left of a truncated file is not to be touched.
    if (is_same) self.change_membership(Membership::kMember, Membership::kMoved);
  }
  self.succeed();
}

}  // namespace slotd::inline v0_1
