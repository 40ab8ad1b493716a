#include "tools/slotctl/doctor/segment_probe.hpp"

#include <grp.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <thread>

#include "slotd/segment.hpp"
#include "slotd/snapshot.hpp"
#include "tools/slotctl/doctor/host_probe.hpp"
#include "tools/slotctl/refusal.hpp"
#include "tools/slotctl/segment_access.hpp"

namespace slotd::ctl {

namespace {

/// Between two looks at what seems wrong: a claim that was under way has gone on by then.
constexpr std::chrono::milliseconds kSecondLook{20};

std::string user_name(uid_t uid) {
  std::array<char, 4096> buffer{};
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == 0 && found != nullptr)
    return found->pw_name;
  return "uid " + std::to_string(uid);
}

FileFacts read_file_facts(const std::string& path) {
  FileFacts facts;
  struct stat status {};
  if (::stat(path.c_str(), &status) != 0) return facts;
  facts.exists = true;
  facts.is_regular = S_ISREG(status.st_mode);
  facts.mode = status.st_mode & 07777U;
  facts.uid = status.st_uid;
  facts.gid = status.st_gid;
  facts.bytes = static_cast<std::uint64_t>(status.st_size);
  facts.is_on_tmpfs = is_on_tmpfs(path);
  facts.owner = user_name(status.st_uid);
  facts.group = detail::group_name(status.st_gid);
  return facts;
}

std::string folder_of(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  if (slash == std::string::npos) return ".";
  return slash == 0 ? "/" : path.substr(0, slash);
}

bool is_listed(const std::string& user, uid_t uid, gid_t group) {
  std::array<char, 16384> buffer{};
  passwd account{};
  passwd* known = nullptr;
  if (::getpwuid_r(uid, &account, buffer.data(), buffer.size(), &known) == 0 && known != nullptr &&
      known->pw_gid == group) {
    return true;
  }
  struct group entry {};
  struct group* found = nullptr;
  if (::getgrgid_r(group, &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr)
    return false;
  for (char** member = found->gr_mem; *member != nullptr; ++member) {
    if (user == *member) return true;
  }
  return false;
}

struct Suspect {
  std::uint64_t raw = 0;
  std::string what;
};

/// What is wrong with a slot word, empty where nothing is.
std::string judge_word(const ProcessTable& processes, SlotWord word, std::uint32_t slot) {
  const SegmentView& view = processes.view();
  if (word.is_free()) return word.is_valid() ? "" : "is free, and not empty";
  if (word.state() > SlotState::kEnding) return "has a state that does not exist";
  if (!processes.is_index(word.owner())) return "names a process entry that does not exist";
  if (view.process(word.owner()).attach.load(std::memory_order_seq_cst) == 0)
    return "names a process entry that was never used";
  if (word.is_counted() && slot >= view.mark()) return "lies above the mark: claims do not see it";
  const std::uint64_t epoch = view.header().config_epoch.load(std::memory_order_acquire);
  if (word.type() >= view.config(epoch).type_count.get()) return "is of a type that does not exist";
  return {};
}

std::map<std::uint32_t, Suspect> find_suspects(const ProcessTable& processes) {
  std::map<std::uint32_t, Suspect> suspects;
  for (std::uint32_t slot = 0; slot < processes.view().slot_count(); ++slot) {
    const SlotWord word{processes.view().word(slot).load(std::memory_order_seq_cst)};
    const std::string what = judge_word(processes, word, slot);
    if (!what.empty()) suspects[slot] = {word.raw, what};
  }
  return suspects;
}

/// Two held slots of one key, and words that are wrong in two looks.
std::vector<Contradiction> find_contradictions(const ProcessTable& processes,
                                               const Snapshot& snapshot) {
  std::vector<Contradiction> found;
  const auto first = find_suspects(processes);
  if (!first.empty()) {
    std::this_thread::sleep_for(kSecondLook);
    for (const auto& [slot, suspect] : find_suspects(processes)) {
      const auto before = first.find(slot);
      if (before != first.end() && before->second.raw == suspect.raw)
        found.push_back({slot, suspect.what});
    }
  }
  std::map<std::string, std::uint32_t> keys;
  for (const SlotSnapshot& slot : snapshot.slots) {
    if (slot.key.empty()) continue;
    const auto [at, is_new] = keys.emplace(slot.key, slot.slot);
    if (!is_new)
      found.push_back({slot.slot, "has the same key as slot " + std::to_string(at->second)});
  }
  return found;
}

std::uint32_t count_invalid_entries(const ProcessTable& processes) {
  const auto count = [&processes] {
    std::uint32_t invalid = 0;
    for (std::uint32_t index = 1; index <= processes.view().process_count(); ++index) {
      const ProcessEntry& entry = processes.view().process(index);
      const std::uint64_t attach = entry.attach.load(std::memory_order_seq_cst);
      const Reservation reservation{entry.reservation.load(std::memory_order_seq_cst)};
      if (judge_phase(reservation, attach) == EntryPhase::kInvalid) ++invalid;
    }
    return invalid;
  };
  // One alone may be a torn look at an entry that is just changing.
  const std::uint32_t first = count();
  if (first == 0) return 0;
  std::this_thread::sleep_for(kSecondLook);
  return std::min(first, count());
}

BrokerFacts read_broker_facts(const ProcessTable& processes, const Snapshot& snapshot) {
  const SegmentView& view = processes.view();
  BrokerFacts facts;
  facts.version = snapshot.broker.version;
  facts.heartbeat_age_s = snapshot.broker.sample_age_s;
  const std::uint64_t epoch = view.header().config_epoch.load(std::memory_order_acquire);
  facts.interval_s = view.config(epoch).sample_interval_ms.get() / 1e3;
  const ProcessRef broker =
      unpack_process_ref(view.header().broker.load(std::memory_order_acquire));
  facts.is_registered = processes.is_index(broker.index);
  if (!facts.is_registered) return facts;
  const ProcessEntry& entry = view.process(broker.index);
  const bool is_tenant = entry.attach.load(std::memory_order_acquire) == broker.attach;
  const std::uint64_t presence = entry.presence.load(std::memory_order_acquire);
  facts.has_presence =
      is_tenant && read_presence_value(presence, broker.attach) == PresenceState::kAlive;
  const Reservation reservation{entry.reservation.load(std::memory_order_acquire)};
  if (facts.has_presence) facts.pid = static_cast<int>(reservation.pid());
  return facts;
}

/// The broker's pid where it is one of this PID namespace, else 0.
int visible_broker_pid(const ProcessTable& processes, const BrokerFacts& broker) {
  if (!broker.has_presence) return 0;
  const SegmentView& view = processes.view();
  const ProcessRef ref = unpack_process_ref(view.header().broker.load(std::memory_order_acquire));
  if (!processes.is_index(ref.index)) return 0;  // scribbled over since it was looked at
  const Reservation reservation{
      view.process(ref.index).reservation.load(std::memory_order_acquire)};
  return reservation.pid_ns_inode() == processes.self().pid_ns_inode ? broker.pid : 0;
}

void read_rules(const ProcessTable& processes, const Snapshot& snapshot, LedgerFacts& facts) {
  const SegmentView& view = processes.view();
  const std::uint64_t drain = view.header().drain.load(std::memory_order_seq_cst);
  facts.is_node_drained = (drain & kDrainAll) != 0;
  facts.is_settling = (drain & kDrainRebuild) != 0;
  facts.is_settling_over = is_settling_overdue(processes);
  for (std::uint32_t type = 0; type < kMaxTypes; ++type) {
    if (((drain >> type) & 1U) != 0) facts.drained_types.push_back(read_type_name(view, type));
  }
  for (const TypeSnapshot& type : snapshot.types) {
    if (!type.counts_as.empty()) continue;  // its limit is the other one's
    if (type.overridden) facts.overridden_types.push_back(type.name);
    if (type.limit != kNoLimit && type.in_use > type.limit)
      facts.debts.push_back({type.name, type.in_use, type.limit});
  }
  for (const GroupSnapshot& group : snapshot.groups) {
    if (group.external_unreadable) facts.unreadable_groups.push_back(group.name);
    if (group.limit != kNoLimit && group.in_use > group.limit)
      facts.debts.push_back({"group " + group.name, group.in_use, group.limit});
  }
}

}  // namespace

SegmentFacts read_segment_facts(const std::string& path) {
  SegmentFacts facts;
  facts.path = path;
  facts.file = read_file_facts(path);
  facts.folder = read_file_facts(folder_of(path));
  const OpenedSegment opened = open_segment(path, Access::kReadOnly, read_boot_id());
  facts.read_code = opened.code;
  facts.read_detail = opened.detail;
  facts.write_code = open_segment(path, Access::kReadWrite, read_boot_id()).code;
  return facts;
}

CallerFacts read_caller_facts(gid_t group) {
  CallerFacts facts;
  facts.uid = ::geteuid();
  facts.name = user_name(facts.uid);
  const int count = ::getgroups(0, nullptr);
  if (count > 0) {
    facts.groups.resize(static_cast<std::size_t>(count));
    const int got = ::getgroups(count, facts.groups.data());
    facts.groups.resize(static_cast<std::size_t>(std::max(got, 0)));
  }
  facts.groups.push_back(::getegid());
  facts.is_listed_in_group = is_listed(facts.name, facts.uid, group);
  return facts;
}

bool is_left_by_the_dead(const ProcessTable& processes, std::uint32_t slot) {
  const std::atomic<std::uint64_t>& cell = processes.view().word(slot);
  const SlotWord first{cell.load(std::memory_order_acquire)};
  if (first.is_free() || !processes.is_index(first.owner())) return false;
  // Attach number, word, presence: in this order, as for those who free it.
  const ProcessEntry& entry = processes.view().process(first.owner());
  const std::uint64_t attach = entry.attach.load(std::memory_order_seq_cst);
  const SlotWord word{cell.load(std::memory_order_seq_cst)};
  if (word.is_free() || word.owner() != first.owner()) return false;
  return processes.is_freeable(word, slot, {first.owner(), attach}, ProbeMode::kPidfd) &&
         entry.attach.load(std::memory_order_seq_cst) == attach;
}

bool is_settling_overdue(const ProcessTable& processes) {
  const Header& header = processes.view().header();
  const std::uint64_t end_ns = header.created_at_ns.get() + kLongestSettlingNs;
  return (header.drain.load(std::memory_order_acquire) & kDrainRebuild) != 0 &&
         processes.is_broker_down() && processes.clock().coarse_ns() >= end_ns;
}

LedgerFacts read_ledger_facts(const ProcessTable& processes) {
  const SegmentView& view = processes.view();
  const Snapshot snapshot = read_snapshot(processes);
  LedgerFacts facts;
  facts.broker = read_broker_facts(processes, snapshot);
  facts.slots = view.slot_count();
  facts.slots_held = static_cast<std::uint32_t>(snapshot.slots.size());
  facts.processes = view.process_count();
  facts.processes_used = static_cast<std::uint32_t>(snapshot.processes.size());
  for (std::uint32_t slot = 0; slot < view.slot_count(); ++slot) {
    if (is_left_by_the_dead(processes, slot)) facts.dead_slots.push_back(slot);
  }
  facts.contradictions = find_contradictions(processes, snapshot);
  facts.invalid_entries = count_invalid_entries(processes);
  facts.capacity_micro = snapshot.capacity_micro;
  read_rules(processes, snapshot, facts);
  return facts;
}

DoctorFacts read_doctor_facts(const GlobalOptions& options) {
  DoctorFacts facts;
  facts.segment = read_segment_facts(segment_path_of(options));
  facts.caller = read_caller_facts(facts.segment.file.gid);
  int broker_pid = 0;
  if (facts.segment.read_code == Errc::kOk) {
    const ProcessTable processes = open_for_reading(options);
    facts.ledger = read_ledger_facts(processes);
    broker_pid = visible_broker_pid(processes, facts.ledger->broker);
  }
  facts.host = read_host_facts(HostPaths{}, broker_pid, facts.segment.file.owner);
  return facts;
}

}  // namespace slotd::ctl
