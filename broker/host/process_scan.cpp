#include "broker/host/process_scan.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <limits>
#include <string_view>
#include <utility>

#include "broker/host/text_scan.hpp"
#include "slotd/clock.hpp"
#include "slotd/process_probe.hpp"

namespace slotd::broker {

namespace {

/// More than any host has processes; only a made-up folder holds more.
constexpr std::size_t kMostProcesses = std::size_t{1} << 18;
constexpr int kMostThreads = 64;

bool is_number(const char* name) { return name[0] >= '1' && name[0] <= '9'; }

/// 0 for a name that is no pid.
int parse_name(const char* name) {
  const auto value = parse_count(name);
  return value && *value <= std::numeric_limits<int>::max() ? static_cast<int>(*value) : 0;
}

std::optional<ProcessStat> read_stat(int folder, const char* name) {
  std::array<char, 32> path{};
  const std::size_t length = ::strnlen(name, path.size());
  constexpr std::string_view kFile = "/stat";
  if (length + kFile.size() >= path.size()) return std::nullopt;
  std::memcpy(path.data(), name, length);
  std::memcpy(path.data() + length, kFile.data(), kFile.size());
  const UniqueFd fd(::openat(folder, path.data(), O_RDONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  // One read is the whole text: fifty numbers and a name of at most 64 bytes.
  std::array<char, 2048> text;
  const ssize_t got = ::read(fd.get(), text.data(), text.size());
  if (got <= 0) return std::nullopt;
  return parse_process_stat({text.data(), static_cast<std::size_t>(got)});
}

}  // namespace

bool ProcessScanner::rewind() {
  if (folder_ != nullptr) {
    ::rewinddir(folder_.get());
    return true;
  }
  if (proc_ == "/proc") {
    // Pids of another namespace's /proc would name other processes here.
    std::array<char, 32> link{};
    const ssize_t length = ::readlink("/proc/self", link.data(), link.size() - 1);
    if (length <= 0 || std::to_string(::getpid()) != link.data()) return false;
  }
  folder_.reset(::opendir(proc_.c_str()));
  return folder_ != nullptr;
}

void ProcessScanner::add(const dirent& entry, std::span<const int> fresh, std::size_t& old_at) {
  const int pid = parse_name(entry.d_name);
  if (pid == 0) return;
  // The kernel lists in the order of the pids, as the last time.
  while (old_at < old_processes_.size() && old_processes_[old_at].pid < pid) ++old_at;
  const bool known = old_at < old_processes_.size() && old_processes_[old_at].pid == pid &&
                     old_entries_[old_at].inode == entry.d_ino;
  if (known && (pid + round_) % kPatience != 0 &&
      !std::binary_search(fresh.begin(), fresh.end(), pid)) {
    processes_.push_back(old_processes_[old_at]);
    entries_.push_back({entry.d_ino, false});
  } else if (auto stat = read_stat(::dirfd(folder_.get()), entry.d_name)) {
    processes_.push_back(*stat);
    entries_.push_back({entry.d_ino, true});
  }
}

const std::vector<ProcessStat>* ProcessScanner::read(std::span<const int> fresh) {
  std::swap(processes_, old_processes_);
  std::swap(entries_, old_entries_);
  processes_.clear();
  entries_.clear();
  if (!rewind()) return nullptr;
  round_ = (round_ + 1) % kPatience;
  std::size_t old_at = 0;
  bool sorted = true;
  while (const dirent* entry = ::readdir(folder_.get())) {
    if (!is_number(entry->d_name) || processes_.size() >= kMostProcesses) continue;
    add(*entry, fresh, old_at);
    const std::size_t count = processes_.size();
    sorted = sorted && (count < 2 || processes_[count - 2].pid < processes_[count - 1].pid);
  }
  if (!sorted) sort_by_pid();
  return &processes_;
}

/// Never on a kernel's /proc; other file systems list in any order, and then everything is read.
void ProcessScanner::sort_by_pid() {
  for (std::size_t place = 0; place < processes_.size(); ++place) refresh(place);
  std::sort(processes_.begin(), processes_.end(),
            [](const ProcessStat& a, const ProcessStat& b) { return a.pid < b.pid; });
  processes_.erase(
      std::unique(processes_.begin(), processes_.end(),
                  [](const ProcessStat& a, const ProcessStat& b) { return a.pid == b.pid; }),
      processes_.end());
  entries_.assign(processes_.size(), Entry{0, true});
}

bool ProcessScanner::refresh(std::size_t place) {
  if (entries_[place].fresh) return true;
  ProcessStat& known = processes_[place];
  const auto stat = read_stat(::dirfd(folder_.get()), std::to_string(known.pid).c_str());
  if (!stat || stat->pid != known.pid || stat->start_ticks != known.start_ticks) return false;
  known = *stat;
  entries_[place].fresh = true;
  return true;
}

std::uint64_t ProcessScanner::read_rss_of_threads(int pid) const {
  const Folder tasks(::opendir((proc_ + "/" + std::to_string(pid) + "/task").c_str()));
  if (tasks == nullptr) return 0;
  for (int looked = 0; looked < kMostThreads;) {
    const dirent* entry = ::readdir(tasks.get());
    if (entry == nullptr) break;
    if (!is_number(entry->d_name)) continue;
    ++looked;
    const auto stat = read_stat(::dirfd(tasks.get()), entry->d_name);
    if (stat && stat->rss_pages > 0) return stat->rss_pages;
  }
  return 0;
}

std::optional<std::uint64_t> read_process_clock_ns(int pid) {
  // clockid_t of a process, as clock_getcpuclockid() makes it; that one asks the kernel once more.
  const auto id = static_cast<clockid_t>((~static_cast<unsigned>(pid) << 3) | 2U);
  timespec used{};
  if (pid <= 0 || ::clock_gettime(id, &used) != 0 || used.tv_sec < 0) return std::nullopt;
  return static_cast<std::uint64_t>(used.tv_sec) * kNsPerSecond +
         static_cast<std::uint64_t>(used.tv_nsec);
}

}  // namespace slotd::broker
