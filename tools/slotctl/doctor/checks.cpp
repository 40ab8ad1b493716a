#include "tools/slotctl/doctor/checks.hpp"

#include <algorithm>
#include <cstdint>

#include "tools/slotctl/figures.hpp"

namespace slotd::ctl {

namespace {

constexpr std::uint64_t kMicroPerCpu = 1'000'000;
/// From nine tenths on a table is called nearly full.
constexpr std::uint64_t kNearlyFullPercent = 90;

Finding ok(const char* check, std::string found) {
  return {check, Level::kOk, std::move(found), {}};
}

std::string join_names(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) {
    if (!text.empty()) text += ", ";
    text += name;
  }
  return text;
}

std::string plural(std::uint64_t count, const std::string& one, const std::string& many) {
  return std::to_string(count) + ' ' + (count == 1 ? one : many);
}

/// "3, 4, 5 and 7 others"
std::string list_slots(const std::vector<std::uint32_t>& slots) {
  constexpr std::size_t kShown = 8;
  std::string text;
  for (std::size_t i = 0; i < std::min(slots.size(), kShown); ++i)
    text += (i == 0 ? "" : ", ") + std::to_string(slots[i]);
  if (slots.size() > kShown) text += " and " + plural(slots.size() - kShown, "other", "others");
  return text;
}

std::string heartbeat_text(const BrokerFacts& broker) {
  return broker.heartbeat_age_s < 0 ? "never beat"
                                    : "last beat " + age_text(broker.heartbeat_age_s) + " ago";
}

/// Three intervals without a beat are down, as for everybody who asks.
bool is_beating(const BrokerFacts& broker) {
  return broker.heartbeat_age_s >= 0 && broker.heartbeat_age_s <= 3 * broker.interval_s;
}

}  // namespace

const char* level_name(Level level) noexcept {
  switch (level) {
    case Level::kOk:
      return "ok";
    case Level::kWarn:
      return "warn";
    case Level::kFail:
      return "fail";
  }
  return "fail";
}

Level worst_of(const std::vector<Finding>& findings) noexcept {
  Level worst = Level::kOk;
  for (const Finding& finding : findings) worst = std::max(worst, finding.level);
  return worst;
}

Finding check_broker(const LedgerFacts& ledger) {
  const BrokerFacts& broker = ledger.broker;
  const std::string start =
      "start it: systemctl start slotd. Claims, releases and waits go on "
      "without it; charges are not measured and no reload is done";
  if (!broker.is_registered) return {"broker", Level::kFail, "none has served this segment", start};
  if (!broker.has_presence)
    return {"broker", Level::kFail, "down: it has ended, " + heartbeat_text(broker), start};
  const std::string who = "pid " + std::to_string(broker.pid) + ", version " + broker.version;
  if (!is_beating(broker)) {
    return {"broker", Level::kFail,
            "down: " + who + " lives and does nothing, " + heartbeat_text(broker),
            "see whether it is stopped, frozen or out of CPU (ps -o stat,wchan -p " +
                std::to_string(broker.pid) + "), then restart it: systemctl restart slotd"};
  }
  return ok("broker", "ready, " + who + ", " + heartbeat_text(broker));
}

Finding check_samples(const LedgerFacts& ledger) {
  const BrokerFacts& broker = ledger.broker;
  if (broker.heartbeat_age_s < 0)
    return {"samples", Level::kWarn, "nothing was measured yet", "the broker measures; see above"};
  if (!is_beating(broker)) {
    return {"samples", Level::kWarn,
            "measured " + age_text(broker.heartbeat_age_s) + " ago, not what is used now",
            "the broker measures; see above"};
  }
  return ok("samples", "measured " + age_text(broker.heartbeat_age_s) + " ago");
}

Finding check_dead_owners(const LedgerFacts& ledger) {
  if (ledger.dead_slots.empty()) return ok("dead owners", "none holds a slot");
  return {"dead owners", Level::kWarn,
          "dead owners still hold " + plural(ledger.dead_slots.size(), "slot", "slots") + ": " +
              list_slots(ledger.dead_slots),
          "slotctl doctor --fix frees them; so does the next claim that needs the room"};
}

Finding check_invariants(const LedgerFacts& ledger) {
  if (ledger.contradictions.empty() && ledger.invalid_entries == 0)
    return ok("invariants", "slot words and process entries agree with each other");
  std::string found;
  if (!ledger.contradictions.empty()) {
    const Contradiction& first = ledger.contradictions.front();
    found = "slot " + std::to_string(first.slot) + ' ' + first.what;
    if (ledger.contradictions.size() > 1)
      found += "; " + plural(ledger.contradictions.size() - 1, "more slot", "more slots");
  }
  if (ledger.invalid_entries != 0) {
    found += (found.empty() ? "" : "; ") + plural(ledger.invalid_entries,
                                                  "process entry contradicts itself",
                                                  "process entries contradict themselves");
  }
  return {"invariants", Level::kFail, found,
          "somebody wrote over the segment: see who is in its group. A broker that runs or starts "
          "repairs what nobody owns; slotctl free SLOT --force frees a single slot"};
}

Finding check_tables(const LedgerFacts& ledger) {
  const std::string found = std::to_string(ledger.slots_held) + " of " +
                            std::to_string(ledger.slots) + " slots, " +
                            std::to_string(ledger.processes_used) + " of " +
                            std::to_string(ledger.processes) + " processes";
  const auto is_nearly_full = [](std::uint64_t used, std::uint64_t size) {
    return used * 100 >= size * kNearlyFullPercent;
  };
  const bool slots = is_nearly_full(ledger.slots_held, ledger.slots);
  const bool processes = is_nearly_full(ledger.processes_used, ledger.processes);
  if (!slots && !processes) return ok("tables", found);
  const std::string key = slots && processes ? "segment.slots and segment.processes"
                          : slots            ? "segment.slots"
                                             : "segment.processes";
  return {"tables", Level::kWarn, found + ": nearly full",
          "raise " + key + " in the configuration; it holds from the next segment on"};
}

Finding check_drain(const LedgerFacts& ledger) {
  if (ledger.is_settling_over) {
    return {"drain", Level::kWarn, "drained since a rebuild whose broker is gone",
            "slotctl doctor --fix ends it; so does the next claim"};
  }
  if (ledger.is_settling) {
    return {"drain", Level::kWarn, "rebuilt a moment ago: its holders are coming back",
            "wait a second and look again"};
  }
  if (ledger.is_node_drained)
    return {"drain", Level::kWarn, "all types are drained: nothing is admitted", "slotctl undrain"};
  if (ledger.drained_types.empty()) return ok("drain", "nothing is drained");
  return {"drain", Level::kWarn, "drained: " + join_names(ledger.drained_types),
          "slotctl undrain, if that is no longer meant"};
}

Finding check_limits(const LedgerFacts& ledger) {
  std::string found;
  if (!ledger.overridden_types.empty())
    found = "limits overridden by an operator: " + join_names(ledger.overridden_types);
  for (const DebtFacts& debt : ledger.debts) {
    found += (found.empty() ? "" : "; ") + debt.name + " holds " + std::to_string(debt.in_use) +
             " of " + std::to_string(debt.limit) + ": nothing is admitted until that has drained";
  }
  if (found.empty()) return ok("limits", "as configured, and no debt");
  return {"limits", Level::kWarn, found,
          ledger.overridden_types.empty()
              ? "wait, or raise the limit: slotctl limits set TYPE=N"
              : "slotctl limits shows them; slotctl limits reset goes back to the configuration"};
}

Finding check_external(const LedgerFacts& ledger) {
  if (ledger.unreadable_groups.empty()) return ok("external counts", "none is unreadable");
  return {
      "external counts", Level::kWarn,
      "cannot be read, so that these groups count as full: " + join_names(ledger.unreadable_groups),
      "see groups.NAME.external in the configuration, and whether the broker may read the file"};
}

Finding check_capacity(const LedgerFacts& ledger, const HostFacts& host) {
  const std::string capacity = "capacity " + cores_text(ledger.capacity_micro);
  const auto is_above = [&](std::uint64_t micro) { return ledger.capacity_micro > micro; };
  const std::string remedy = "set cpu.capacity to auto, or to what slotd's jobs may really use";
  if (is_above(host.online_cpus * kMicroPerCpu)) {
    return {"capacity", Level::kWarn,
            capacity + " is more than this machine has: " +
                plural(host.online_cpus, "CPU", "CPUs") + " online",
            remedy};
  }
  if (is_above(host.allowed_cpus * kMicroPerCpu)) {
    return {
        "capacity", Level::kWarn,
        capacity + " is more than the affinity allows: " + plural(host.allowed_cpus, "CPU", "CPUs"),
        remedy};
  }
  if (host.quota_micro && is_above(*host.quota_micro)) {
    return {
        "capacity", Level::kWarn,
        capacity + " is more than the control group's CPU quota: " + cores_text(*host.quota_micro),
        remedy};
  }
  return ok("capacity", capacity + " of " + plural(host.online_cpus, "CPU", "CPUs") + " online");
}

Finding check_futex_waitv(const HostFacts& host) {
  constexpr char kCheck[] = "futex_waitv";
  const std::string remedy =
      "deaths are noticed at the next recheck (100 ms) instead of at once; a kernel of 5.16 or "
      "later has it, a seccomp filter has to allow it";
  switch (host.futex_waitv) {
    case FutexWaitv::kPresent:
      return ok(kCheck, "present");
    case FutexWaitv::kAbsent:
      return {kCheck, Level::kWarn, "this kernel does not have it", remedy};
    case FutexWaitv::kForbidden:
      return {kCheck, Level::kWarn, "forbidden by a filter", remedy};
  }
  return {kCheck, Level::kWarn, "unknown", remedy};
}

Finding check_proc(const HostFacts& host) {
  if (!host.are_processes_hidden) return ok("proc", "shows the processes of other users");
  return {"proc", Level::kWarn, "/proc hides the processes of other users from this user",
          "owners that are known by pid alone then count as alive until the broker sees them end; "
          "mount /proc without hidepid, or with gid= for slotd's group"};
}

std::vector<Finding> run_checks(const DoctorFacts& facts) {
  const SegmentFacts& segment = facts.segment;
  std::vector<Finding> findings{check_segment(segment)};
  if (segment.file.exists) {
    findings.push_back(check_place(segment));
    findings.push_back(check_permissions(segment));
    findings.push_back(check_membership(segment, facts.caller));
  }
  if (facts.ledger) {
    const LedgerFacts& ledger = *facts.ledger;
    findings.push_back(check_broker(ledger));
    findings.push_back(check_samples(ledger));
    findings.push_back(check_dead_owners(ledger));
    findings.push_back(check_invariants(ledger));
    findings.push_back(check_tables(ledger));
    findings.push_back(check_drain(ledger));
    findings.push_back(check_limits(ledger));
    findings.push_back(check_external(ledger));
    findings.push_back(check_capacity(ledger, facts.host));
  }
  findings.push_back(check_futex_waitv(facts.host));
  if (segment.file.exists) {
    findings.push_back(check_remove_ipc(segment, facts.host));
    findings.push_back(check_protected_files(segment, facts.host));
  }
  findings.push_back(check_proc(facts.host));
  return findings;
}

}  // namespace slotd::ctl
