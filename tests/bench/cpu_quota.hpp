// A control group whose CPU quota can be made tight and wide again: version 1 or 2, at the root of
// what this process sees. One thread.
#pragma once

#include <sys/types.h>

#include <string>

namespace slotd::bench {

class CpuQuota {
 public:
  static constexpr const char* kWords = "a CPU quota of a control group, 1 ms in 10 ms";

  /// Makes the group, with a quota that limits nobody. Not usable: that is not permitted here.
  CpuQuota();
  /// Removes the group, when the processes in it have ended.
  ~CpuQuota();
  CpuQuota(const CpuQuota&) = delete;
  CpuQuota& operator=(const CpuQuota&) = delete;

  bool is_usable() const noexcept { return !path_.empty(); }
  /// False: the process may not be put into it.
  bool add(pid_t pid) const;
  /// A millisecond of CPU in ten.
  bool tighten() const;
  bool widen() const;
  /// How often processes in it had to stand still.
  unsigned long count_throttled() const;

 private:
  bool set(const char* quota_us) const;

  std::string path_;
  bool is_version_1_ = false;
};

/// Removes what that process made and could not remove, since it was killed.
void remove_cpu_groups(pid_t maker) noexcept;

}  // namespace slotd::bench
