// Mapping a segment file: the only file that names Boost.Interprocess. Opens, checks and maps;
// never creates a segment.
//
// A mapping is never taken away again while the process lives: the kernel walks the robust list at
// exit and must find the presence word mapped. Mapping the same file again gives the mapping that
// exists. Thread-safe. May block on the file system only. After fork the child uses the parent's
// mappings.
#pragma once

#include <fcntl.h>
#include <grp.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <boost/interprocess/exceptions.hpp>
#include <boost/interprocess/file_mapping.hpp>
#include <boost/interprocess/mapped_region.hpp>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <memory>
#include <string>

#include "slotd/error.hpp"
#include "slotd/futex.hpp"
#include "slotd/process_probe.hpp"
#include "slotd/segment_view.hpp"

namespace slotd::inline v0_1 {

inline constexpr const char* kSystemSegmentPath = "/run/slotd/segment";
inline constexpr const char* kSegmentVariable = "SLOTD_SEGMENT";

/// Where a user without root keeps a segment of its own: $XDG_RUNTIME_DIR/slotd/segment, else
/// /dev/shm/slotd-UID/segment.
inline std::string user_segment_path() {
  const char* runtime = std::getenv("XDG_RUNTIME_DIR");
  if (runtime != nullptr && runtime[0] == '/') return std::string(runtime) + "/slotd/segment";
  return "/dev/shm/slotd-" + std::to_string(::geteuid()) + "/segment";
}

/// The path that clients and tools use when none is given: $SLOTD_SEGMENT; the system's segment
/// where there is one (or for root); else the user's own.
inline std::string default_segment_path() {
  const char* given = std::getenv(kSegmentVariable);
  if (given != nullptr && given[0] != '\0') return given;
  struct stat status {};
  const bool absent =
      ::stat(kSystemSegmentPath, &status) != 0 && (errno == ENOENT || errno == ENOTDIR);
  if (::geteuid() == 0 || !absent) return kSystemSegmentPath;
  return user_segment_path();
}

/// The same path for a process that changes its directory.
inline std::string absolute_path(const std::string& path) {
  if (!path.empty() && path[0] == '/') return path;
  std::array<char, 4096> directory{};
  if (::getcwd(directory.data(), directory.size()) == nullptr) return path;
  return std::string(directory.data()) + "/" + path;
}

enum class Access : std::uint8_t { kReadOnly, kReadWrite };

/// A mapped file, or why there is none. `detail` is text for people: what was found and what to do.
struct OpenedSegment {
  Errc code = Errc::kOk;
  std::string detail;
  void* base = nullptr;
  std::uint64_t bytes = 0;
  Validation validation;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;

  /// Precondition: code is kOk.
  SegmentView view(Access access) const noexcept {
    return {base, validation.capacities, access == Access::kReadWrite};
  }
};

namespace detail {

/// Mappings of this process, newest first; append-only, so that readers need no lock and exit finds
/// them mapped.
struct MappingNode {
  boost::interprocess::mapped_region region;
  std::uint64_t device = 0;
  std::uint64_t inode = 0;
  Access access = Access::kReadOnly;
  MappingNode* next = nullptr;
};

inline std::atomic<MappingNode*>& mappings() noexcept {
  static std::atomic<MappingNode*> head{nullptr};
  return head;
}

inline MappingNode* find_mapping(const struct stat& status, Access access) noexcept {
  for (MappingNode* node = mappings().load(std::memory_order_acquire); node != nullptr;
       node = node->next) {
    if (node->device == status.st_dev && node->inode == status.st_ino && node->access == access &&
        node->region.get_size() == static_cast<std::size_t>(status.st_size)) {
      return node;
    }
  }
  return nullptr;
}

inline std::string group_name(gid_t gid) {
  std::array<char, 4096> buffer{};
  group entry{};
  group* found = nullptr;
  if (::getgrgid_r(gid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return found->gr_name;
  return "gid " + std::to_string(gid);
}

/// Who could open it: the group of the file, or of its directory when even that is closed.
inline std::string describe_permission(const std::string& path) {
  struct stat status {};
  std::string subject = path;
  if (::stat(path.c_str(), &status) != 0) {
    const std::size_t slash = path.rfind('/');
    subject = slash == std::string::npos || slash == 0 ? "/" : path.substr(0, slash);
    if (::stat(subject.c_str(), &status) != 0) return path + ": permission denied";
  }
  return subject + ": permission denied; it belongs to group '" + group_name(status.st_gid) +
         "': add the user to that group (usermod -aG GROUP USER, then log in again) or run as a "
         "member";
}

inline std::string describe_mismatch(const SegmentIdentity& found) {
  std::array<char, 192> text{};
  std::snprintf(text.data(), text.size(),
                "segment has layout %u, fingerprint %016llx; this program has layout %u, "
                "fingerprint %016llx: "
                "use the same slotd release on both sides",
                found.layout, static_cast<unsigned long long>(found.fingerprint), kLayout,
                static_cast<unsigned long long>(kFingerprint));
  return text.data();
}

inline std::string describe_validation(const Validation& validation, const BootId& boot_id) {
  switch (validation.code) {
    case Errc::kLayoutMismatch:
      return describe_mismatch(validation.identity);
    case Errc::kNotReady:
      return validation.identity.segment_id != 0 &&
                     is_other_boot(validation.identity.boot_id, boot_id)
                 ? "segment is of an earlier boot; the broker replaces it when it starts"
                 : "segment is being made";
    case Errc::kRetired:
      return "segment was replaced by the broker";
    case Errc::kCorrupt:
      return "segment header contradicts itself or the file's size; restart the broker to rebuild "
             "it";
    default:
      return {};
  }
}

inline OpenedSegment open_failure(int error, const std::string& path) {
  OpenedSegment result;
  switch (error) {
    case ENOENT:
    case ENOTDIR:
      result.code = Errc::kNoSegment;
      result.detail =
          path +
          ": no segment here; is slotd running? (--segment or SLOTD_SEGMENT name another one)";
      break;
    case EACCES:
    case EPERM:
    case EROFS:
      result.code = Errc::kPermissionDenied;
      result.detail = describe_permission(path);
      break;
    default:
      result.code = Errc::kSystem;
      result.detail = path + ": " + std::strerror(error);
      break;
  }
  return result;
}

/// Maps the open file, or finds the mapping that exists. Throws interprocess_exception.
inline MappingNode* map_file(const boost::interprocess::file_mapping& file,
                             const struct stat& status, Access access) {
  if (MappingNode* known = find_mapping(status, access)) return known;
  const auto mode = access == Access::kReadWrite ? boost::interprocess::read_write
                                                 : boost::interprocess::read_only;
  auto node = std::make_unique<MappingNode>();
  node->region =
      boost::interprocess::mapped_region(file, mode, 0, static_cast<std::size_t>(status.st_size));
  node->device = status.st_dev;
  node->inode = status.st_ino;
  node->access = access;
  node->next = mappings().load(std::memory_order_relaxed);
  while (!mappings().compare_exchange_weak(node->next, node.get(), std::memory_order_release,
                                           std::memory_order_relaxed)) {
  }
  return node.release();
}

}  // namespace detail

/// Maps a file without looking into it: for the creator, which passes /proc/self/fd/N. Everybody
/// else: open_segment().
inline OpenedSegment map_segment_file(const std::string& path, Access access) noexcept try {
  const auto mode = access == Access::kReadWrite ? boost::interprocess::read_write
                                                 : boost::interprocess::read_only;
  const boost::interprocess::file_mapping file(path.c_str(), mode);
  struct stat status {};
  if (::fstat(file.get_mapping_handle().handle, &status) != 0)
    return detail::open_failure(errno, path);
  OpenedSegment result;
  if (!S_ISREG(status.st_mode)) {
    result.code = Errc::kCorrupt;
    result.detail = path + ": not a regular file";
    return result;
  }
  if (status.st_size < static_cast<off_t>(kHeaderBytes)) {
    result.code = status.st_size == 0 ? Errc::kNotReady : Errc::kCorrupt;
    result.detail = path + ": file too small for a segment";
    return result;
  }
  detail::MappingNode* node = detail::map_file(file, status, access);
  result.base = node->region.get_address();
  result.bytes = node->region.get_size();
  result.device = node->device;
  result.inode = node->inode;
  return result;
} catch (const boost::interprocess::interprocess_exception& error) {
  return detail::open_failure(error.get_native_error(), path);
} catch (const std::exception& error) {
  OpenedSegment result;
  result.code = Errc::kSystem;
  result.detail = error.what();
  return result;
}

/// Are the keepers that watch over a retired segment to be woken?
enum class RetireNotice : std::uint8_t { kQuiet, kWake };

/// Marks a segment file as replaced, whatever state the file and its other mappings are in: through
/// a mapping of its own, gone again afterwards. For the owner. With kWake the keepers that watch
/// over it are woken: when there is a new segment to move to. False: not a file that can be mapped.
inline bool retire_segment_file(const std::string& path, RetireNotice notice) noexcept try {
  namespace ipc = boost::interprocess;
  const ipc::file_mapping file(path.c_str(), ipc::read_write);
  // By pwrite and not through the mapping: the file may be cut again at any moment. Eight aligned
  // bytes of a page are written as one.
  const auto retired = static_cast<std::uint64_t>(SegmentState::kRetired);
  if (::pwrite(file.get_mapping_handle().handle, &retired, sizeof(retired),
               offsetof(Header, state)) != sizeof(retired)) {
    return false;
  }
  if (notice == RetireNotice::kWake) {
    // The kernel needs an address to find the sleepers by; it is not touched here.
    const ipc::mapped_region region(file, ipc::read_only, 0, kHeaderBytes);
    const auto& state = static_cast<const Header*>(region.get_address())->state;
    futex_wake(reinterpret_cast<const std::uint32_t*>(&state), std::numeric_limits<int>::max(),
               FutexScope::kShared);
  }
  return true;
} catch (const std::exception&) {
  return false;
}

/// The place of a user's own segment must be that user's: anybody could have made a directory of
/// that name first.
inline bool is_foreign_user_place(const std::string& path) noexcept {
  if (path != user_segment_path()) return false;
  struct stat status {};
  const std::string directory = path.substr(0, path.rfind('/'));
  return ::lstat(directory.c_str(), &status) == 0 &&
         (!S_ISDIR(status.st_mode) || status.st_uid != ::geteuid());
}

/// Opens and checks the segment at `path`. kNoSegment, kPermissionDenied, kNotReady, kRetired,
/// kLayoutMismatch, kCorrupt, or kSystem, each with its detail. Never creates anything.
inline OpenedSegment open_segment(const std::string& path, Access access, const BootId& boot_id) {
  OpenedSegment opened;
  if (is_foreign_user_place(path)) {
    opened.code = Errc::kPermissionDenied;
    opened.detail =
        path + ": its directory belongs to another user; have it removed, or name another segment";
    return opened;
  }
  opened = map_segment_file(path, access);
  if (opened.code != Errc::kOk) return opened;
  opened.validation = validate_segment(opened.base, opened.bytes, boot_id);
  opened.code = opened.validation.code;
  if (opened.code != Errc::kOk)
    opened.detail = path + ": " + detail::describe_validation(opened.validation, boot_id);
  return opened;
}

/// Is this file on tmpfs? Elsewhere a segment works but its pages are written back to a disk.
inline bool is_on_tmpfs(const std::string& path) noexcept {
  constexpr long kTmpfsMagic = 0x01021994;
  struct statfs status {};
  return ::statfs(path.c_str(), &status) == 0 && status.f_type == kTmpfsMagic;
}

}  // namespace slotd::inline v0_1
