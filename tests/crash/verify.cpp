#include "tests/crash/verify.hpp"

#include <sched.h>
#include <unistd.h>

#include <algorithm>

#include "broker/ledger/publish.hpp"
#include "slotd/snapshot.hpp"

namespace slotd::crash {

namespace {

constexpr std::size_t kMaxLines = 12;

/// The process of a slot's owner: one that this test knows to live?
bool is_living(const Rig& rig, std::uint32_t owner) {
  if (owner == kNobody || owner > kCapacities.processes) return false;
  const ProcessEntry& entry = rig.view().process(owner);
  const auto pid = static_cast<int>(Reservation{entry.reservation.load()}.pid());
  const bool known = pid == ::getpid() || pid == rig.bystander_pid() || pid == rig.stranger_pid();
  return known && (entry.attach.load() & 1U) != 0;
}

std::string name_slot(std::uint32_t slot, SlotWord word) {
  return "slot " + std::to_string(slot) + " (owner " + std::to_string(word.owner()) + ", state " +
         std::to_string(static_cast<int>(word.state())) + ", type " + std::to_string(word.type()) +
         ", generation " + std::to_string(word.generation()) + ")";
}

void check_words(const Rig& rig, Findings& findings) {
  const std::uint64_t mark = rig.view().header().mark.load();
  if (mark > kCapacities.slots) findings.add("mark beyond the table");
  for (std::uint32_t slot = 0; slot < kCapacities.slots; ++slot) {
    const SlotWord word = rig.word(slot);
    if (!word.is_valid()) findings.add("invalid word: " + name_slot(slot, word));
    if (word.is_free()) continue;
    if (word.owner() > kCapacities.processes || word.type() >= kTypes)
      findings.add("index out of range: " + name_slot(slot, word));
    // A word is below the mark before it is published.
    if (word.is_counted() && slot >= mark) findings.add("above the mark: " + name_slot(slot, word));
  }
}

void check_limits(const Rig& rig, Findings& findings) {
  const Books held = read_books(rig, Counted::kHeld);
  if (held.of_type[kPlain] > held.limit_a || held.of_type[kLast] > kRules[kLast].limit)
    findings.add("type limit exceeded");
  if (held.g > kLimitG || held.h > kLimitH) findings.add("group limit exceeded");
  if (held.milli > kBudgetMilli) findings.add("CPU budget exceeded");
  if (held.memory + kHeadroom >= kMemoryMax) findings.add("memory exceeded");
  for (std::uint32_t slot = 0; slot < kCapacities.slots; ++slot) {
    for (std::uint32_t other = 0; other < slot && rig.word(slot).is_held(); ++other) {
      const auto key = load_text(rig.view().record(slot).key);
      if (rig.word(other).is_held() && key[0] != '\0' &&
          key == load_text(rig.view().record(other).key))
        findings.add("a key is held twice");
    }
  }
}

/// Is the slot as it was in the picture: word, nonce?
void check_kept(const Rig& rig, const HeldSlot& held, const char* whose, Findings& findings) {
  const SlotWord word = rig.word(held.slot);
  if (word == rig.pictured_word(held.slot) &&
      rig.view().record(held.slot).nonce.get() == rig.pictured_nonce(held.slot)) {
    return;
  }
  findings.add(std::string("a slot of the living ") + whose +
               " has changed: " + name_slot(held.slot, word));
}

bool is_moved(const Allowed& allowed, std::uint32_t slot) {
  return std::find(allowed.moved.begin(), allowed.moved.end(), slot) != allowed.moved.end();
}

broker::WatchList make_watch_list(const ProcessTable& table) {
  return broker::WatchList(table, {kCapacities.processes, 0}, make_silent_hooks());
}

/// One claim by this process that has to be admitted and adds one to its slot's generation.
HeldSlot claim_surely(const Rig& rig, const Wish& wish, Findings& findings) {
  std::array<SlotWord, kCapacities.slots> before;
  for (std::uint32_t slot = 0; slot < kCapacities.slots; ++slot) before[slot] = rig.word(slot);
  Reason reason = Reason::kNone;
  const HeldSlot held = claim_by(rig.self(), wish, reason);
  if (held.slot >= kCapacities.slots) {
    findings.add("refused with room there: type " + std::to_string(wish.type) + ", " +
                 reason_name(reason));
    return held;
  }
  if (rig.word(held.slot).generation() != ((before[held.slot].generation() + 1U) & kGenerationMask))
    findings.add("a claim did not add one to the generation");
  return held;
}

void release_surely(const Rig& rig, const HeldSlot& held, Findings& findings) {
  if (held.slot >= kCapacities.slots) return;
  const Errc code = rig.self().release(held);
  if (code != Errc::kOk) findings.add(std::string("release: ") + describe(code));
}

/// Claims of one type until the first refusal: exactly as many, and the reason, that the books say.
void check_fill(const Rig& rig, std::uint32_t type, Findings& findings) {
  Books books = read_books(rig, Counted::kHeld);
  std::vector<HeldSlot> held;
  Reason reason = Reason::kNone;
  for (std::uint32_t i = 0; i <= kCapacities.slots && reason == Reason::kNone; ++i) {
    const Reason expected = books.refuse(type);
    const HeldSlot slot = claim_by(rig.self(), {type, {}, {}, {}}, reason);
    if (reason == Reason::kNone) held.push_back(slot);
    if (reason != expected) {
      findings.add("type " + std::to_string(type) + ", " + std::to_string(held.size()) +
                   " taken: expected " + reason_name(expected) + ", was told " +
                   reason_name(reason));
      break;
    }
    books.add(type, kRules[type].cost_milli, kRules[type].memory_bytes);
    books.taken += 1;
  }
  for (const HeldSlot& slot : held) release_surely(rig, slot, findings);
}

/// In use by a living process, or free for the next one.
void check_entry(const Rig& rig, std::uint32_t index, Findings& findings) {
  ProcessEntry& entry = rig.view().process(index);
  const auto phase = [&] {
    return judge_phase(Reservation{entry.reservation.load()}, entry.attach.load());
  };
  rig.broker_table().try_recycle(index, ProbeMode::kPidfd);
  // Who reserves an entry for another, living process and dies half way leaves what only time can
  // tell from work in progress: the quarantine is made to be over.
  if (phase() == EntryPhase::kReserving) {
    constexpr std::uint64_t kLonger = kQuarantineSeconds + 1;
    entry.marked.store(entry.marked.load() - kLonger);
    rig.broker_table().try_recycle(index, ProbeMode::kPidfd);
  }
  const EntryPhase expected = is_living(rig, index) ? EntryPhase::kInUse : EntryPhase::kFree;
  if (phase() != expected) {
    findings.add("entry " + std::to_string(index) + " is in phase " +
                 std::to_string(static_cast<int>(phase())));
  }
  if (phase() == EntryPhase::kInUse && entry.hazard.load() != 0)
    findings.add("a living process's hazard is left in entry " + std::to_string(index));
}

/// A type of which one more fits, in turn.
std::uint32_t pick_type(const Books& books, std::uint32_t turn) {
  for (std::uint32_t i = 0; i < kTypes; ++i) {
    const std::uint32_t type = (turn + i) % kTypes;
    if (books.refuse(type) == Reason::kNone) return type;
  }
  return kTiny;
}

void check_bystander_tokens(const Rig& rig, const Allowed& allowed, Findings& findings) {
  for (const HeldSlot& held : rig.bystander_slots()) {
    if (is_moved(allowed, held.slot)) continue;
    const SegmentView& view = rig.view();
    if (activate_slot(view, held.ref(), 1).code != Errc::kOk ||
        end_slot(view, held.ref()).code != Errc::kOk ||
        release_slot(view, held.ref()).code != Errc::kOk) {
      findings.add("a token of the bystander is not good any more");
    }
    if (release_slot(view, held.ref()).code != Errc::kStaleToken)
      findings.add("a stale token was accepted");
  }
}

}  // namespace

void Findings::add(const std::string& what) {
  ++count_;
  if (lines_.size() < kMaxLines) lines_.push_back(place_ + ": " + what);
}

void Books::add(std::uint32_t type, std::uint64_t cost_milli, std::uint64_t memory_bytes) {
  const TypeRule& rule = kRules[type % kTypes];
  of_type[type % kTypes] += 1;
  milli += cost_milli;
  memory += memory_bytes;
  g += rule.in_g;
  h += rule.in_h;
}

Reason Books::refuse(std::uint32_t type) const {
  const TypeRule& rule = kRules[type];
  const std::uint32_t limit = type == kPlain ? limit_a : rule.limit;
  if (draining) return Reason::kDraining;
  if (limit != kNoLimit && of_type[type] >= limit) return Reason::kTypeLimit;
  if (rule.in_g != 0 && g + rule.in_g > kLimitG) return Reason::kGroupLimit;
  if (rule.in_h != 0 && h + rule.in_h > kLimitH) return Reason::kGroupLimit;
  if (memory + rule.memory_bytes + kHeadroom >= kMemoryMax) return Reason::kMemory;
  if (milli + rule.cost_milli > kBudgetMilli) return Reason::kCpu;
  return taken >= kCapacities.slots ? Reason::kTableFull : Reason::kNone;
}

/// Its cost, or what the sample holds for it beside what it says is used.
static std::uint64_t memory_held_for(const SegmentView& view, std::uint32_t slot, SlotWord word) {
  const std::uint64_t epoch = view.header().sample_epoch.load();
  const bool is_there = slot < view.sample(epoch).charge_mark.get();
  const ChargeWord charge{is_there ? view.charges(epoch)[slot].load() : 0};
  if (charge.matches(word) && (charge.flags() & ChargeWord::kMemorySampled) != 0)
    return view.memory_held(epoch)[slot].load();
  return view.record(slot).memory_bytes.get();
}

Books read_books(const Rig& rig, Counted counted) {
  Books books;
  const SegmentView& view = rig.view();
  for (std::uint32_t slot = 0; slot < kCapacities.slots; ++slot) {
    const SlotWord word = rig.word(slot);
    books.taken += word.is_free() ? 0U : 1U;
    const bool meant = counted == Counted::kHeld ? word.is_held() : word.is_counted();
    if (meant) books.add(word.type(), word.cost_milli(), memory_held_for(view, slot, word));
  }
  books.memory += view.sample(view.header().sample_epoch.load()).memory_used_bytes.get();
  const std::uint64_t own = view.limit_override(kPlain).word.load();
  const ConfigBlock& config = view.config(view.header().config_epoch.load());
  books.limit_a = own != 0 ? static_cast<std::uint32_t>(own - 1) : config.types[kPlain].limit.get();
  books.draining = view.header().drain.load() != 0;
  return books;
}

void check_invariants(const Rig& rig, const Allowed& allowed, Findings& findings) {
  check_words(rig, findings);
  check_limits(rig, findings);
  for (const HeldSlot& held : rig.bystander_slots()) {
    if (!is_moved(allowed, held.slot)) check_kept(rig, held, "bystander", findings);
  }
  for (const HeldSlot& held : rig.held_here()) check_kept(rig, held, "checker", findings);
}

broker::WatchList::Hooks make_silent_hooks() {
  broker::WatchList::Hooks hooks;
  hooks.watch = [](std::uint32_t, int) { return true; };
  hooks.forget = [](std::uint32_t) {};
  hooks.reaped = [](const broker::ReapedSlot&) {};
  return hooks;
}

void check_burial(const Rig& rig, Undertaker undertaker, Findings& findings) {
  if (undertaker == Undertaker::kBroker) {
    broker::WatchList watch_list = make_watch_list(rig.broker_table());
    watch_list.sweep();
    watch_list.scan();
  } else {
    rig.self().reap();
  }
  for (std::uint32_t slot = 0; slot < kCapacities.slots; ++slot) {
    const SlotWord word = rig.word(slot);
    if (!word.is_free() && !is_living(rig, word.owner()))
      findings.add("a dead owner's word is left: " + name_slot(slot, word));
  }
  for (std::uint32_t index = 1; index <= kCapacities.processes; ++index)
    check_entry(rig, index, findings);
}

void check_service(const Rig& rig, const Allowed& allowed, Findings& findings) {
  const Books books = read_books(rig, Counted::kHeld);
  constexpr std::uint32_t kClaims = 100;
  for (std::uint32_t i = 0; i < kClaims; ++i) {
    const Wish wish{pick_type(books, i), i % 3 == 0 ? "V_1" : "", {}, {}};
    release_surely(rig, claim_surely(rig, wish, findings), findings);
  }
  for (std::uint32_t type = 0; type < kTypes; ++type) check_fill(rig, type, findings);
  check_bystander_tokens(rig, allowed, findings);
}

void Delays::merge(const Delays& other) noexcept {
  worst_us = std::max(worst_us, other.worst_us);
  steady_us = std::max(steady_us, other.steady_us);
}

namespace {

/// While it lasts nothing else of this machine runs in this thread's place, where that is
/// permitted: the delays are then the protocol's and not the machine's.
class FirstInLine {
 public:
  FirstInLine() noexcept {
    sched_param first{};
    first.sched_priority = 1;
    ::sched_setscheduler(0, SCHED_FIFO | SCHED_RESET_ON_FORK, &first);
  }
  FirstInLine(const FirstInLine&) = delete;
  FirstInLine& operator=(const FirstInLine&) = delete;
  ~FirstInLine() {
    const sched_param usual{};
    ::sched_setscheduler(0, SCHED_OTHER, &usual);
  }
};

/// Times one action three times over.
template <typename Action>
void measure(Delays& delays, Action action) {
  constexpr int kTries = 3;
  double best_us = 1e9;
  for (int i = 0; i < kTries; ++i) {
    const std::uint64_t before_ns = monotonic_ns();
    action();
    const double took_us = static_cast<double>(monotonic_ns() - before_ns) / 1000.0;
    delays.worst_us = std::max(delays.worst_us, took_us);
    best_us = std::min(best_us, took_us);
  }
  delays.steady_us = std::max(delays.steady_us, best_us);
}

}  // namespace

Delays work_beside(const Rig& rig, Duties duties, Findings& findings) {
  Delays delays;
  const FirstInLine first;
  for (const std::uint32_t type : {kTiny, kPlain, kMemory, kLarge, kLast, kMixed}) {
    measure(delays, [&] {
      // With everything counted that is published there is room: then nobody may say otherwise.
      const bool fits = read_books(rig, Counted::kHeldAndTentative).refuse(type) == Reason::kNone;
      Reason reason = Reason::kNone;
      const HeldSlot held =
          claim_by(rig.self(), {type, type == kMemory ? "V_2" : "", {}, {}}, reason);
      if (reason == Reason::kNone) return release_surely(rig, held, findings);
      // Who gives way to a waiter is told so at once.
      if (fits && reason != Reason::kQueuedAhead) {
        findings.add("beside a stopped process: type " + std::to_string(type) + " refused, " +
                     reason_name(reason));
      }
    });
  }
  measure(delays, [&] {
    ClaimRequest request;
    request.request = make_request(rig.view(), kPlain);
    rig.self().look(request);
  });
  measure(delays, [&] { read_snapshot(rig.processes()); });
  measure(delays, [&] { rig.self().reap(); });
  if (duties == Duties::kAll) {
    measure(delays, [&] { broker::publish_sample(rig.view(), {}); });
    broker::WatchList watch_list = make_watch_list(rig.broker_table());
    measure(delays, [&] { watch_list.scan(); });
  }
  return delays;
}

}  // namespace slotd::crash
