// Finding a claim by its key, and giving one to a process by its pid. Included by attachment.hpp,
// which has the contract.
#pragma once

#include "slotd/attachment.hpp"

namespace slotd::inline v0_1 {

inline std::optional<HeldSlot> Attachment::find_key(std::string_view key) const noexcept {
  constexpr int kAttempts = 8;  // changes of owner between the look at the word and at the record
  const KeyQuery query{key, key_fingerprint(key)};
  for (std::uint32_t slot = 0; slot < view().mark(); ++slot) {
    for (int attempt = 0; attempt < kAttempts; ++attempt) {
      const SlotWord word{view().word(slot).load(std::memory_order_acquire)};
      if (!word.is_held() || !has_key(view(), slot, word, query, RecordTrust::kPossible)) break;
      const std::uint64_t nonce = view().record(slot).nonce.get();
      if (is_record_of(view(), slot, word, RecordTrust::kCertain)) {
        return HeldSlot{slot, word.generation(), nonce};
      }
    }
  }
  return std::nullopt;
}

/// An entry that already stands for this process: its own attachment if it has one, else one made
/// for it by pid.
inline ProcessRef Attachment::find_owner(int pid, std::uint64_t start_ticks) const noexcept {
  ProcessRef by_pid;
  for (std::uint32_t index = 1; index <= view().process_count(); ++index) {
    const ProcessRef tenant = processes_.find_tenant(index);
    if (!tenant || !processes_.is_process(tenant, pid, start_ticks)) continue;
    const PresenceState presence = read_presence_value(
        view().process(index).presence.load(std::memory_order_acquire), tenant.attach);
    if (presence == PresenceState::kMarked) continue;
    if (presence == PresenceState::kAlive) return tenant;
    // Unarmed otherwise: a process that is just attaching, or gave up doing so.
    if (!by_pid && processes_.is_made_by_pid(tenant)) by_pid = tenant;
  }
  return by_pid;
}

/// Why a pid could not be opened. Only two answers say that there is no such process; the rest say
/// nothing of its life.
constexpr Errc judge_open_failure(int error) noexcept {
  if (names_no_process(error)) return Errc::kNoSuchProcess;
  switch (error) {
    case EPERM:
    case ENOSYS:
      return Errc::kPresenceUnavailable;
    default:
      return Errc::kSystem;  // out of descriptors or memory
  }
}

inline Errc Attachment::bind(HeldSlot& held, int pid) noexcept {
  const SelfIdentity& self = processes_.self();
  if (pid <= 0) return Errc::kNoSuchProcess;
  if (self.pid_ns_inode == 0) return Errc::kPresenceUnavailable;
  const UniqueFd pidfd = open_pidfd(pid);
  if (!pidfd) return judge_open_failure(errno);
  const std::uint64_t start_ticks = self.proc_is_own ? read_start_ticks(pid) : 0;
  const ProcessName name = self.proc_is_own ? read_process_name(pid) : ProcessName{};
  if (probe_exited(pidfd.get())) return Errc::kNoSuchProcess;
  ProcessRef target = find_owner(pid, start_ticks);
  if (!target) {
    target = processes_.reserve(static_cast<std::uint32_t>(pid));
    if (!target) return Errc::kProcessTableFull;
    processes_.store_identity(target, start_ticks, self.time_ns_inode, read_process_uid(pid),
                              text_view(name));
    processes_.note_made_by_pid(target);
  }
  return transfer(held, target);
}

}  // namespace slotd::inline v0_1
