// Asking the kernel about processes: pidfd, start time, namespaces, boot. The only file of the
// protocol that opens pidfds or reads /proc. parse_ functions are pure; probe_ functions change
// nothing and never block on another process.
//
// What counts as proof of death is decided by judge_process(), a pure function: unknown is alive.
#pragma once

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "slotd/clock.hpp"
#include "slotd/segment_view.hpp"

namespace slotd::inline v0_1 {

/// A file descriptor that closes itself.
class UniqueFd {
 public:
  UniqueFd() = default;
  explicit UniqueFd(int fd) noexcept : fd_(fd) {}
  UniqueFd(UniqueFd&& other) noexcept : fd_(other.release()) {}
  UniqueFd& operator=(UniqueFd&& other) noexcept {
    if (this != &other) {
      reset();
      fd_ = other.release();
    }
    return *this;
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  ~UniqueFd() { reset(); }

  int get() const noexcept { return fd_; }
  explicit operator bool() const noexcept { return fd_ >= 0; }
  int release() noexcept {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void reset() noexcept {
    if (fd_ >= 0) ::close(fd_);
    fd_ = -1;
  }

 private:
  int fd_ = -1;
};

/// Reads a small file whole into a buffer and NUL-terminates it; returns the length, or -1 with
/// errno set.
template <std::size_t N>
int read_small_file(const char* path, std::array<char, N>& buffer) noexcept {
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return -1;
  std::size_t used = 0;
  while (used < N - 1) {
    const ssize_t got = ::read(fd.get(), buffer.data() + used, N - 1 - used);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return -1;
    if (got == 0) break;
    used += static_cast<std::size_t>(got);
  }
  buffer[used] = '\0';
  return static_cast<int>(used);
}

/// Field 22 (start time, clock ticks since boot) of /proc/PID/stat; 0 when the text is not one. The
/// command name may hold anything, so fields are counted after the last ')'. Pure.
inline std::uint64_t parse_start_ticks(const char* stat) noexcept {
  const char* at = std::strrchr(stat, ')');
  if (at == nullptr) return 0;
  ++at;
  for (int field = 2; field < 22; ++field) {
    at = std::strchr(at, ' ');
    if (at == nullptr) return 0;
    ++at;
    if (field == 21) return std::strtoull(at, nullptr, 10);
  }
  return 0;
}

/// The start time of a process of one's own PID namespace, 0 = unknown (gone, hidden, or /proc is
/// another namespace's).
inline std::uint64_t read_start_ticks(int pid) noexcept {
  std::array<char, 64> path{};
  std::array<char, 1024> text{};
  std::snprintf(path.data(), path.size(), "/proc/%d/stat", pid);
  return read_small_file(path.data(), text) > 0 ? parse_start_ticks(text.data()) : 0;
}

inline std::uint64_t read_inode(const char* path) noexcept {
  struct stat status {};
  return ::stat(path, &status) == 0 ? static_cast<std::uint64_t>(status.st_ino) : 0;
}

using ProcessName = std::array<char, 16>;

/// Command name of a process of one's own PID namespace; empty = unknown. Untrusted bytes.
inline ProcessName read_process_name(int pid) noexcept {
  std::array<char, 64> path{};
  std::array<char, 32> text{};
  ProcessName name{};
  std::snprintf(path.data(), path.size(), "/proc/%d/comm", pid);
  const int got = read_small_file(path.data(), text);
  for (int i = 0; i < got && i < 15 && text[static_cast<std::size_t>(i)] != '\n'; ++i) {
    name[static_cast<std::size_t>(i)] = text[static_cast<std::size_t>(i)];
  }
  return name;
}

/// Effective user id of a process of one's own PID namespace; all ones = unknown.
inline std::uint64_t read_process_uid(int pid) noexcept {
  std::array<char, 64> path{};
  std::snprintf(path.data(), path.size(), "/proc/%d", pid);
  struct stat status {};
  return ::stat(path.data(), &status) == 0 ? status.st_uid : ~std::uint64_t{0};
}

/// Who and where the calling process is. Read once at attach, by the process itself.
struct SelfIdentity {
  int pid = 0;
  std::uint32_t pid_ns_inode = 0;   ///< 0 = unknown; then nobody can be judged by pid
  std::uint64_t time_ns_inode = 0;  ///< 0 = unknown
  std::uint64_t start_ticks = 0;
  std::uint64_t uid = 0;
  std::int64_t clock_offset_ns = 0;
  ProcessName name{};
  bool proc_is_own =
      false;  ///< /proc shows the caller's own PID namespace, so pids in it mean what they say
};

inline SelfIdentity read_self_identity() noexcept {
  SelfIdentity self;
  self.pid = ::getpid();
  self.uid = ::geteuid();
  self.pid_ns_inode = static_cast<std::uint32_t>(read_inode("/proc/self/ns/pid"));
  self.time_ns_inode = read_inode("/proc/self/ns/time");
  std::array<char, 32> link{};
  const ssize_t length = ::readlink("/proc/self", link.data(), link.size() - 1);
  self.proc_is_own = length > 0 && std::atoi(link.data()) == self.pid;
  if (self.proc_is_own) self.start_ticks = read_start_ticks(self.pid);
  std::array<char, 256> offsets{};
  // The offsets are those of one's children's namespace: one's own only where both are the same.
  const bool own_offsets = self.time_ns_inode != 0 &&
                           read_inode("/proc/self/ns/time_for_children") == self.time_ns_inode;
  if (own_offsets && read_small_file("/proc/self/timens_offsets", offsets) > 0) {
    self.clock_offset_ns = parse_time_namespace_offset_ns(offsets.data());
  }
  if (self.proc_is_own) self.name = read_process_name(self.pid);
  return self;
}

/// Is the file another one that was mounted over /proc's? Containers of some kinds are given a boot
/// id of their own.
inline bool is_mounted_over(const char* path) noexcept {
  struct stat file {};
  struct stat proc {};
  return ::stat(path, &file) == 0 && ::stat("/proc", &proc) == 0 && file.st_dev != proc.st_dev;
}

/// Identity of this boot; all zero where the kernel does not tell, or a container is told something
/// else: then it is unknown, and taken for the same as any.
inline BootId read_boot_id() noexcept {
  BootId id{};
  std::array<char, 64> text{};
  if (is_mounted_over("/proc/sys/kernel/random/boot_id")) return id;
  if (read_small_file("/proc/sys/kernel/random/boot_id", text) <= 0) return id;
  unsigned nibbles = 0;
  for (const char* at = text.data(); *at != '\0' && nibbles < 32; ++at) {
    const bool digit = *at >= '0' && *at <= '9';
    if (!digit && !(*at >= 'a' && *at <= 'f')) continue;
    id[nibbles / 16] =
        (id[nibbles / 16] << 4) | static_cast<std::uint64_t>(digit ? *at - '0' : *at - 'a' + 10);
    ++nibbles;
  }
  return id;
}

/// A pidfd (close-on-exec), or an invalid one with errno set: ESRCH = no such process, EPERM =
/// forbidden by a filter.
inline UniqueFd open_pidfd(int pid) noexcept {
  return UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0U)));
}

/// True when the process behind the pidfd has exited (zombies included). Never blocks.
inline bool probe_exited(int pidfd) noexcept {
  pollfd entry{pidfd, POLLIN, 0};
  return ::poll(&entry, 1, 0) == 1 && (entry.revents & (POLLIN | POLLHUP)) != 0;
}

enum class Life : std::uint8_t { kAlive, kDead };

/// What one look at a pid showed.
/// Does this errno of pidfd_open(pid, 0) prove that no process has the number? ESRCH: nothing has
/// it. ENOENT, and EINVAL before Linux 6.9: a thread has it that is not the first of its process,
/// so the process that had it is gone with all its threads. Everything else (EPERM, ENOSYS, out of
/// descriptors) says nothing. Precondition: the pid was above 0.
constexpr bool names_no_process(int error) noexcept {
  return error == ESRCH || error == ENOENT || error == EINVAL;
}

struct PidEvidence {
  bool opened = false;   ///< pidfd_open gave a descriptor
  bool no_such = false;  ///< pidfd_open said that no process has the number
  bool exited = false;   ///< the descriptor was readable
  std::uint64_t start_ticks =
      0;  ///< read while the descriptor was open and not readable afterwards; 0 = unknown
};

/// Is the process that was noted as (expected_start_ticks) under this pid dead? 0 = start time not
/// known or not comparable. Only positive evidence counts. Pure.
constexpr Life judge_process(const PidEvidence& evidence,
                             std::uint64_t expected_start_ticks) noexcept {
  if (evidence.no_such) return Life::kDead;
  if (!evidence.opened) return Life::kAlive;
  if (evidence.exited) return Life::kDead;
  const bool comparable = expected_start_ticks != 0 && evidence.start_ticks != 0;
  return comparable && evidence.start_ticks != expected_start_ticks ? Life::kDead : Life::kAlive;
}

/// Looks at a pid of the caller's own PID namespace. Opens and closes one pidfd.
inline PidEvidence probe_pid(int pid, bool proc_is_own) noexcept {
  PidEvidence evidence;
  const UniqueFd fd = open_pidfd(pid);
  if (!fd) {
    evidence.no_such = pid > 0 && names_no_process(errno);
    return evidence;
  }
  evidence.opened = true;
  const std::uint64_t start = proc_is_own ? read_start_ticks(pid) : 0;
  evidence.exited = probe_exited(fd.get());
  if (!evidence.exited) evidence.start_ticks = start;
  return evidence;
}

}  // namespace slotd::inline v0_1
