#include "tests/crash/rig.hpp"

#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdio>
#include <cstring>
#include <filesystem>
#include <stdexcept>

#include "broker/ledger/publish.hpp"
#include "broker/segment/format.hpp"
#include "tests/support/team.hpp"

namespace slotd::crash {

namespace {

/// What a helper process tells its maker.
struct Report {
  std::atomic<int> ready;  // 1 done, 2 failed
  std::uint32_t count;
  std::array<HeldSlot, 8> slots;
};

[[noreturn]] void give_up(const char* what) {
  std::fprintf(stderr, "step harness: %s\n", what);
  std::_Exit(1);
}

/// Forks a process that attaches, claims, reports and sleeps until it is killed.
pid_t fork_holder(const std::string& path, const std::vector<Wish>& wishes, Report& report) {
  report.ready.store(0);
  const pid_t pid = ::fork();
  if (pid != 0) {
    while (report.ready.load() == 0) ::usleep(100);
    return pid;
  }
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  Attachment& attachment = attach_here(path);
  report.count = 0;
  for (const Wish& wish : wishes) {
    Reason reason = Reason::kNone;
    report.slots[report.count++] = claim_by(attachment, wish, reason);
    if (reason != Reason::kNone) give_up("a helper's claim was refused");
  }
  report.ready.store(1);
  for (;;) ::pause();
}

void bury(pid_t pid) {
  if (pid <= 0) return;
  ::kill(pid, SIGKILL);
  ::waitpid(pid, nullptr, 0);
}

ProcessRef find_entry(const ProcessTable& processes, int pid) {
  for (std::uint32_t index = 1; index <= processes.view().process_count(); ++index) {
    const Reservation reservation{processes.view().process(index).reservation.load()};
    const ProcessRef tenant = processes.find_tenant(index);
    if (tenant && static_cast<int>(reservation.pid()) == pid) return tenant;
  }
  return {};
}

}  // namespace

broker::LedgerSpec make_rig_spec(std::uint32_t limit) {
  constexpr std::array<const char*, kTypes> kNames = {"a", "b", "t", "d", "last", "m"};
  broker::LedgerSpec spec;
  broker::LedgerGroup g;
  broker::LedgerGroup h;
  g.name = "g";
  g.limit = kLimitG;
  h.name = "h";
  h.limit = kLimitH;
  for (std::uint32_t index = 0; index < kTypes; ++index) {
    broker::LedgerType type;
    type.name = kNames[index];
    type.base = index;
    type.limit = index == kPlain ? limit : kRules[index].limit;
    type.cost_milli = kRules[index].cost_milli;
    type.memory_bytes = kRules[index].memory_bytes;
    g.weights[index] = kRules[index].in_g;
    h.weights[index] = kRules[index].in_h;
    spec.types.push_back(type);
  }
  spec.groups = {g, h};
  spec.capacity_micro = kBudgetMilli * 1000;
  spec.budget_micro = kBudgetMilli * 1000;
  spec.sample_interval_ms = 1'000'000'000;  // a broker that was raised stays up
  spec.memory_max_bytes = kMemoryMax;
  spec.memory_headroom_bytes = kHeadroom;
  return spec;
}

HeldSlot claim_by(Attachment& attachment, const Wish& wish, Reason& reason) {
  ClaimRequest request;
  request.request = make_request(attachment.view(), wish.type, wish.cost_milli, wish.memory_bytes);
  request.key = {wish.key, wish.key.empty() ? 0 : key_fingerprint(wish.key)};
  Verdict refusal;
  const HeldSlot held = attachment.claim(request, refusal);
  reason = refusal.reason;
  return held;
}

Attachment& attach_here(const std::string& path) {
  Errc code = Errc::kOk;
  std::string detail;
  Attachment* attachment = Attachment::open({path, "step"}, code, detail);
  if (attachment == nullptr) give_up(detail.c_str());
  return *attachment;
}

Rig::Rig() {
  make_file();
  self_ = &attach_here(path_);
  broker_table_ = ProcessTable(view_, read_self_identity(), true);
  add_bystander();
  stranger_pid_ = ::fork();
  if (stranger_pid_ == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    for (;;) ::pause();
  }
  remember();
}

Rig::~Rig() {
  bury(bystander_pid_);
  bury(stranger_pid_);
  self_->close();
  ::munmap(base_, bytes_);
  std::error_code ignored;
  std::filesystem::remove_all(directory_, ignored);
}

void Rig::make_file() {
  std::string place = "/dev/shm/slotd-step-XXXXXX";
  if (::mkdtemp(place.data()) == nullptr) throw std::runtime_error("mkdtemp failed");
  directory_ = place;
  path_ = directory_ + "/segment";
  bytes_ = compute_geometry(kCapacities).total_bytes;
  const int file = ::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0660);
  if (file < 0 || ::ftruncate(file, static_cast<off_t>(bytes_)) != 0)
    throw std::runtime_error("cannot make " + path_);
  base_ = ::mmap(nullptr, bytes_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (base_ == MAP_FAILED) throw std::runtime_error("mmap failed");
  broker::FormatIdentity identity;
  identity.segment_id = 0x5107D;
  identity.boot_id = read_boot_id();
  identity.creator_pid = static_cast<std::uint32_t>(::getpid());
  identity.version = "step";
  broker::format_segment(base_, kCapacities, identity);
  view_ = SegmentView(base_, kCapacities, true);
  broker::publish_config(view_, make_rig_spec());
  broker::publish_sample(view_, {});
  broker::open_for_business(base_);
}

void Rig::add_bystander() {
  const testing::Shared<Report> report;
  bystander_pid_ = fork_holder(
      path_, {{kPlain, "BY_1", {}, {}}, {kMemory, "BY_2", {}, {}}, {kLast, {}, {}, {}}}, *report);
  for (std::uint32_t i = 0; i < report->count; ++i) bystander_slots_.push_back(report->slots[i]);
  bystander_ = find_entry(processes(), bystander_pid_);
}

HeldSlot Rig::hold(const Wish& wish) {
  Reason reason = Reason::kNone;
  const HeldSlot held = claim_by(*self_, wish, reason);
  if (reason != Reason::kNone) throw std::runtime_error("the stage has no room");
  held_here_.push_back(held);
  return held;
}

ProcessRef Rig::add_dead(const std::vector<Wish>& wishes, bool remembered_by_kernel) {
  const testing::Shared<Report> report;
  const pid_t pid = fork_holder(path_, wishes, *report);
  const ProcessRef entry = find_entry(processes(), pid);
  std::atomic<std::uint64_t>& presence = view_.process(entry.index).presence;
  const std::uint64_t alive = presence.load();
  bury(pid);
  // The out-of-memory killer may take the memory before the kernel walks the robust list: the word
  // then says alive, and somebody may be asleep on it.
  if (!remembered_by_kernel) presence.store(alive | kFutexWaiters);
  return entry;
}

void Rig::raise_broker() {
  const ProcessRef broker = broker_table_.reserve(static_cast<std::uint32_t>(::getpid()));
  ProcessEntry& entry = view_.process(broker.index);
  entry.presence.store(make_presence(broker.attach, static_cast<std::uint32_t>(::getpid())));
  view_.header().broker.store(pack_process_ref(broker));
  broker::publish_sample(view_, {});
}

void Rig::plant(std::uint32_t slot, SlotWord word) {
  view_.word(slot).store(word.raw);
  std::atomic<std::uint64_t>& mark = view_.header().mark;
  if (mark.load() < slot + 1U) mark.store(slot + 1U);
}

void Rig::remember() {
  picture_.resize(bytes_);
  std::memcpy(picture_.data(), base_, bytes_);
}

void Rig::put_back() noexcept { std::memcpy(base_, picture_.data(), bytes_); }

SlotWord Rig::pictured_word(std::uint32_t slot) const noexcept {
  SlotWord word;
  const std::uint64_t offset = compute_geometry(kCapacities)[SectionId::kSlotWords].offset;
  std::memcpy(&word.raw, picture_.data() + offset + std::uint64_t{slot} * 8, 8);
  return word;
}

std::uint64_t Rig::pictured_nonce(std::uint32_t slot) const noexcept {
  std::uint64_t nonce = 0;
  const std::uint64_t offset = compute_geometry(kCapacities)[SectionId::kRecords].offset +
                               std::uint64_t{slot} * sizeof(SlotRecord);
  std::memcpy(&nonce, picture_.data() + offset + offsetof(SlotRecord, nonce), 8);
  return nonce;
}

bool Rig::copy_changes(std::vector<std::byte>& copy) const {
  if (copy.size() == bytes_ && std::memcmp(copy.data(), base_, bytes_) == 0) return false;
  copy.resize(bytes_);
  std::memcpy(copy.data(), base_, bytes_);
  return true;
}

}  // namespace slotd::crash
