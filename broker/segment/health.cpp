#include "broker/segment/health.hpp"

#include <sys/stat.h>

#include <cerrno>
#include <utility>

#include "broker/ledger/publish.hpp"

namespace slotd::broker {

Damage find_damage(const OwnedSegment& owned, bool was_cut) {
  struct stat ours {};
  if (::fstat(owned.file.get(), &ours) == 0) {
    if (static_cast<std::uint64_t>(ours.st_size) < owned.opened.bytes) return Damage::kTruncated;
    if (was_cut || ours.st_blocks < owned.blocks) return Damage::kHolePunched;
  }
  struct stat named {};
  if (::lstat(owned.path.c_str(), &named) != 0) {
    return errno == ENOENT || errno == ENOTDIR ? Damage::kDeleted : Damage::kNone;
  }
  if (named.st_dev != ours.st_dev || named.st_ino != ours.st_ino) return Damage::kReplaced;
  const Validation found = validate_segment(owned.opened.base, owned.opened.bytes,
                                            owned.opened.validation.identity.boot_id);
  const bool is_same = found.code == Errc::kOk &&
                       found.identity.segment_id == owned.opened.validation.identity.segment_id;
  return is_same ? Damage::kNone : Damage::kScribbled;
}

Damage ContentWatch::look(const SegmentView& view, const LedgerSpec& published) {
  const std::uint64_t mark = view.header().mark.load(std::memory_order_acquire);
  bool has_gone_back = mark < mark_;
  std::vector<std::uint32_t> generations(view.mark());
  for (std::uint32_t slot = 0; slot < generations.size(); ++slot) {
    const SlotWord word{view.word(slot).load(std::memory_order_acquire)};
    generations[slot] = word.generation();
    if (slot < generations_.size())
      has_gone_back |= !is_same_or_later(word.generation(), generations_[slot]);
    // A held slot's nonce is never 0.
    const bool is_described = word.is_held() && word.state() <= SlotState::kEnding;
    has_gone_back |= is_described && view.record(slot).nonce.get() == 0 &&
                     view.word(slot).load(std::memory_order_acquire) == word.raw;
  }
  std::vector<std::uint64_t> attaches(view.process_count() + 1);
  for (std::uint32_t index = 1; index <= view.process_count(); ++index) {
    attaches[index] = view.process(index).attach.load(std::memory_order_acquire);
    if (index < attaches_.size()) has_gone_back |= attaches[index] < attaches_[index];
  }
  if (has_gone_back) return Damage::kHolePunched;
  if (!(read_config_block(view) == published)) return Damage::kScribbled;
  generations_ = std::move(generations);
  attaches_ = std::move(attaches);
  mark_ = mark;
  return Damage::kNone;
}

const char* describe(Damage damage) {
  switch (damage) {
    case Damage::kNone:
      return "whole";
    case Damage::kTruncated:
      return "truncated";
    case Damage::kHolePunched:
      return "hole-punched: pages of it read as zero";
    case Damage::kDeleted:
      return "deleted";
    case Damage::kReplaced:
      return "replaced by another file";
    case Damage::kScribbled:
      return "scribbled over in its header or its rules";
  }
  return "damaged";
}

}  // namespace slotd::broker
