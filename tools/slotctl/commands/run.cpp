#include "tools/slotctl/commands/run.hpp"

#include <cerrno>
#include <cstring>
#include <exception>
#include <memory>
#include <vector>

#include "slotd/token.hpp"
#include "tools/slotctl/child.hpp"
#include "tools/slotctl/claim_job.hpp"
#include "tools/slotctl/command_set.hpp"
#include "tools/slotctl/exit_codes.hpp"
#include "tools/slotctl/failure.hpp"
#include "tools/slotctl/report.hpp"
#include "tools/slotctl/segment_access.hpp"
#include "tools/slotctl/token_step.hpp"

namespace slotd::ctl {

namespace {

constexpr char kTypeVariable[] = "SLOTD_TYPE";
constexpr char kGoOn[] = "ok";
constexpr char kGiveUp[] = "fail";

struct RunOptions {
  JobOptions job;
  int refused_status = to_status(ExitCode::kRefused);  ///< -E
  std::string no_broker = kGiveUp;
  std::vector<std::string> command;  ///< where it was written without "--"
};

/// Behind "--" every word is the command's; without it, those that look like slotctl's own options
/// are not.
const std::vector<std::string>& choose_command(const RunOptions& options, const Context& context) {
  if (!options.command.empty() && !context.command.empty()) {
    throw Failure(Errc::kInvalidArgument,
                  context.console.escaped(options.command[0]) + ": the command starts behind --");
  }
  const auto& command = options.command.empty() ? context.command : options.command;
  if (command.empty()) {
    throw Failure(Errc::kInvalidArgument, "which command? run -t TYPE -- COMMAND...");
  }
  return command;
}

/// Tells why the command could not be executed; the status is the shells'.
int report_exec_error(const Context& context, const std::string& command, int error) {
  const std::string detail = context.console.escaped(command) + ": " + std::strerror(error);
  context.console.complain(detail);
  return to_status(error == ENOENT ? ExitCode::kNotFound : ExitCode::kNotExecutable);
}

/// The slot may be gone already: whoever saw the command's death first has freed it.
void release_if_current(Attachment& attachment, const HeldSlot& held) {
  if (attachment.check() == Errc::kOk && load_claim(attachment.view(), held.ref())) {
    attachment.release(held);
  }
}

int run_owner(const RunOptions& options, const Context& context, const std::string& command,
              GatedChild& child) {
  const Member member(context.globals);
  ClaimedJob job = claim_job(*member, options.job);
  if (job.refusal) {
    report_refusal(context, *job.refusal);
    return options.refused_status;
  }
  // Until here a signal ends slotctl as any program; the child sees the end of its pipe and the
  // slot is freed.
  const SignalRelay relay;
  bind_to(*member, job.held, child.pid());
  require_step(member->activate(job.held));
  const std::string token = format_token(member->token_of(job.held));
  const int error = child.open_gate({{kTokenVariable, token}, {kTypeVariable, job.type}});
  if (error != 0) {
    release_if_current(*member, job.held);
    return report_exec_error(context, command, error);
  }
  const int status = child.relay_until_end(relay.fd());
  // The command has run: whatever happens from here on, its status is the answer.
  set_status_of_truncation(status);
  release_if_current(*member, job.held);
  return status;
}

/// With --no-broker ok: the command does not see the slot of a `run` around this one for its own.
int run_without_slot(const RunOptions& options, const Context& context, const std::string& command,
                     GatedChild& child, const Failure& failure) {
  context.console.complain(failure.what());
  context.console.complain("--no-broker ok: " + context.console.escaped(command) +
                           " runs WITHOUT A SLOT: nothing counts or limits it");
  const SignalRelay relay;
  const int error = child.open_gate({{kTokenVariable, {}}, {kTypeVariable, options.job.type}});
  if (error != 0) return report_exec_error(context, command, error);
  return child.relay_until_end(relay.fd());
}

/// There is no segment to claim in. One whose broker is down is not meant: claims go on there.
bool is_without_segment(const Failure& failure) {
  return exit_code_of(failure.code()) == ExitCode::kUnavailable;
}

int run_with_or_without_slot(const RunOptions& options, const Context& context,
                             const std::string& command, GatedChild& child) {
  // What fails with such a code does so before the command has started.
  try {
    return run_owner(options, context, command, child);
  } catch (const Failure& failure) {
    if (options.no_broker != kGoOn || !is_without_segment(failure)) throw;
    return run_without_slot(options, context, command, child, failure);
  }
}

int run_run(const RunOptions& options, const Context& context) {
  set_status_of_truncation(to_status(ExitCode::kWrapperFailed));
  try {
    // The fork comes first, while this process has one thread; the child waits for the slot.
    const std::vector<std::string>& command = choose_command(options, context);
    GatedChild child(command);
    return run_with_or_without_slot(options, context, command[0], child);
  } catch (const Failure& failure) {
    const ExitCode code = exit_code_before_start(report_failure(context, failure));
    return code == ExitCode::kRefused ? options.refused_status : to_status(code);
  } catch (const std::exception& error) {
    context.console.complain(error.what());
    return to_status(ExitCode::kWrapperFailed);
  }
}

}  // namespace

void add_run(CommandSet& set) {
  auto options = std::make_shared<RunOptions>();
  Verb verb = set.add("run", "claim a slot, run a command that owns it, release",
                      [options](const Context& context) { return run_run(*options, context); });
  add_job_options(verb, options->job);
  add_wait_option(verb, options->job);
  verb.add_status("-E,--exit-code", options->refused_status,
                  "exit status when refused or timed out, instead of 75");
  verb.add_choice("--no-broker", options->no_broker, {kGoOn, kGiveUp},
                  "where there is no segment: run the command without a slot, or exit with 69 "
                  "(fail)");
  verb.add_words("COMMAND", options->command, "the command and its arguments, behind --",
                 Need::kOptional);
}

}  // namespace slotd::ctl
