// doctor's judgement over facts that are made up, and its adapters over folders that are.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/unit/ctl_snapshot_support.hpp"
#include "tools/slotctl/commands/doctor.hpp"
#include "tools/slotctl/doctor/host_probe.hpp"

namespace slotd::ctl {
namespace {

/// A host on which all is well: 8 CPUs, a segment of the system's on tmpfs, a broker that beats.
DoctorFacts healthy() {
  DoctorFacts facts;
  facts.segment.path = "/run/slotd/segment";
  facts.segment.file = {true, true, 0660, 990, 991, 1'000'000, true, "slotd", "slotd"};
  facts.segment.folder = {true, false, 0755, 990, 991, 0, true, "slotd", "slotd"};
  facts.segment.read_code = Errc::kOk;
  facts.segment.write_code = Errc::kOk;
  facts.caller = {1000, "op", {1000, 991}, true};
  LedgerFacts ledger;
  ledger.broker = {true, true, 812, "0.1.0", 0.4, 1.0};
  ledger.slots = 1000;
  ledger.processes = 100;
  ledger.capacity_micro = 8'000'000;
  facts.ledger = ledger;
  facts.host.online_cpus = 8;
  facts.host.allowed_cpus = 8;
  facts.host.has_logind = true;
  facts.host.protected_regular = 2;
  return facts;
}

Finding find(const DoctorFacts& facts, const std::string& check) {
  for (const Finding& finding : run_checks(facts)) {
    if (finding.check == check) return finding;
  }
  ADD_FAILURE() << "no finding on " << check;
  return {};
}

/// Each finding that is not ok says what to do, and each that is ok does not.
void expect_remedies(const DoctorFacts& facts) {
  for (const Finding& finding : run_checks(facts)) {
    EXPECT_EQ(finding.remedy.empty(), finding.level == Level::kOk) << finding.check;
    EXPECT_NE(finding.found, "") << finding.check;
  }
}

void expect_level(const DoctorFacts& facts, const std::string& check, Level level,
                  const std::string& part) {
  const Finding finding = find(facts, check);
  EXPECT_EQ(level_name(finding.level), std::string(level_name(level)))
      << check << ": " << finding.found;
  EXPECT_NE(finding.found.find(part), std::string::npos) << finding.found;
  expect_remedies(facts);
}

TEST(Doctor, NothingIsWrong) {
  const DoctorFacts facts = healthy();
  EXPECT_EQ(worst_of(run_checks(facts)), Level::kOk);
  EXPECT_EQ(run_checks(facts).size(), 17U);
  expect_remedies(facts);
}

TEST(Doctor, SegmentsThatCannotBeOpened) {
  for (const Errc code : {Errc::kNoSegment, Errc::kNotReady, Errc::kRetired, Errc::kLayoutMismatch,
                          Errc::kCorrupt, Errc::kPermissionDenied, Errc::kSystem}) {
    DoctorFacts facts = healthy();
    facts.segment.read_code = code;
    facts.segment.write_code = code;
    facts.segment.read_detail = "/run/slotd/segment: that is how it is";
    facts.ledger.reset();
    if (code == Errc::kNoSegment) facts.segment.file = {};
    expect_level(facts, "segment", Level::kFail, "that is how it is");
    EXPECT_EQ(worst_of(run_checks(facts)), Level::kFail);
  }
}

TEST(Doctor, WhatIsNotTmpfsIsAWarning) {
  DoctorFacts facts = healthy();
  facts.segment.file.is_on_tmpfs = false;
  expect_level(facts, "place", Level::kWarn, "not on tmpfs");
  EXPECT_EQ(worst_of(run_checks(facts)), Level::kWarn);
}

TEST(Doctor, Permissions) {
  DoctorFacts facts = healthy();
  expect_level(facts, "permissions", Level::kOk, "slotd:slotd 0660");
  facts.segment.file.mode = 0666;
  expect_level(facts, "permissions", Level::kWarn, "anybody may write");
  facts = healthy();
  facts.segment.folder.mode = 01777;
  expect_level(facts, "permissions", Level::kWarn, "beside the segment");
  facts.segment.folder.mode = 0777;
  expect_level(facts, "permissions", Level::kFail, "replace");
  facts = healthy();
  facts.segment.folder.uid = 1234;
  facts.segment.folder.owner = "mallory";
  expect_level(facts, "permissions", Level::kWarn, "mallory owns the folder");
  facts.segment.folder.uid = 0;
  expect_level(facts, "permissions", Level::kOk, "folder");
}

TEST(Doctor, Membership) {
  DoctorFacts facts = healthy();
  expect_level(facts, "membership", Level::kOk, "op may claim: is in group slotd");
  facts.caller.groups = {1000};
  facts.segment.write_code = Errc::kPermissionDenied;
  expect_level(facts, "membership", Level::kWarn, "not in this session");
  EXPECT_NE(find(facts, "membership").remedy.find("log in again"), std::string::npos);
  facts.caller.is_listed_in_group = false;
  expect_level(facts, "membership", Level::kWarn, "may only look, not claim");
  EXPECT_NE(find(facts, "membership").remedy.find("usermod -aG slotd op"), std::string::npos);
  facts.segment.read_code = Errc::kPermissionDenied;
  facts.segment.read_detail = "denied";
  facts.ledger.reset();
  expect_level(facts, "membership", Level::kFail, "may not open");
  facts.caller.groups = {991};
  expect_level(facts, "membership", Level::kFail, "although in group slotd");
}

TEST(Doctor, Broker) {
  DoctorFacts facts = healthy();
  expect_level(facts, "broker", Level::kOk, "ready, pid 812, version 0.1.0, last beat 0.4s ago");
  // Down is three intervals without a beat: 3.0 s are not, 3.1 s are.
  facts.ledger->broker.heartbeat_age_s = 3.0;
  expect_level(facts, "broker", Level::kOk, "ready");
  facts.ledger->broker.heartbeat_age_s = 3.1;
  expect_level(facts, "broker", Level::kFail, "lives and does nothing");
  expect_level(facts, "samples", Level::kWarn, "measured 3.1s ago");
  facts.ledger->broker.has_presence = false;
  expect_level(facts, "broker", Level::kFail, "it has ended");
  facts.ledger->broker.is_registered = false;
  expect_level(facts, "broker", Level::kFail, "none has served");
  facts.ledger->broker.heartbeat_age_s = -1;
  expect_level(facts, "samples", Level::kWarn, "nothing was measured");
}

TEST(Doctor, WhatIsLeftBehind) {
  DoctorFacts facts = healthy();
  facts.ledger->dead_slots = {3};
  expect_level(facts, "dead owners", Level::kWarn, "1 slot: 3");
  facts.ledger->dead_slots = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  expect_level(facts, "dead owners", Level::kWarn, "10 slots: 0, 1, 2, 3, 4, 5, 6, 7 and 2 others");
  EXPECT_NE(find(facts, "dead owners").remedy.find("doctor --fix"), std::string::npos);
  facts.ledger->drained_types = {"web", "track"};
  expect_level(facts, "drain", Level::kWarn, "drained: web, track");
  facts.ledger->is_node_drained = true;
  expect_level(facts, "drain", Level::kWarn, "all types");
  facts.ledger->is_settling = true;
  expect_level(facts, "drain", Level::kWarn, "a moment ago");
  facts.ledger->is_settling_over = true;
  expect_level(facts, "drain", Level::kWarn, "whose broker is gone");
  facts.ledger->overridden_types = {"web"};
  facts.ledger->debts = {{"track", 5, 3}, {"group web", 19, 18}};
  expect_level(facts, "limits", Level::kWarn, "overridden by an operator: web; track holds 5 of 3");
  expect_level(facts, "limits", Level::kWarn, "; group web holds 19 of 18:");
  facts.ledger->unreadable_groups = {"pulse"};
  expect_level(facts, "external counts", Level::kWarn, "pulse");
}

TEST(Doctor, Invariants) {
  DoctorFacts facts = healthy();
  facts.ledger->contradictions = {{7, "is free, and not empty"}, {8, "x"}, {9, "y"}};
  facts.ledger->invalid_entries = 1;
  expect_level(facts, "invariants", Level::kFail,
               "slot 7 is free, and not empty; 2 more slots; 1 process entry contradicts itself");
}

TEST(Doctor, TablesAreNearlyFullFromNineTenthsOn) {
  DoctorFacts facts = healthy();
  facts.ledger->slots_held = 899;
  facts.ledger->processes_used = 89;
  expect_level(facts, "tables", Level::kOk, "899 of 1000 slots, 89 of 100 processes");
  facts.ledger->processes_used = 90;
  expect_level(facts, "tables", Level::kWarn, "nearly full");
  EXPECT_NE(find(facts, "tables").remedy.find("raise segment.processes in"), std::string::npos);
  facts.ledger->slots_held = 900;
  EXPECT_NE(find(facts, "tables").remedy.find("segment.slots and segment.processes"),
            std::string::npos);
}

TEST(Doctor, CapacityAboveTheMachineIsAWarning) {
  DoctorFacts facts = healthy();
  facts.ledger->capacity_micro = 8'000'001;
  expect_level(facts, "capacity", Level::kWarn, "more than this machine has: 8 CPUs online");
  EXPECT_EQ(worst_of(run_checks(facts)), Level::kWarn);
  facts = healthy();
  facts.host.allowed_cpus = 4;
  expect_level(facts, "capacity", Level::kWarn, "affinity");
  facts = healthy();
  facts.host.quota_micro = 2'500'000;
  expect_level(facts, "capacity", Level::kWarn, "quota: 2.5");
  facts.host.quota_micro = 8'000'000;
  expect_level(facts, "capacity", Level::kOk, "capacity 8 of 8 CPUs");
}

TEST(Doctor, Host) {
  DoctorFacts facts = healthy();
  facts.host.futex_waitv = FutexWaitv::kAbsent;
  expect_level(facts, "futex_waitv", Level::kWarn, "does not have it");
  facts.host.futex_waitv = FutexWaitv::kForbidden;
  expect_level(facts, "futex_waitv", Level::kWarn, "forbidden");
  facts.host.are_processes_hidden = true;
  expect_level(facts, "proc", Level::kWarn, "hides");
  facts.segment.folder.mode = 01777;
  expect_level(facts, "sysctl", Level::kWarn, "fs.protected_regular is 2");
  facts.host.protected_regular.reset();
  facts.segment.folder.mode = 0755;
  expect_level(facts, "sysctl", Level::kOk, "cannot be read");
}

TEST(Doctor, WhatLogoutRemoves) {
  DoctorFacts facts = healthy();
  expect_level(facts, "logout", Level::kOk, "system user");
  facts.segment.file.uid = 1000;
  facts.segment.file.owner = "op";
  expect_level(facts, "logout", Level::kOk, "nothing in this folder");
  facts.segment.path = "/dev/shm/slotd-1000/segment";
  expect_level(facts, "logout", Level::kWarn, "RemoveIPC");
  facts.host.remove_ipc = true;
  expect_level(facts, "logout", Level::kWarn, "RemoveIPC");
  facts.host.remove_ipc = false;
  facts.host.remove_ipc_file = "/etc/systemd/logind.conf";
  expect_level(facts, "logout", Level::kOk, "RemoveIPC=no in /etc/systemd/logind.conf");
  facts.segment.path = "/run/user/1000/slotd/segment";
  expect_level(facts, "logout", Level::kWarn, "last session of op");
  facts.host.owner_lingers = true;
  expect_level(facts, "logout", Level::kOk, "lingers");
  facts.host.owner_lingers = false;
  facts.host.has_logind = false;
  expect_level(facts, "logout", Level::kOk, "no logind");
}

TEST(DoctorText, LinesWithRemediesAndNothingOfStrangers) {
  Diagnosis diagnosis;
  diagnosis.findings = {{"segment", Level::kOk, "here", ""},
                        {"drain", Level::kWarn, "drained: \x1b[2J", "undrain"},
                        {"broker", Level::kFail, "down", "start it"}};
  EXPECT_EQ(doctor_text(diagnosis, false, {}, Charset::kAscii),
            "ok    segment  here\n"
            "warn  drain    drained: \\x1b[2J\n"
            "               remedy: undrain\n"
            "fail  broker   down\n"
            "               remedy: start it\n");
  EXPECT_EQ(doctor_text(diagnosis, true, {}, Charset::kAscii).find("ok "), std::string::npos);
  diagnosis.fixed = {"freed what dead owners held: slot 3"};
  EXPECT_EQ(doctor_text(diagnosis, true, {}, Charset::kAscii)
                .find("fixed          freed what dead owners held: slot 3\n"),
            0U);
  diagnosis.fixed = std::vector<std::string>{};
  EXPECT_EQ(doctor_text(diagnosis, false, {}, Charset::kAscii).find("fixed          nothing"), 0U);
}

TEST(DoctorJson, FollowsItsSchema) {
  Diagnosis diagnosis;
  diagnosis.findings = run_checks(healthy());
  EXPECT_EQ(problems("doctor", print_json(doctor_json(diagnosis))), "");
  diagnosis.findings.push_back({"drain", Level::kWarn, "\xff", "undrain"});
  diagnosis.fixed = {"something"};
  const Json document = doctor_json(diagnosis);
  EXPECT_EQ(problems("doctor", print_json(document)), "");
  EXPECT_EQ(document["worst"], "warn");
  EXPECT_EQ(document["checks"][0]["remedy"], nullptr);
  EXPECT_EQ(document["fixed"][0], "something");
}

TEST(DoctorParse, RemoveIpc) {
  EXPECT_EQ(parse_remove_ipc("[Login]\nRemoveIPC=no\n"), false);
  EXPECT_EQ(parse_remove_ipc("[Login]\n RemoveIPC = yes \r\n"), true);
  EXPECT_EQ(parse_remove_ipc("[Login]\nRemoveIPC=no\nRemoveIPC=1"), true) << "the last one";
  EXPECT_EQ(parse_remove_ipc("[Login]\n#RemoveIPC=no\n;RemoveIPC=no\n"), std::nullopt);
  EXPECT_EQ(parse_remove_ipc("[Other]\nRemoveIPC=no\n"), std::nullopt);
  EXPECT_EQ(parse_remove_ipc("[Login]\nRemoveIPC=perhaps\n"), std::nullopt);
  EXPECT_EQ(parse_remove_ipc(""), std::nullopt);
}

TEST(DoctorParse, CpuMax) {
  EXPECT_EQ(parse_cpu_max_micro("150000 100000\n"), 1'500'000U);
  EXPECT_EQ(parse_cpu_max_micro("50000 100000"), 500'000U);
  EXPECT_EQ(parse_cpu_max_micro("max 100000\n"), std::nullopt);
  EXPECT_EQ(parse_cpu_max_micro("1 0"), std::nullopt);
  EXPECT_EQ(parse_cpu_max_micro("-1 100000"), std::nullopt);
  EXPECT_EQ(parse_cpu_max_micro("18446744073709551615 1"), std::nullopt);
  EXPECT_EQ(parse_cpu_max_micro(""), std::nullopt);
}

TEST(DoctorParse, CgroupPathAndCpuList) {
  EXPECT_EQ(parse_cgroup_path("12:cpu:/old\n0::/system.slice/slotd.service\n"),
            "/system.slice/slotd.service");
  EXPECT_EQ(parse_cgroup_path("0::/../../other\n"), "");
  EXPECT_EQ(parse_cgroup_path("12:cpu:/old\n"), "");
  EXPECT_EQ(parse_cpu_list("0-3,8\n"), 5U);
  EXPECT_EQ(parse_cpu_list("0\n"), 1U);
  EXPECT_EQ(parse_cpu_list("3-1,x"), 0U);
  EXPECT_EQ(parse_cpu_list(""), 0U);
}

/// A host in a folder.
class DoctorHost : public ::testing::Test {
 protected:
  DoctorHost() {
    std::string pattern = ::testing::TempDir() + "slotd-doctor-XXXXXX";
    if (::mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
    root_ = pattern;
    paths_.proc = root_ + "/proc";
    paths_.cgroup = root_ + "/cgroup";
    paths_.cpus = root_ + "/cpus";
    paths_.run = root_ + "/run";
    paths_.linger = root_ + "/linger";
    paths_.logind = {root_ + "/etc", root_ + "/usr"};
  }
  ~DoctorHost() override { std::filesystem::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    std::filesystem::create_directories(std::filesystem::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  HostFacts read() const { return read_host_facts(paths_, 0, "op"); }

  std::string root_;
  HostPaths paths_;
};

TEST_F(DoctorHost, NothingIsThere) {
  const HostFacts facts = read();
  EXPECT_GT(facts.online_cpus, 0U) << "the C library is asked instead";
  EXPECT_GT(facts.allowed_cpus, 0U);
  EXPECT_EQ(facts.quota_micro, std::nullopt);
  EXPECT_FALSE(facts.has_logind);
  EXPECT_EQ(facts.remove_ipc, std::nullopt);
  EXPECT_EQ(facts.protected_regular, std::nullopt);
  EXPECT_TRUE(facts.are_processes_hidden);
}

TEST_F(DoctorHost, Everything) {
  write("/cpus/online", "0-15\n");
  write("/proc/self/cgroup", "0::/a/b\n");
  write("/proc/1/stat", "1 (init)");
  write("/proc/sys/fs/protected_regular", "2\n");
  write("/cgroup/a/b/cpu.max", "max 100000\n");
  write("/cgroup/a/cpu.max", "200000 100000\n");
  write("/run/systemd/seats/seat0", "");
  write("/linger/op", "");
  const HostFacts facts = read();
  EXPECT_EQ(facts.online_cpus, 16U);
  EXPECT_EQ(facts.quota_micro, 2'000'000U) << "of the group above";
  EXPECT_TRUE(facts.has_logind);
  EXPECT_TRUE(facts.owner_lingers);
  EXPECT_EQ(facts.protected_regular, 2);
  EXPECT_FALSE(facts.are_processes_hidden);
}

TEST_F(DoctorHost, LogindIsReadAsSystemdReadsIt) {
  write("/usr/logind.conf", "[Login]\nRemoveIPC=no\n");
  EXPECT_EQ(read().remove_ipc, false);
  write("/etc/logind.conf", "[Login]\n");
  EXPECT_EQ(read().remove_ipc, std::nullopt) << "one main file, the more important one";
  write("/usr/logind.conf.d/50-a.conf", "[Login]\nRemoveIPC=no\n");
  EXPECT_EQ(read().remove_ipc, false);
  EXPECT_EQ(read().remove_ipc_file, root_ + "/usr/logind.conf.d/50-a.conf");
  write("/etc/logind.conf.d/60-b.conf", "[Login]\nRemoveIPC=yes\n");
  EXPECT_EQ(read().remove_ipc, true) << "a later name";
  write("/etc/logind.conf.d/60-b.conf", "");
  write("/etc/logind.conf.d/50-a.conf", "");
  EXPECT_EQ(read().remove_ipc, std::nullopt) << "hidden by one of the same name";
}

}  // namespace
}  // namespace slotd::ctl
