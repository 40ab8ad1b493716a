#include "tools/slotctl/commands/wait.hpp"

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <utility>
#include <vector>

#include "slotd/ledger.hpp"
#include "slotd/scan.hpp"
#include "slotd/snapshot.hpp"
#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/following.hpp"
#include "tools/slotctl/segment_access.hpp"
#include "tools/slotctl/type_argument.hpp"

namespace slotd::ctl {

namespace {

struct WaitOptions {
  bool idle = false;
  std::string type;
  std::uint32_t free = 1;
  std::uint64_t wait_ms = Polling::kUnbounded;
};

/// Two successive passes that show the same: at most as many as a snapshot takes.
std::unique_ptr<PassWords> load_words(const SegmentView& view) {
  auto before = std::make_unique<PassWords>();
  auto words = std::make_unique<PassWords>();
  load_pass(view, kNoSlot, *words);
  for (int pass = 1; pass < kSnapshotPasses; ++pass) {
    std::swap(before, words);
    load_pass(view, kNoSlot, *words);
    if (words->count == before->count &&
        std::equal(words->words.begin(), words->words.begin() + words->count,
                   before->words.begin())) {
      break;
    }
  }
  return words;
}

/// Would a claim that needs this slot's room free it first?
bool is_of_the_dead(const ProcessTable& processes, std::uint32_t slot, SlotWord word) {
  if (!processes.is_index(word.owner())) return false;
  const std::uint64_t attach =
      processes.view().process(word.owner()).attach.load(std::memory_order_acquire);
  return processes.is_freeable(word, slot, {word.owner(), attach}, ProbeMode::kPidfd);
}

/// Nobody who may only read can end a settling that the broker did not live to end; a claim does.
bool is_settling_overdue(const ProcessTable& processes) {
  const std::uint64_t end_ns = processes.view().header().created_at_ns.get() + kLongestSettlingNs;
  return processes.clock().coarse_ns() >= end_ns;
}

/// The rules of one moment for one type, and what they bear on.
struct Moment {
  std::uint32_t base = 0;
  LedgerStamp stamp;
  Rules rules;
  Request request;
};

Moment load_moment(const ProcessTable& processes, std::uint32_t type) {
  const SegmentView& view = processes.view();
  Moment moment;
  const std::uint64_t epoch = view.header().config_epoch.load(std::memory_order_acquire);
  moment.base = load_base(view, epoch, type);
  moment.stamp = load_stamp(view, moment.base);
  LedgerStamp stamp = moment.stamp;
  if (is_settling_overdue(processes)) stamp.drain &= ~kDrainRebuild;
  load_rules(view, stamp, type, moment.rules);
  moment.request.type = type;
  moment.request.cost_is_default = true;
  moment.request.memory_is_default = true;
  fill_default_costs(view, stamp.config_epoch, moment.request);
  return moment;
}

/// Jobs that fit one after the other into what the words leave.
Room fill_up(const ProcessTable& processes, const Moment& moment, const PassWords& words,
             std::uint32_t wanted) {
  const SegmentView& view = processes.view();
  std::vector<bool> counts(words.count);
  std::uint32_t taken = 0;
  for (std::uint32_t slot = 0; slot < words.count; ++slot) {
    const SlotWord word = words[slot];
    if (word.is_free() || is_of_the_dead(processes, slot, word)) continue;
    ++taken;
    counts[slot] = word.is_held();
  }
  const bool is_charged = view.sample(moment.stamp.sample_epoch).charge_mark.get() != 0;
  const PassContext context{&view,
                            &moment.rules,
                            moment.stamp,
                            {},
                            moment.request.cost_milli,
                            is_charged && processes.is_broker_down(),
                            RecordTrust::kCertain};
  Usage usage =
      sum_pass(context, words, [&](std::uint32_t slot, SlotWord) { return bool{counts[slot]}; });
  Room room;
  for (; room.jobs < wanted; ++room.jobs) {
    room.next = decide(moment.rules, moment.request, usage);
    if (!room.next) return room;
    if (taken + room.jobs >= view.slot_count()) {
      room.next.reason = Reason::kTableFull;
      room.next.limit = view.slot_count();
      room.next.in_use = taken + room.jobs;
      return room;
    }
    usage.add(moment.rules, moment.request.type, std::uint64_t{moment.request.cost_milli} * 1000U,
              moment.request.memory_bytes);
  }
  return room;
}

WaitState look(const ProcessTable& processes, const WaitOptions& options, Charset charset) {
  WaitState state;
  if (options.idle) {
    state.held = count_held(processes);
    state.met = state.held.is_idle();
    return state;
  }
  const std::uint32_t type = find_type_or_fail(processes.view(), options.type, charset);
  const Room room = count_room(processes, type, options.free);
  state.type = read_type_name(processes.view(), type);
  state.wanted = options.free;
  state.jobs = room.jobs;
  state.met = room.jobs >= options.free;
  if (!state.met) state.refusal = make_refusal(processes.view(), room.next, options.type);
  return state;
}

int report(const Context& context, const WaitState& state, double waited_s) {
  if (context.globals.json) context.print_json(wait_json(state, waited_s));
  const std::string text = wait_text(state, context.console.charset());
  if (!state.met) {
    context.hint("timed out: " + text);
  } else if (!context.globals.json && !context.globals.quiet) {
    context.console.print(text + "\n");
  }
  return to_status(state.met ? ExitCode::kDone : ExitCode::kRefused);
}

int run_wait(const WaitOptions& options, const Context& context) {
  if (options.idle == !options.type.empty())
    throw Failure(Errc::kInvalidArgument, "wait for what: --idle, or -t TYPE with --free N?");
  if (options.free == 0) throw Failure(Errc::kInvalidArgument, "--free: 1 or more");
  Polling polling(options.wait_ms);
  std::optional<ProcessTable> processes = open_for_reading(context.globals);
  for (Errc last = Errc::kOk;;) {
    WaitState state;
    if (processes) {
      state = look(*processes, options, context.console.charset());
      // Of a segment that was retired meanwhile nothing counts.
      if (state.met && !is_replaced(processes->view()))
        return report(context, state, polling.waited_s());
    }
    if (!polling.sleep()) {
      if (!processes) throw Failure(last);
      state.met = false;
      return report(context, state, polling.waited_s());
    }
    processes = try_open_for_reading(context.globals, last);
  }
}

std::string slots_text(std::uint32_t count) {
  return count == 1 ? "1 slot is held" : std::to_string(count) + " slots are held";
}

}  // namespace

Room count_room(const ProcessTable& processes, std::uint32_t type, std::uint32_t wanted) {
  Room room;
  for (int attempt = 0; attempt < kSnapshotPasses; ++attempt) {
    const Moment moment = load_moment(processes, type);
    room = fill_up(processes, moment, *load_words(processes.view()), wanted);
    if (is_current(processes.view(), moment.stamp, moment.base)) return room;
  }
  // The rules never held still: this is no answer yet.
  return {0, {.reason = Reason::kContended}};
}

Held count_held(const ProcessTable& processes) {
  const SegmentView& view = processes.view();
  const auto words = load_words(view);
  Held held;
  for (std::uint32_t slot = 0; slot < words->count; ++slot) {
    const SlotWord word = (*words)[slot];
    if (word.is_held() && !is_of_the_dead(processes, slot, word)) ++held.slots;
  }
  held.settling = (view.header().drain.load(std::memory_order_acquire) & kDrainRebuild) != 0 &&
                  !is_settling_overdue(processes);
  return held;
}

Json wait_json(const WaitState& state, double waited_s) {
  Json out = make_document();
  out["condition"] = state.type.empty() ? "idle" : "free";
  out["met"] = state.met;
  out["waited"] = seconds_json(waited_s);
  if (state.type.empty()) {
    out["held"] = state.held.slots;
    out["settling"] = state.held.settling;
    return out;
  }
  out["type"] = state.type;
  out["free"] = state.wanted;
  out["room"] = state.jobs;
  out["refusal"] = state.met ? Json(nullptr) : Json(reason_name(state.refusal.verdict.reason));
  if (!state.met) add_figures(out, state.refusal);
  return out;
}

std::string wait_text(const WaitState& state, Charset charset) {
  if (state.type.empty()) {
    if (state.met) return "idle";
    if (state.held.settling) return slots_text(state.held.slots) + ", and holders are coming back";
    return slots_text(state.held.slots);
  }
  const std::string text = escape_text(state.type, charset) + ": room for ";
  if (state.met) return text + std::to_string(state.wanted);
  return text + std::to_string(state.jobs) + " of " + std::to_string(state.wanted) + "; " +
         refusal_text(state.refusal, charset);
}

void add_wait(CommandSet& set) {
  auto options = std::make_shared<WaitOptions>();
  Verb verb = set.add("wait", "until nothing is held, or until jobs of a type fit",
                      [options](const Context& context) { return run_wait(*options, context); });
  verb.add_flag("--idle", options->idle, "until nothing is held");
  verb.add_text("-t,--type", options->type, "TYPE", "until jobs of this type would be admitted",
                Need::kOptional);
  verb.add_number("--free", options->free, "how many of them, beside each other (1)",
                  Need::kOptional);
  verb.add_seconds("-w,--wait", options->wait_ms,
                   "for so long at most: exit status 75 then. Without it, however long it takes");
}

}  // namespace slotd::ctl
