#include "broker/segment/segment_owner.hpp"

#include <fcntl.h>
#include <grp.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>

#include "broker/segment/format.hpp"
#include "broker/segment/other_layout.hpp"
#include "broker/segment/owner_lock.hpp"
#include "slotd/clock.hpp"
#include "slotd/process_table.hpp"

namespace slotd::broker {

namespace {

std::string error_text(int error) { return std::strerror(error); }

std::string directory_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

/// Makes the last one or two folders of the path: the system's readable by all, a user's own for
/// that user alone.
void make_directory(const std::string& directory) {
  const bool own = directory == directory_of(user_segment_path());
  ::mkdir(directory.c_str(), own ? 0700 : 0755);
}

/// Somebody else's directory could hand the clients another file under the same name.
std::optional<std::string> judge_directory(const std::string& directory) {
  struct stat status {};
  if (::stat(directory.c_str(), &status) != 0) return directory + ": " + error_text(errno);
  if (!S_ISDIR(status.st_mode)) return directory + ": not a directory";
  const bool own = directory == directory_of(user_segment_path());
  if (own && (status.st_uid != ::geteuid() || (status.st_mode & 077U) != 0)) {
    return directory +
           ": must belong to this user with mode 0700; remove it, or name another place with "
           "--segment";
  }
  return std::nullopt;
}

/// A path to an open file, for calls that want one.
std::string alias_of(const UniqueFd& file) { return "/proc/self/fd/" + std::to_string(file.get()); }

class Owner {
 public:
  Owner(const OwnerOptions& options, const Prepare& prepare, OwnerFailure& failure)
      : options_(options), prepare_(prepare), failure_(failure), boot_id_(read_boot_id()) {}

  std::optional<OwnedSegment> run() {
    make_directory(directory_of(options_.path));
    if (const auto problem = judge_directory(directory_of(options_.path)))
      return fail(kExitNoSegment, *problem);
    if (!find_group() || !take_lock()) return std::nullopt;
    note_open_directory();
    OpenedSegment existing = open_segment(options_.path, Access::kReadWrite, boot_id_);
    // A broker was here before and its segment is not, or is damaged: somebody may hold slots in
    // it. One of an earlier boot has no users.
    owned_.has_lost_users = had_lock_ && existing.code != Errc::kOk &&
                            existing.code != Errc::kLayoutMismatch &&
                            (existing.code != Errc::kNotReady ||
                             !is_other_boot(existing.validation.identity.boot_id, boot_id_) ||
                             existing.validation.identity.segment_id == 0);
    switch (existing.code) {
      case Errc::kOk:
        return adopt(std::move(existing));
      case Errc::kNoSegment:
        return create();
      case Errc::kLayoutMismatch:
        return replace_other_layout(existing);
      case Errc::kNotReady:
      case Errc::kRetired:
      case Errc::kCorrupt:
        return replace(existing);
      case Errc::kPermissionDenied:
        return fail(kExitPermission, existing.detail);
      default:
        return fail(kExitInternal, existing.detail);
    }
  }

  /// For a segment that this broker owns and that is damaged.
  bool run_again(OwnedSegment& owned) {
    origin_ = Origin::kRebuilt;
    make_directory(directory_of(options_.path));
    if (const auto problem = judge_directory(directory_of(options_.path))) {
      fail(kExitNoSegment, *problem);
      return false;
    }
    if (!find_group()) return false;
    // Whoever took the folder away took the lock along.
    if (!is_lock_of(owned.lock, options_.path) && !take_lock()) return false;
    if (!owned_.lock) owned_.lock = std::move(owned.lock);
    auto made = clear_path(owned) ? create() : std::nullopt;
    if (!made) {
      owned.lock = std::move(owned_.lock);
      return false;
    }
    // Now that there is something to move to.
    retire_segment_file(alias_of(owned.file), RetireNotice::kWake);
    owned = std::move(*made);
    return true;
  }

 private:
  std::nullopt_t fail(int exit_code, std::string message) {
    failure_ = {exit_code, std::move(message), false, false};
    return std::nullopt;
  }

  bool take_lock() {
    auto taken = try_take_lock(options_.path, failure_);
    if (!taken) return false;
    owned_.lock = std::move(taken->file);
    had_lock_ = taken->was_there;
    if (!taken->note.empty()) owned_.notes.push_back(std::move(taken->note));
    return true;
  }

  bool find_group() {
    group_ = ::getegid();
    if (options_.group.empty()) return true;
    errno = 0;
    const group* entry = ::getgrnam(options_.group.c_str());
    if (entry == nullptr) {
      fail(kExitNoSegment, "segment.group: no group '" + options_.group +
                               "' on this host; create it (groupadd --system " + options_.group +
                               ") or name another one");
      return false;
    }
    group_ = entry->gr_gid;
    return true;
  }

  void note_open_directory() {
    struct stat status {};
    const std::string directory = directory_of(options_.path);
    if (::stat(directory.c_str(), &status) == 0 && (status.st_mode & 002U) != 0) {
      owned_.notes.push_back(directory +
                             ": everybody may write here and could put another file in the "
                             "segment's place; a folder of the broker's own is safer");
    }
  }

  std::optional<OwnedSegment> adopt(OpenedSegment existing) {
    struct stat status {};
    if (::lstat(options_.path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_uid != ::geteuid() || status.st_nlink != 1) {
      return fail(
          kExitPermission,
          options_.path +
              ": exists but is not a plain file of this user; remove it, or run the broker as "
              "its owner");
    }
    if (!is_alone(existing)) return std::nullopt;
    correct_access(status);
    const Capacities found = existing.validation.capacities;
    if (found.slots != options_.capacities.slots ||
        found.processes != options_.capacities.processes) {
      owned_.notes.push_back(
          "segment.slots and segment.processes stay as the live segment has them (" +
          std::to_string(found.slots) + ", " + std::to_string(found.processes) +
          "); they take effect in a new segment");
    }
    UniqueFd file(::open(options_.path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!file || ::fstat(file.get(), &status) != 0 || status.st_ino != existing.inode)
      return fail(kExitInternal, options_.path + ": changed while it was being adopted");
    if (!prepare_(existing.view(Access::kReadWrite), Origin::kAdopted)) return std::nullopt;
    owned_.opened = std::move(existing);
    owned_.origin = Origin::kAdopted;
    return finish(std::move(file));
  }

  OwnedSegment finish(UniqueFd file) {
    owned_.path = options_.path;
    owned_.file = std::move(file);
    // Every page was allocated; elsewhere than on tmpfs, blocks come and go as the file system
    // likes.
    owned_.blocks =
        is_on_tmpfs(options_.path) ? static_cast<std::int64_t>(owned_.opened.bytes / 512) : 0;
    return std::move(owned_);
  }

  /// Makes way for the new segment: the old one goes, and what looks like one; nothing else.
  bool clear_path(const OwnedSegment& owned) {
    struct stat ours {};
    struct stat named {};
    if (::lstat(options_.path.c_str(), &named) != 0) return true;
    const bool is_own = ::fstat(owned.file.get(), &ours) == 0 && ours.st_ino == named.st_ino &&
                        ours.st_dev == named.st_dev;
    if (!is_own && (!S_ISREG(named.st_mode) || named.st_uid != ::geteuid() ||
                    !looks_like_segment(options_.path))) {
      fail(kExitCorrupt, options_.path +
                             ": something else stands where the segment was; remove it and the "
                             "broker makes a new one");
      return false;
    }
    // Whoever has joined what looks like a segment is told, too.
    if (!is_own) retire_segment_file(options_.path, RetireNotice::kWake);
    if (::unlink(options_.path.c_str()) == 0 || errno == ENOENT) return true;
    fail(kExitPermission, options_.path + ": cannot remove the old segment: " + error_text(errno));
    return false;
  }

  /// The lock file may have been removed under a running broker; its presence and heartbeat tell
  /// all the same.
  bool is_alone(const OpenedSegment& existing) {
    const SegmentView view = existing.view(Access::kReadWrite);
    const ProcessTable processes(view, read_self_identity(), true);
    if (processes.is_broker_down()) return true;
    const ProcessRef broker =
        unpack_process_ref(view.header().broker.load(std::memory_order_acquire));
    const Reservation reservation{
        view.process(broker.index).reservation.load(std::memory_order_acquire)};
    fail(kExitNoSegment, options_.path + ": another broker owns this segment (pid " +
                             std::to_string(reservation.pid()) +
                             "), though its lock file is gone; stop it first");
    return false;
  }

  void correct_access(const struct stat& status) {
    if ((status.st_mode & 07777U) != options_.mode &&
        ::chmod(options_.path.c_str(), options_.mode) == 0) {
      owned_.notes.push_back(options_.path + ": mode corrected");
    }
    if (status.st_gid != group_ &&
        ::chown(options_.path.c_str(), static_cast<uid_t>(-1), group_) == 0) {
      owned_.notes.push_back(options_.path + ": group corrected");
    }
  }

  /// Never over somebody's job: a segment of another layout goes when nothing is held in it.
  std::optional<OwnedSegment> replace_other_layout(const OpenedSegment& existing) {
    if (const auto held = find_held_slots(existing); !held.empty())
      return refuse_held(existing, held);
    // Nothing is held now. Retired, and looked at again: a claim that comes later is told, one that
    // came before is seen.
    set_state(existing, SegmentState::kRetired);
    if (const auto held = find_held_slots(existing); !held.empty()) {
      set_state(existing, SegmentState::kReady);
      return refuse_held(existing, held);
    }
    return replace(existing);
  }

  std::nullopt_t refuse_held(const OpenedSegment& existing,
                             const std::vector<std::uint32_t>& held) {
    if (options_.retire) drain_segment(existing);
    failure_.is_draining = options_.retire;
    failure_.exit_code = kExitLayout;
    failure_.message = existing.detail + "; " + describe_held(held, options_.retire);
    return std::nullopt;
  }

  /// Is this file surely a segment, or what is left of one? Its magic or its fingerprint says so,
  /// or it is the start of one: nothing but zeros. Read by pread: a truncated file cannot be looked
  /// at through a mapping.
  static bool looks_like_segment(const std::string& path) {
    const UniqueFd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
    std::array<std::uint64_t, kHeaderBytes / 8> words{};
    const ssize_t got = file ? ::pread(file.get(), words.data(), sizeof(words), 0) : -1;
    if (got < 0) return false;
    constexpr std::size_t kFingerprintAt = offsetof(Header, fingerprint) / 8;
    const bool named = words[0] == kMagic || words[kFingerprintAt] == kFingerprint;
    return named ||
           std::all_of(words.begin(), words.end(), [](std::uint64_t word) { return word == 0; });
  }

  /// Makes way for a new segment. Only what is surely a segment is removed: a mistyped path costs
  /// nobody a file.
  std::optional<OwnedSegment> replace(const OpenedSegment& existing) {
    struct stat status {};
    if (::lstat(options_.path.c_str(), &status) != 0 || !S_ISREG(status.st_mode) ||
        status.st_uid != ::geteuid()) {
      return fail(kExitPermission,
                  existing.detail +
                      "; it is not a plain file of this user: remove it, or name another segment");
    }
    if (!looks_like_segment(options_.path)) {
      return fail(kExitCorrupt,
                  options_.path + ": not a slotd segment; remove it, or name another path");
    }
    // Whoever still has it mapped learns at its next call that it is over.
    if (existing.base != nullptr) set_state(existing, SegmentState::kRetired);
    owned_.notes.push_back(existing.detail + ": replaced by a new segment");
    if (::unlink(options_.path.c_str()) != 0 && errno != ENOENT) {
      return fail(kExitPermission,
                  options_.path + ": cannot remove the old segment: " + error_text(errno));
    }
    return create();
  }

  static void set_state(const OpenedSegment& existing, SegmentState state) {
    static_cast<Header*>(existing.base)
        ->state.store(static_cast<std::uint64_t>(state), std::memory_order_seq_cst);
  }

  std::optional<OwnedSegment> create() {
    const std::string directory = directory_of(options_.path);
    UniqueFd file(::open(directory.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!file) {
      return fail(errno == EACCES || errno == EROFS ? kExitPermission : kExitInternal,
                  directory + ": cannot make a segment here: " + error_text(errno) +
                      " (a tmpfs that this user may write is needed)");
    }
    const std::uint64_t bytes = compute_geometry(options_.capacities).total_bytes;
    if (const int error = ::posix_fallocate(file.get(), 0, static_cast<off_t>(bytes)); error != 0) {
      return fail(kExitInternal, directory + ": cannot allocate " + std::to_string(bytes) +
                                     " bytes: " + error_text(error));
    }
    // Where it is the group already nothing is asked for: the packaged unit leaves no such call.
    struct stat made {};
    const bool is_theirs = ::fstat(file.get(), &made) == 0 && made.st_gid == group_;
    if (!is_theirs && ::fchown(file.get(), static_cast<uid_t>(-1), group_) != 0) {
      return fail(kExitPermission, "segment.group: cannot give the segment to group '" +
                                       options_.group + "': " + error_text(errno) +
                                       "; run the broker as a member of it");
    }
    if (::fchmod(file.get(), options_.mode) != 0) {
      return fail(kExitPermission, "segment.mode: " + error_text(errno));
    }
    return fill_and_link(std::move(file));
  }

  std::optional<OwnedSegment> fill_and_link(UniqueFd file) {
    const std::string alias = alias_of(file);
    const OpenedSegment mapped = map_segment_file(alias, Access::kReadWrite);
    if (mapped.code != Errc::kOk) return fail(kExitInternal, mapped.detail);
    FormatIdentity identity;
    while (identity.segment_id == 0) {
      if (::getrandom(&identity.segment_id, sizeof(identity.segment_id), 0) !=
          sizeof(identity.segment_id)) {
        return fail(kExitInternal, "getrandom: " + error_text(errno));
      }
    }
    identity.boot_id = boot_id_;
    identity.creator_pid = static_cast<std::uint32_t>(::getpid());
    identity.created_at_ns = HostClock(read_self_identity().clock_offset_ns).coarse_ns();
    identity.version = options_.version;
    format_segment(mapped.base, options_.capacities, identity);
    if (!prepare_(SegmentView(mapped.base, options_.capacities, true), origin_))
      return std::nullopt;
    if (origin_ == Origin::kRebuilt || owned_.has_lost_users) {
      static_cast<Header*>(mapped.base)->drain.fetch_or(kDrainRebuild, std::memory_order_relaxed);
    }
    open_for_business(mapped.base);
    if (::linkat(AT_FDCWD, alias.c_str(), AT_FDCWD, options_.path.c_str(), AT_SYMLINK_FOLLOW) !=
        0) {
      return fail(kExitInternal,
                  options_.path + ": cannot put the segment in place: " + error_text(errno));
    }
    owned_.opened = open_segment(options_.path, Access::kReadWrite, boot_id_);
    if (owned_.opened.code != Errc::kOk) return fail(kExitInternal, owned_.opened.detail);
    owned_.origin = origin_;
    return finish(std::move(file));
  }

  const OwnerOptions& options_;
  const Prepare& prepare_;
  OwnerFailure& failure_;
  BootId boot_id_;
  gid_t group_ = 0;
  bool had_lock_ = false;  ///< the lock file was there already
  Origin origin_ = Origin::kCreated;
  OwnedSegment owned_;
};

}  // namespace

std::optional<OwnedSegment> own_segment(const OwnerOptions& options, const Prepare& prepare,
                                        OwnerFailure& failure) {
  return Owner(options, prepare, failure).run();
}

void retire_segment(const OwnedSegment& owned) {
  struct stat status {};
  // First the size: whoever reads behind the end meanwhile would be killed for it.
  if (::fstat(owned.file.get(), &status) == 0 &&
      static_cast<std::uint64_t>(status.st_size) < owned.opened.bytes) {
    static_cast<void>(!::ftruncate(owned.file.get(), static_cast<off_t>(owned.opened.bytes)));
  }
  retire_segment_file(alias_of(owned.file), RetireNotice::kQuiet);
}

bool rebuild_segment(const OwnerOptions& options, OwnedSegment& owned, const Prepare& prepare,
                     OwnerFailure& failure) {
  return Owner(options, prepare, failure).run_again(owned);
}

std::string choose_segment_path() {
  const char* given = std::getenv(kSegmentVariable);
  if (given != nullptr && given[0] != '\0') return given;
  return ::geteuid() == 0 ? kSystemSegmentPath : user_segment_path();
}

}  // namespace slotd::broker
