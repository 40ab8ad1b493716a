#include "tools/slotctl/commands/drain.hpp"

#include <memory>
#include <nlohmann/json.hpp>

#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/following.hpp"
#include "tools/slotctl/type_argument.hpp"

namespace slotd::ctl {

namespace {

/// What operators may set and clear; kDrainRebuild is the broker's.
constexpr std::uint64_t kTypeBits = (std::uint64_t{1} << kMaxTypes) - 1U;
constexpr std::uint64_t kOperatorBits = kDrainAll | kTypeBits;

std::uint64_t read_bits(const SegmentView& view, const std::vector<std::string>& names,
                        Charset charset) {
  std::uint64_t bits = 0;
  for (const std::string& name : names) {
    bits |= std::uint64_t{1} << find_type_or_fail(view, name, charset);
  }
  return bits;
}

std::vector<std::string> read_drained_types(const SegmentView& view, std::uint64_t drain) {
  std::vector<std::string> names;
  for (std::uint32_t type = 0; type < kMaxTypes; ++type) {
    if (((drain >> type) & 1U) != 0) names.push_back(read_type_name(view, type));
  }
  return names;
}

void print_drain(const Context& context, const SegmentView& view) {
  const std::uint64_t drain = view.header().drain.load(std::memory_order_seq_cst);
  const std::vector<std::string> types = read_drained_types(view, drain);
  const bool node = (drain & kDrainAll) != 0;
  if (context.globals.json) {
    context.print_json(drain_json(node, types));
  } else if (!context.globals.quiet) {
    std::string text = node ? "draining: all types" : "draining:";
    for (const std::string& type : types) {
      text += (node ? " and " : " ") + context.console.escaped(type);
    }
    context.console.print(!node && types.empty() ? "draining: nothing\n" : text + "\n");
  }
}

/// Names are understood in each segment anew.
std::uint64_t bits_of(const SegmentView& view, const std::vector<std::string>& names,
                      std::uint64_t without_names, const Context& context) {
  return names.empty() ? without_names : read_bits(view, names, context.console.charset());
}

/// One event for each bit that has changed.
void note_drain(const SegmentView& view, EventKind kind, std::uint64_t changed) {
  if ((changed & kDrainAll) != 0) note_operator(view, kind, kNoEventType);
  for (std::uint32_t type = 0; type < kMaxTypes; ++type) {
    if (((changed >> type) & 1U) != 0) note_operator(view, kind, type);
  }
}

int run_drain(const std::vector<std::string>& names, const Context& context) {
  const SegmentView view = change_segment(context.globals, [&](const SegmentView& segment) {
    const std::uint64_t bits = bits_of(segment, names, kDrainAll, context);
    const std::uint64_t was = segment.header().drain.fetch_or(bits, std::memory_order_seq_cst);
    note_drain(segment, EventKind::kDrain, bits & ~was);
  });
  print_drain(context, view);
  return to_status(ExitCode::kDone);
}

/// Without a name everything that operators drained; with names these types, which a drained node
/// refuses still.
int run_undrain(const std::vector<std::string>& names, const Context& context) {
  std::uint64_t before = 0;
  const SegmentView view = change_segment(context.globals, [&](const SegmentView& segment) {
    const std::uint64_t bits = bits_of(segment, names, kOperatorBits, context);
    before = segment.header().drain.fetch_and(~bits, std::memory_order_seq_cst);
    note_drain(segment, EventKind::kUndrain, bits & before);
  });
  if (!names.empty() && (before & kDrainAll) != 0) {
    context.hint("all types are drained; `undrain` without a type ends that");
  }
  print_drain(context, view);
  return to_status(ExitCode::kDone);
}

}  // namespace

Json drain_json(bool node, const std::vector<std::string>& types) {
  Json out = make_document();
  out["node"] = node;
  out["types"] = types;
  return out;
}

void add_drain(CommandSet& set) {
  auto drained = std::make_shared<std::vector<std::string>>();
  Verb drain = set.add("drain", "refuse new claims; what runs goes on",
                       [drained](const Context& context) { return run_drain(*drained, context); });
  drain.add_words("TYPE", *drained, "all types if none is named", Need::kOptional);
  auto undrained = std::make_shared<std::vector<std::string>>();
  Verb undrain = set.add("undrain", "admit claims again", [undrained](const Context& context) {
    return run_undrain(*undrained, context);
  });
  undrain.add_words("TYPE", *undrained, "everything that was drained if none is named",
                    Need::kOptional);
}

}  // namespace slotd::ctl
