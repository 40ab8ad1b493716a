#include "tools/slotctl/commands/report.hpp"

#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/segment_access.hpp"
#include "tools/slotctl/token_step.hpp"
#include "tools/slotctl/usage_view.hpp"

namespace slotd::ctl {

namespace {

struct ReportOptions {
  std::string token;
  std::optional<std::uint32_t> cpu_milli;
  std::optional<std::uint64_t> memory_bytes;
};

Report make_report(const ReportOptions& options) {
  Report report;
  if (options.cpu_milli) report.cpu_micro = std::uint64_t{*options.cpu_milli} * 1000U;
  report.memory_bytes = options.memory_bytes;
  return report;
}

int run_report(const ReportOptions& options, const Context& context) {
  const Report report = make_report(options);
  if (!report.cpu_micro && !report.memory_bytes) {
    throw Failure(Errc::kInvalidArgument, "report: --cpu, --memory or both are wanted");
  }
  const Member member(context.globals);
  const HeldSlot held = resolve_token(*member, options.token);
  require_step(member->report(held, report));
  if (context.globals.json) context.print_json(report_json(held.slot, report));
  return to_status(ExitCode::kDone);
}

}  // namespace

Json report_json(std::uint32_t slot, const Report& report) {
  Json document = make_document();
  document["slot"] = slot;
  document["reported"] = Json{{"cpu", optional_cores_json(report.cpu_micro)},
                              {"memory", optional_bytes_json(report.memory_bytes)}};
  return document;
}

void add_report(CommandSet& set) {
  auto options = std::make_shared<ReportOptions>();
  Verb verb = set.add("report", "what the job of a slot uses, by its own account; counts for 30 s",
                      [options](const Context& context) { return run_report(*options, context); });
  add_token_argument(verb, options->token);
  verb.add_cores("--cpu", options->cpu_milli, "cores that it uses");
  verb.add_bytes("--memory", options->memory_bytes, "bytes that it uses");
}

}  // namespace slotd::ctl
