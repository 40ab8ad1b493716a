#include "tools/slotctl/commands/free.hpp"

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>

#include "slotd/process_probe.hpp"
#include "slotd/slot_table.hpp"
#include "slotd/snapshot.hpp"
#include "slotd/waiters.hpp"
#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/following.hpp"
#include "tools/slotctl/segment_access.hpp"
#include "tools/slotctl/token_step.hpp"

namespace slotd::ctl {

namespace {

struct FreeOptions {
  std::uint32_t slot = 0;
  bool force = false;
};

/// "participant, key EG_1, of pid 4711 (handler)"
std::string describe_slot(const Snapshot& snapshot, std::uint32_t index, Charset charset) {
  for (const SlotSnapshot& slot : snapshot.slots) {
    if (slot.slot != index) continue;
    std::string text = escape_text(slot.type, charset);
    if (!slot.key.empty()) text += ", key " + escape_text(slot.key, charset);
    text += ", of pid " + std::to_string(slot.owner_pid);
    if (!slot.owner_name.empty()) text += " (" + escape_text(slot.owner_name, charset) + ")";
    if (slot.owner_dead) text += ", which is dead";
    return text;
  }
  return "not held";
}

int run_free(const FreeOptions& options, const Context& context) {
  const SegmentView view = open_for_writing(context.globals);
  const std::string name = "slot " + std::to_string(options.slot);
  if (options.slot >= view.slot_count()) {
    throw Failure(Errc::kInvalidArgument,
                  name + ": there are slots 0 to " + std::to_string(view.slot_count() - 1));
  }
  const ProcessTable processes(view, read_self_identity(), false);
  const Snapshot snapshot = read_snapshot(processes);
  const std::string holder = describe_slot(snapshot, options.slot, context.console.charset());
  if (!options.force) {
    throw Failure(Errc::kInvalidArgument,
                  name + " is " + holder + "; --force frees it whatever its holder does");
  }
  const SlotRecord& record = view.record(options.slot);
  const std::uint64_t since_ns = record.claimed_at_ns.get();
  const std::uint64_t nonce = record.nonce.get();
  const StepResult result = force_free_slot(view, options.slot);
  if (result.code != Errc::kOk) throw Failure(result.code, name + " is not held");
  processes.note_taken({EventKind::kForcedFree, options.slot, result.word, since_ns, nonce});
  // Not done again by itself: what holds that slot in the next segment may be another job.
  if (is_replaced(view)) {
    throw Failure(Errc::kRetired, "the segment was replaced meanwhile, maybe with " + name +
                                      " still held; `slotctl slots` shows it");
  }
  wake_waiters(processes);
  if (context.globals.json) {
    context.print_json(step_json(options.slot, "free"));
  } else if (!context.globals.quiet) {
    context.console.print("freed " + name + ": " + holder + "\n");
  }
  return to_status(ExitCode::kDone);
}

}  // namespace

void add_free(CommandSet& set) {
  auto options = std::make_shared<FreeOptions>();
  Verb verb = set.add("free", "free one slot whoever holds it",
                      [options](const Context& context) { return run_free(*options, context); });
  verb.add_number("SLOT", options->slot, "the slot's number, as `slots` shows it", Need::kRequired);
  verb.add_flag("--force", options->force, "the holder is not asked");
}

}  // namespace slotd::ctl
