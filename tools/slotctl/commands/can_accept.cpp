#include "tools/slotctl/commands/can_accept.hpp"

#include <memory>
#include <nlohmann/json.hpp>

#include "slotd/claim.hpp"
#include "slotd/snapshot.hpp"
#include "tools/slotctl/claim_job.hpp"
#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/segment_access.hpp"

namespace slotd::ctl {

namespace {

constexpr double kCannot = -1;

int run_can_accept(const JobOptions& options, const Context& context) {
  const ProcessTable processes = open_for_reading(context.globals);
  const SegmentView& view = processes.view();
  const KeyQuery key{options.key, options.key.empty() ? 0 : key_fingerprint(options.key)};
  const ClaimRequest request{make_request(view, options), key, true};
  const Verdict verdict = Claim(processes, {}, request, 0, 0).look();
  const double affinity = verdict ? compute_affinity(view) : kCannot;
  const Refusal answer = make_refusal(view, verdict, options.type);
  if (context.globals.json) {
    context.print_json(can_accept_json(answer, affinity));
  } else if (!context.globals.quiet) {
    context.console.print(can_accept_text(answer, affinity, context.console.charset()));
  }
  return to_status(verdict ? ExitCode::kDone : ExitCode::kRefused);
}

}  // namespace

Json can_accept_json(const Refusal& answer, double affinity) {
  const Reason reason = answer.verdict.reason;
  Json out = make_document();
  out["type"] = answer.type;
  out["can_accept"] = reason == Reason::kNone;
  out["refusal"] = reason == Reason::kNone ? Json(nullptr) : Json(reason_name(reason));
  out["affinity"] = plain_number_json(affinity);
  add_figures(out, answer);
  return out;
}

std::string can_accept_text(const Refusal& answer, double affinity, Charset charset) {
  const bool yes = answer.verdict.reason == Reason::kNone;
  return escape_text(answer.type, charset) + ": " +
         (yes ? std::string("yes") : "no, " + refusal_text(answer, charset)) + "; affinity " +
         print_json(plain_number_json(affinity)) + "\n";
}

void add_can_accept(CommandSet& set) {
  auto options = std::make_shared<JobOptions>();
  Verb verb =
      set.add("can-accept", "would a claim be admitted now? takes nothing; exit status 0 or 75",
              [options](const Context& context) { return run_can_accept(*options, context); });
  add_job_options(verb, *options);
}

}  // namespace slotd::ctl
