// The other steps in the life of a slot, of a membership and of an entry; the operator's words.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>

#include "tests/crash/operation.hpp"
#include "tests/support/team.hpp"

namespace slotd::crash {

namespace {

void attach_and_claim(Child& child) {
  attach_child(child);
  child.held = claim_by(*child.attachment, {kPlain, "CH_1", {}, {}}, child.outcome.reason);
}

/// A step of a slot that the child has claimed.
Operation make_slot_step(std::string name, std::function<Errc(Child&)> step) {
  Operation operation;
  operation.name = std::move(name);
  operation.prepare = attach_and_claim;
  operation.run = [step = std::move(step)](Child& child) {
    child.outcome.code = step(child);
    child.outcome.held = child.held;
  };
  return operation;
}

std::function<std::string(const Rig&, const Outcome&)> expect_state(SlotState state) {
  return [state](const Rig& rig, const Outcome& outcome) -> std::string {
    if (outcome.code != Errc::kOk) return describe(outcome.code);
    return rig.word(outcome.held.slot).state() == state ? "" : "the word is in another state";
  };
}

/// The new owner is the process of this pid, and the token that came back is good.
std::function<std::string(const Rig&, const Outcome&)> expect_owner(
    std::function<int(const Rig&)> pid) {
  return [pid = std::move(pid)](const Rig& rig, const Outcome& outcome) -> std::string {
    if (outcome.code != Errc::kOk) return describe(outcome.code);
    const auto word = load_claim(rig.view(), outcome.held.ref());
    if (!word) return "the new token is not good";
    const Reservation owner{rig.view().process(word->owner()).reservation.load()};
    return static_cast<int>(owner.pid()) == pid(rig) ? "" : "another owner";
  };
}

void add_slot_steps(std::vector<Operation>& list) {
  list.push_back(make_slot_step(
      "release", [](Child& child) { return child.attachment->release(child.held); }));
  list.back().judge = expect_state(SlotState::kFree);
  list.push_back(make_slot_step(
      "activate", [](Child& child) { return child.attachment->activate(child.held); }));
  list.back().judge = expect_state(SlotState::kActive);
  list.push_back(
      make_slot_step("end", [](Child& child) { return child.attachment->end(child.held); }));
  list.back().judge = expect_state(SlotState::kEnding);
  list.push_back(make_slot_step("report", [](Child& child) {
    return child.attachment->report(child.held, {1'500'000, 4096});
  }));
  list.back().judge = [](const Rig& rig, const Outcome& outcome) -> std::string {
    if (outcome.code != Errc::kOk) return describe(outcome.code);
    const slotd::Report seen = load_report(rig.view(), outcome.held.slot, outcome.held.nonce,
                                           rig.self().processes().clock().coarse_ns());
    return seen.cpu_micro == 1'500'000U && seen.memory_bytes == 4096U ? "" : "another report";
  };
  list.push_back(make_slot_step("bind", [](Child& child) {
    return child.attachment->bind(child.held, child.rig.bystander_pid());
  }));
  list.back().judge = expect_owner([](const Rig& rig) { return rig.bystander_pid(); });
  list.push_back(make_slot_step("bind to one that never attached", [](Child& child) {
    return child.attachment->bind(child.held, child.rig.stranger_pid());
  }));
  list.back().judge = expect_owner([](const Rig& rig) { return rig.stranger_pid(); });
  list.push_back(
      make_slot_step("adopt", [](Child& child) { return child.attachment->adopt(child.held); }));
  list.back().prepare = [](Child& child) {
    attach_child(child);
    child.held = child.rig.bystander_slots()[0];
  };
  list.back().allowed.moved = {0};
  list.back().judge = expect_owner([](const Rig& rig) { return rig.child_pid; });
}

EntryPhase phase_of(const Rig& rig, std::uint32_t index) {
  const ProcessEntry& entry = rig.view().process(index);
  return judge_phase(Reservation{entry.reservation.load()}, entry.attach.load());
}

Operation make_attach(std::string name, Stepped stepped) {
  Operation operation;
  operation.name = std::move(name);
  operation.stepped = stepped;
  // The mapping that this copy of the harness has is forgotten, so that the child maps the file.
  operation.prepare = [](Child&) { detail::mappings().store(nullptr); };
  operation.run = [](Child& child) {
    std::string text;
    child.attachment = Attachment::open({child.rig.path(), "step"}, child.outcome.code, text);
    if (child.attachment != nullptr) child.outcome.number = child.attachment->self().index;
  };
  operation.judge = [](const Rig& rig, const Outcome& outcome) -> std::string {
    if (outcome.code != Errc::kOk) return describe(outcome.code);
    const auto index = static_cast<std::uint32_t>(outcome.number);
    const ProcessEntry& entry = rig.view().process(index);
    const PresenceState presence = read_presence_value(entry.presence.load(), entry.attach.load());
    return phase_of(rig, index) == EntryPhase::kInUse && presence == PresenceState::kAlive
               ? ""
               : "attached without presence";
  };
  return operation;
}

Operation make_detach(std::string name, Stepped stepped) {
  Operation operation;
  operation.name = std::move(name);
  operation.stepped = stepped;
  operation.prepare = attach_and_claim;
  operation.run = [](Child& child) {
    child.outcome.number = child.attachment->self().index;
    child.attachment->close();
  };
  operation.judge = [](const Rig& rig, const Outcome& outcome) -> std::string {
    const auto index = static_cast<std::uint32_t>(outcome.number);
    if (phase_of(rig, index) != EntryPhase::kFree) return "the entry was not given back";
    return read_books(rig, Counted::kHeld).of_type[kPlain] == 1 ? "" : "a slot was left behind";
  };
  return operation;
}

using Entry = std::shared_ptr<ProcessRef>;

std::string find_word_of(const Rig& rig, std::uint32_t owner) {
  for (std::uint32_t slot = 0; slot < kCapacities.slots; ++slot) {
    if (!rig.word(slot).is_free() && rig.word(slot).owner() == owner) return "a word is left";
  }
  return {};
}

void add_burials(std::vector<Operation>& list) {
  const Entry dead = std::make_shared<ProcessRef>();
  Operation operation;
  operation.prepare = attach_child;
  operation.setup = [dead](Rig& rig) {
    *dead = rig.add_dead({{kPlain, "D_1", {}, {}}, {kMemory, {}, {}, {}}});
  };
  operation.judge = [dead](const Rig& rig, const Outcome&) {
    return find_word_of(rig, dead->index);
  };
  operation.name = "reap";
  operation.run = [](Child& child) { child.outcome.number = child.attachment->reap(); };
  list.push_back(operation);
  operation.name = "reap, broker up";
  operation.broker_up = true;
  list.push_back(operation);
  operation.broker_up = false;
  operation.name = "recycle an entry";
  operation.run = [dead](Child& child) {
    child.attachment->processes().try_recycle(dead->index, ProbeMode::kPidfd);
  };
  operation.judge = [dead](const Rig& rig, const Outcome&) -> std::string {
    const bool free = phase_of(rig, dead->index) == EntryPhase::kFree;
    return free ? find_word_of(rig, dead->index) : "the entry is not free";
  };
  list.push_back(operation);
}

/// A process that sleeps on a presence word, as a waiter does.
class Sleeper {
 public:
  ~Sleeper() { end(); }

  void sleep_on(ProcessEntry& entry) {
    end();
    awake_->store(0);
    const auto word = static_cast<std::uint32_t>(entry.presence.load());
    pid_ = ::fork();
    if (pid_ == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      awake_->store(1);
      futex_wait(presence_futex(entry.presence), word, 60 * kNsPerSecond, FutexScope::kShared);
      awake_->store(2);
      ::_exit(0);
    }
    while (awake_->load() == 0 || !is_asleep()) ::usleep(20);
  }
  /// Waits for a while: a wake needs only one turn of the processor.
  bool has_woken() const {
    for (int i = 0; i < 5'000 && awake_->load() != 2; ++i) ::usleep(100);
    return awake_->load() == 2;
  }

 private:
  void end() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
    pid_ = 0;
  }
  bool is_asleep() const {
    std::array<char, 64> path{};
    std::array<char, 512> text{};
    std::snprintf(path.data(), path.size(), "/proc/%d/stat", pid_);
    if (read_small_file(path.data(), text) <= 0) return false;
    const char* end_of_name = std::strrchr(text.data(), ')');
    return end_of_name != nullptr && end_of_name[1] == ' ' && end_of_name[2] == 'S';
  }

  testing::Shared<std::atomic<int>> awake_;
  pid_t pid_ = 0;
};

/// What the broker does for a process that the kernel could not mark, with a waiter asleep on it.
Operation make_force_mark() {
  const Entry dead = std::make_shared<ProcessRef>();
  const auto sleeper = std::make_shared<Sleeper>();
  Operation operation;
  operation.name = "mark a dead owner";
  operation.setup = [dead](Rig& rig) { *dead = rig.add_dead({{kPlain, "D_1", {}, {}}}, false); };
  operation.at_mark = [dead, sleeper](Rig& rig) {
    sleeper->sleep_on(rig.view().process(dead->index));
  };
  operation.prepare = attach_child;
  operation.run = [dead](Child& child) {
    force_mark(child.rig.view().process(dead->index), dead->attach);
  };
  operation.judge = [dead, sleeper](const Rig& rig, const Outcome&) -> std::string {
    const std::uint64_t presence = rig.view().process(dead->index).presence.load();
    if (read_presence_value(presence, dead->attach) != PresenceState::kMarked) return "no mark";
    return sleeper->has_woken() ? "" : "the sleeper on the mark was not woken";
  };
  return operation;
}

void add_operator_words(std::vector<Operation>& list) {
  Operation operation;
  operation.name = "limits set";
  operation.run = [](Child& child) {
    child.rig.view().limit_override(kPlain).word.store(5 + 1, std::memory_order_seq_cst);
  };
  operation.judge = [](const Rig& rig, const Outcome&) -> std::string {
    return read_books(rig, Counted::kHeld).limit_a == 5 ? "" : "the limit is not in force";
  };
  list.push_back(operation);
  operation.name = "drain";
  operation.run = [](Child& child) {
    child.rig.view().header().drain.fetch_or(1U << kPlain, std::memory_order_seq_cst);
  };
  operation.judge = [](const Rig& rig, const Outcome&) -> std::string {
    return read_books(rig, Counted::kHeld).draining ? "" : "nothing drains";
  };
  operation.restore = [](Rig& rig) { rig.view().header().drain.store(0); };
  list.push_back(operation);
}

}  // namespace

std::vector<Operation> list_steps() {
  std::vector<Operation> list;
  add_slot_steps(list);
  list.push_back(make_attach("attach", Stepped::kMain));
  list.push_back(make_attach("attach (keeper)", Stepped::kCreated));
  list.push_back(make_detach("detach", Stepped::kMain));
  list.push_back(make_detach("detach (keeper)", Stepped::kCreated));
  list.push_back(make_detach("detach, broker up", Stepped::kMain));
  list.back().broker_up = true;
  add_burials(list);
  list.push_back(make_force_mark());
  add_operator_words(list);
  return list;
}

}  // namespace slotd::crash
