#include "broker/segment/owner_lock.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

namespace slotd::broker {

namespace {

constexpr const char* kLockRemedy =
    "; remove it, or keep the segment in a folder that only the broker's user may write";

std::string lock_path_of(const std::string& segment_path) { return segment_path + ".lock"; }

std::nullopt_t fail(OwnerFailure& failure, int exit_code, std::string message) {
  failure = {exit_code, std::move(message), false, false};
  return std::nullopt;
}

/// Another user's file could be locked by that user for ever.
bool is_own_plain_file(const UniqueFd& file) {
  struct stat status {};
  return ::fstat(file.get(), &status) == 0 && S_ISREG(status.st_mode) &&
         status.st_uid == ::geteuid() && (status.st_mode & 022U) == 0;
}

std::string read_holder(const UniqueFd& file) {
  std::array<char, 32> pid{};
  const ssize_t got = ::pread(file.get(), pid.data(), pid.size() - 1, 0);
  return got > 0 ? std::string(pid.data(), std::strcspn(pid.data(), "\n")) : "unknown";
}

bool try_note_pid(const UniqueFd& file) {
  const std::string pid = std::to_string(::getpid()) + "\n";
  return ::ftruncate(file.get(), 0) == 0 &&
         ::pwrite(file.get(), pid.data(), pid.size(), 0) == static_cast<ssize_t>(pid.size());
}

}  // namespace

std::optional<TakenLock> try_take_lock(const std::string& segment_path, OwnerFailure& failure) {
  const std::string path = lock_path_of(segment_path);
  TakenLock taken;
  taken.was_there = ::access(path.c_str(), F_OK) == 0;
  taken.file = UniqueFd(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!taken.file) {
    const bool is_forbidden = errno == EACCES || errno == EPERM || errno == ELOOP;
    return fail(failure, is_forbidden ? kExitPermission : kExitInternal,
                path + ": " + std::strerror(errno) + (is_forbidden ? kLockRemedy : ""));
  }
  if (!is_own_plain_file(taken.file)) {
    return fail(failure, kExitPermission,
                path + ": is not a plain file of the broker's user alone" + kLockRemedy);
  }
  if (::flock(taken.file.get(), LOCK_EX | LOCK_NB) != 0) {
    fail(failure, kExitNoSegment,
         segment_path + ": another broker owns this segment (pid " + read_holder(taken.file) +
             "); stop it first, or use another --segment");
    failure.lock_is_taken = true;
    return std::nullopt;
  }
  if (!is_lock_of(taken.file, segment_path)) {
    return fail(failure, kExitNoSegment,
                path + ": was replaced while it was being locked; start again");
  }
  if (!try_note_pid(taken.file))
    taken.note = path + ": cannot note the broker's pid: " + std::strerror(errno);
  return taken;
}

bool is_lock_of(const UniqueFd& lock, const std::string& segment_path) {
  struct stat ours {};
  struct stat named {};
  return ::fstat(lock.get(), &ours) == 0 &&
         ::stat(lock_path_of(segment_path).c_str(), &named) == 0 && ours.st_ino == named.st_ino &&
         ours.st_dev == named.st_dev;
}

}  // namespace slotd::broker
