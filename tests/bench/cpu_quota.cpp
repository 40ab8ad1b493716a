#include "tests/bench/cpu_quota.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "tests/support/broker_process.hpp"

namespace slotd::bench {

namespace {

struct Root {
  const char* path;
  bool is_version_1;
};

constexpr Root kRoots[] = {
    {"/sys/fs/cgroup/cpu", true}, {"/sys/fs/cgroup/cpu,cpuacct", true}, {"/sys/fs/cgroup", false}};
constexpr const char* kPeriodUs = "10000";
constexpr const char* kTightUs = "1000";
/// A hundred processors. Wide rather than none at all: the kernel would rewrite its own code
/// whenever the first quota comes or the last one goes, and that can be felt everywhere.
constexpr const char* kWideUs = "1000000";

std::string name_group(const Root& root, pid_t maker) {
  return std::string(root.path) + "/slotd-bench-" + std::to_string(maker);
}

bool write_file(const std::string& path, std::string_view text) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return false;
  const bool is_written =
      ::write(fd, text.data(), text.size()) == static_cast<ssize_t>(text.size());
  ::close(fd);
  return is_written;
}

}  // namespace

CpuQuota::CpuQuota() {
  for (const Root& root : kRoots) {
    path_ = name_group(root, ::getpid());
    is_version_1_ = root.is_version_1;
    if (::mkdir(path_.c_str(), 0755) != 0) continue;
    const bool has_period = !is_version_1_ || write_file(path_ + "/cpu.cfs_period_us", kPeriodUs);
    if (has_period && tighten() && widen()) return;
    ::rmdir(path_.c_str());
  }
  path_.clear();
}

CpuQuota::~CpuQuota() {
  if (!is_usable()) return;
  testing::wait_until([this] { return ::rmdir(path_.c_str()) == 0 || errno != EBUSY; });
}

bool CpuQuota::add(pid_t pid) const {
  return write_file(path_ + "/cgroup.procs", std::to_string(pid));
}

bool CpuQuota::tighten() const { return set(kTightUs); }

// Under a group that has a quota itself none can be wider than that one: then none at all.
bool CpuQuota::widen() const { return set(kWideUs) || set(is_version_1_ ? "-1" : "max"); }

bool CpuQuota::set(const char* quota_us) const {
  if (is_version_1_) return write_file(path_ + "/cpu.cfs_quota_us", quota_us);
  return write_file(path_ + "/cpu.max", std::string(quota_us) + " " + kPeriodUs);
}

unsigned long CpuQuota::count_throttled() const {
  const std::string text = testing::read_text(path_ + "/cpu.stat");
  const std::string key = "nr_throttled ";
  const std::size_t at = text.find(key);
  return at == std::string::npos ? 0 : std::strtoul(text.c_str() + at + key.size(), nullptr, 10);
}

void remove_cpu_groups(pid_t maker) noexcept {
  for (const Root& root : kRoots) ::rmdir(name_group(root, maker).c_str());
}

}  // namespace slotd::bench
