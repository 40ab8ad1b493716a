// What `doctor` knows when it judges: plain values, gathered by segment_probe and host_probe,
// judged by checks. Thread-safe.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "slotd/error.hpp"

namespace slotd::ctl {

/// A file or a folder as stat shows it.
struct FileFacts {
  bool exists = false;
  bool is_regular = false;
  mode_t mode = 0;  ///< permission bits, the sticky one included
  uid_t uid = 0;
  gid_t gid = 0;
  std::uint64_t bytes = 0;
  bool is_on_tmpfs = false;
  std::string owner;  ///< name, or the number where there is none
  std::string group;
};

/// Who runs slotctl.
struct CallerFacts {
  uid_t uid = 0;
  std::string name;
  std::vector<gid_t> groups;        ///< of this session, the effective one included
  bool is_listed_in_group = false;  ///< of the segment, in the user database
};

/// The segment under its path, and how it lets itself be opened.
struct SegmentFacts {
  std::string path;
  FileFacts file;
  FileFacts folder;
  Errc read_code = Errc::kNoSegment;
  std::string read_detail;
  Errc write_code = Errc::kNoSegment;
};

/// The broker as its words in the segment show it.
struct BrokerFacts {
  bool is_registered = false;  ///< one has ever served this segment
  bool has_presence = false;   ///< its kernel-held word says that it lives
  int pid = 0;
  std::string version;
  double heartbeat_age_s = -1;  ///< below 0: it never beat
  double interval_s = 0;
};

/// A slot word that contradicts the rules of the segment in two looks.
struct Contradiction {
  std::uint32_t slot = 0;
  std::string what;
};

struct DebtFacts {
  std::string name;  ///< of a type, or "group" and its name; untrusted bytes
  std::uint64_t in_use = 0;
  std::uint32_t limit = 0;
};

/// What is in a segment that could be opened. Names are untrusted bytes.
struct LedgerFacts {
  BrokerFacts broker;
  std::uint32_t slots = 0;
  std::uint32_t slots_held = 0;
  std::uint32_t processes = 0;
  std::uint32_t processes_used = 0;
  std::vector<std::uint32_t> dead_slots;  ///< words that dead owners have left behind
  std::vector<Contradiction> contradictions;
  std::uint32_t invalid_entries = 0;  ///< process entries whose words contradict each other
  std::uint64_t capacity_micro = 0;
  bool is_node_drained = false;
  bool is_settling = false;       ///< rebuilt, and drained until its holders are back
  bool is_settling_over = false;  ///< but for longer than that can take
  std::vector<std::string> drained_types;
  std::vector<std::string> overridden_types;
  std::vector<DebtFacts> debts;
  std::vector<std::string> unreadable_groups;  ///< counts from outside that cannot be read
};

enum class FutexWaitv { kPresent, kAbsent, kForbidden };

/// What the kernel, the control groups and the configuration of the host say.
struct HostFacts {
  std::uint32_t online_cpus = 0;
  std::uint32_t allowed_cpus = 0;            ///< affinity of the broker, else of slotctl
  std::optional<std::uint64_t> quota_micro;  ///< of its control group or one above; none: no quota
  FutexWaitv futex_waitv = FutexWaitv::kPresent;
  bool has_logind = false;
  std::optional<bool> remove_ipc;        ///< as logind.conf says; none: not said, that is yes
  std::string remove_ipc_file;           ///< which said so
  bool owner_lingers = false;            ///< the segment's owner is kept logged in
  std::optional<int> protected_regular;  ///< fs.protected_regular; none: cannot be read
  bool are_processes_hidden = false;     ///< /proc shows no process of another user
};

struct DoctorFacts {
  SegmentFacts segment;
  CallerFacts caller;
  std::optional<LedgerFacts> ledger;  ///< none when the segment could not be opened
  HostFacts host;
};

}  // namespace slotd::ctl
