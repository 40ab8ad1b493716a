#include "tools/slotctl/commands/claim.hpp"

#include <csignal>
#include <memory>

#include "tools/slotctl/claim_job.hpp"
#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/owner.hpp"
#include "tools/slotctl/report.hpp"
#include "tools/slotctl/segment_access.hpp"
#include "tools/slotctl/token_step.hpp"

namespace slotd::ctl {

namespace {

struct ClaimOptions {
  JobOptions job;
  int pid = 0;
};

int run_claim(const ClaimOptions& options, const Context& context) {
  // A reader that has gone is then an error to act on: nobody knows the token.
  std::signal(SIGPIPE, SIG_IGN);
  const int owner = choose_owner(context, options.pid);
  const Member member(context.globals);
  ClaimedJob job = claim_job(*member, options.job);
  if (job.refusal) return to_status(report_refusal(context, *job.refusal));
  bind_to(*member, job.held, owner);
  print_token(context, *member, job.held, job.type, owner);
  if (!context.console.flush()) {
    member->release(job.held);
    throw Failure(Errc::kSystem, "the token could not be written; the slot was released");
  }
  return to_status(ExitCode::kDone);
}

}  // namespace

void add_claim(CommandSet& set) {
  auto options = std::make_shared<ClaimOptions>();
  Verb verb = set.add("claim", "claim a slot for another process and print its token",
                      [options](const Context& context) { return run_claim(*options, context); });
  add_job_options(verb, options->job);
  add_wait_option(verb, options->job);
  verb.add_pid(options->pid, "the owner, instead of the process that started slotctl",
               Need::kOptional);
}

}  // namespace slotd::ctl
