#include "broker/segment/health.hpp"

#include <sys/stat.h>

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

const char* describe(Damage damage) {
  switch (damage) {
    case Damage::kNone:
      return "whole";
    case Damage::kTruncated:
      return "truncated";
    case Damage::kHolePunched:
      return "hole-punched";
    case Damage::kDeleted:
      return "deleted";
    case Damage::kReplaced:
      return "replaced by another file";
    case Damage::kScribbled:
      return "scribbled over in its header";
  }
  return "damaged";
}

}  // namespace slotd::broker
