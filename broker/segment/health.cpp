#include "broker/segment/health.hpp"

#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <string>

namespace slotd::broker {

Damage find_damage(const OwnedSegment& owned, bool was_touched) {
  struct stat ours {};
  if (::fstat(owned.file.get(), &ours) == 0) {
    if (static_cast<std::uint64_t>(ours.st_size) < owned.opened.bytes) return Damage::kTruncated;
    if (was_touched || ours.st_blocks < owned.blocks) return Damage::kHolePunched;
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

void FileWatch::follow(const OwnedSegment& owned) {
  notices_ = UniqueFd(::inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  const std::string path = "/proc/self/fd/" + std::to_string(owned.file.get());
  if (notices_ && ::inotify_add_watch(notices_.get(), path.c_str(), IN_MODIFY) < 0)
    notices_ = UniqueFd();
}

bool FileWatch::has_heard() {
  // One read: whoever writes in a loop would have more to tell for ever.
  alignas(inotify_event) std::array<char, 4096> notices{};
  const ssize_t got = notices_ ? ::read(notices_.get(), notices.data(), notices.size()) : -1;
  const std::size_t bytes = got > 0 ? static_cast<std::size_t>(got) : 0;
  for (std::size_t at = 0; at + sizeof(inotify_event) <= bytes;) {
    inotify_event event{};
    std::memcpy(&event, notices.data() + at, sizeof(event));
    // IN_IGNORED comes with the deletion of the file, which leaves its content as it is.
    if ((event.mask & (IN_MODIFY | IN_Q_OVERFLOW)) != 0) return true;
    at += sizeof(event) + event.len;
  }
  return false;
}

const char* describe(Damage damage) {
  switch (damage) {
    case Damage::kNone:
      return "whole";
    case Damage::kTruncated:
      return "truncated";
    case Damage::kHolePunched:
      return "hole-punched, or written to by a system call";
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
