// How a membership begins and ends. Included by attachment.hpp, which has the contract.
#pragma once

#include "slotd/attachment.hpp"
#include "slotd/reassert.hpp"

namespace slotd::inline v0_1 {

inline Attachment* Attachment::open(const AttachOptions& options, Errc& code, std::string& detail) {
  const std::string path =
      options.segment_path.empty() ? default_segment_path() : options.segment_path;
  const OpenedSegment opened = open_segment(path, Access::kReadWrite, read_boot_id());
  code = opened.code;
  detail = opened.detail;
  if (code != Errc::kOk) return nullptr;
  if (Attachment* known = take_up(opened, options)) return known;
  auto desk = std::make_shared<NoticeDesk>();
  desk->set(options.on_notice);
  Attachment* made =
      make(opened, {path, options.name, {}}, std::move(desk), Arrival::kNew, code, detail);
  if (made != nullptr) made->enlist();
  return made;
}

/// A new membership of an opened segment, not yet enlisted.
inline Attachment* Attachment::make(const OpenedSegment& opened, const AttachOptions& options,
                                    std::shared_ptr<NoticeDesk> desk, Arrival arrival, Errc& code,
                                    std::string& detail) {
  const std::string& path = options.segment_path;
  auto* attachment = new Attachment();
  attachment->options_ = {absolute_path(path), options.name, {}};
  attachment->device_ = opened.device;
  attachment->inode_ = opened.inode;
  const SelfIdentity self = read_self_identity();
  attachment->processes_ = ProcessTable(opened.view(Access::kReadWrite), self, false);
  attachment->desk_ = std::move(desk);
  attachment->told_.resize(attachment->view().slot_count());
  if (::getrandom(&attachment->seed_, sizeof(attachment->seed_), 0) != sizeof(attachment->seed_)) {
    attachment->seed_ = monotonic_ns() ^ (static_cast<std::uint64_t>(self.pid) << 32);
  }
  const auto fail = [&](Errc failure, const char* text) -> Attachment* {
    code = failure;
    detail = path + ": " + text;
    delete attachment;
    return nullptr;
  };
  if (!attachment->guard_.create())
    return fail(Errc::kPresenceUnavailable, "kernel cannot wipe a page on fork");
  if (!attachment->copies_.create(attachment->view().slot_count()))
    return fail(Errc::kSystem, "no memory for the copies of held slots");
  for (std::uint32_t type = 0; type < kMaxTypes; ++type)
    attachment->type_names_[type] = load_text(attachment->view().type_name(type).name);
  if (arrival == Arrival::kMoved) attachment->self_ = take_carried_entry(attachment->processes_);
  const bool was_carried = static_cast<bool>(attachment->self_);
  if (!was_carried)
    attachment->self_ = attachment->processes_.reserve(static_cast<std::uint32_t>(self.pid));
  if (!attachment->self_)
    return fail(Errc::kProcessTableFull, "no free process entry (segment.processes)");
  const ProcessRef ref = attachment->self_;
  attachment->processes_.store_identity(ref, self.start_ticks, self.time_ns_inode, self.uid,
                                        options.name.empty() ? text_view(self.name) : options.name);
  ProcessEntry& entry = attachment->view().process(ref.index);
  attachment->keeper_.watch(attachment->view().header().state,
                            static_cast<std::uint32_t>(SegmentState::kReady),
                            &Attachment::look_after, attachment);
  if (attachment->keeper_.start(entry, ref.attach) != Errc::kOk) {
    if (was_carried) {
      attachment->processes_.note_made_by_pid(ref);  // its slots stay where they are
    } else {
      force_mark(entry, ref.attach);
      attachment->processes_.end_own_tenancy(ref);
    }
    return fail(Errc::kPresenceUnavailable, "keeper thread or set_robust_list was refused");
  }
  attachment->guard_.get()->membership.store(static_cast<std::uint32_t>(Membership::kMember),
                                             std::memory_order_release);
  return attachment;
}

inline Attachment* Attachment::take_up(const OpenedSegment& opened, const AttachOptions& options) {
  for (Attachment* known = all().load(std::memory_order_acquire); known != nullptr;
       known = known->next_) {
    if (&known->view().header() != opened.base || known->check() != Errc::kOk) continue;
    bool lent = false;
    if (!known->lent_.compare_exchange_strong(lent, true, std::memory_order_acq_rel)) continue;
    if (!options.name.empty())
      store_text(known->view().process(known->self_.index).name, options.name);
    known->desk_->set(options.on_notice);
    return known;
  }
  return nullptr;
}

/// The keeper's: calls the handler for each slot of this process to which something new is said.
inline void Attachment::tell_notices() noexcept {
  const std::uint64_t count = view().process(self_.index).notice.load(std::memory_order_acquire);
  if (count == notices_told_) return;
  notices_told_ = count;
  if (!desk_->is_set()) return;
  const std::uint32_t mark = view().mark();
  for (std::uint32_t slot = 0; slot < mark; ++slot) {
    const SlotWord word{view().word(slot).load(std::memory_order_acquire)};
    if (!word.is_held() || word.owner() != self_.index) continue;
    const TaggedFigure said{view().slot_sample(slot).notice.get()};
    if (!said.is_of(word.generation()) || said.raw == told_[slot]) continue;
    const bool was_told = TaggedFigure{told_[slot]}.is_of(word.generation());
    told_[slot] = said.raw;
    const Notice notice = load_notice(view().slot_sample(slot), word.generation());
    if (notice == Notice::kCalm && !was_told) continue;
    try {
      const std::uint64_t nonce = view().record(slot).nonce.get();
      const auto type = load_text(view().type_name(word.type()).name);
      desk_->tell({notice, slot, format_token(token_of({slot, word.generation(), nonce})),
                   std::string(text_view(type))});
    } catch (...) {
      // No memory for the text: the notice stands beside the slot all the same.
    }
  }
}

inline void Attachment::close() noexcept {
  bool is_whole = false;
  {
    // Not in the middle of a move; and the keeper, which may be about to move, is joined outside.
    const TurnLock turn(guard_.get()->move);
    if (successor_.load(std::memory_order_acquire) != nullptr) return;
    is_whole = change_membership(Membership::kMember, Membership::kNone);
    if (!is_whole && !change_membership(Membership::kMoved, Membership::kNone)) return;
  }
  desk_->set({});
  keeper_.stop();  // sets the mark: from here on it looks like a death, whatever happens to this
                   // thread
  if (is_whole) processes_.end_own_tenancy(self_);
}

}  // namespace slotd::inline v0_1
