#include "tools/slotctl/claim_job.hpp"

#include "slotd/clock.hpp"
#include "slotd/ledger.hpp"
#include "slotd/units.hpp"
#include "tools/slotctl/failure.hpp"

namespace slotd::ctl {

namespace {

/// One claim, and a second one when the first was refused and slots of the dead could be freed:
/// owners that are known by pid alone are looked at by system calls, which a claim itself does not
/// make. With time left, in line.
HeldSlot claim_once(Attachment& attachment, ClaimRequest& wanted, std::uint64_t deadline_ns,
                    Verdict& refusal) {
  HeldSlot held = attachment.claim(wanted, refusal);
  if (held.slot == kNoSlot && !refusal && attachment.reap() != 0)
    held = attachment.claim(wanted, refusal);
  if (held.slot != kNoSlot || monotonic_ns() >= deadline_ns || !is_worth_waiting(refusal.reason))
    return held;
  const Errc code = attachment.claim_until(wanted, {deadline_ns, {}}, held, refusal);
  if (code != Errc::kOk) throw Failure(code);
  return held;
}

}  // namespace

void add_job_options(Verb& verb, JobOptions& options) {
  verb.add_text("-t,--type", options.type, "TYPE", "the kind of job", Need::kRequired);
  verb.add_text("--key", options.key, "KEY", "the job's own id, unique on the node while held",
                Need::kOptional);
  verb.add_cores("--cpu", options.cost_milli, "cores, instead of the type's cost");
  verb.add_bytes("--memory", options.memory_bytes, "bytes, instead of the type's cost");
}

void add_wait_option(Verb& verb, JobOptions& options) {
  verb.add_seconds("-w,--wait", options.wait_ms, "when refused, wait in line for so long");
  verb.add_number("--priority", options.priority, "0 to 255, larger first among those who wait",
                  Need::kOptional);
}

Request make_request(const SegmentView& view, const JobOptions& options) {
  if (!options.key.empty() && !is_valid_key(options.key)) {
    throw Failure(Errc::kInvalidArgument,
                  "--key: 1 to 63 bytes without control characters are wanted");
  }
  const auto type = find_type_index(view, options.type);
  return slotd::make_request(view, type.value_or(kMaxTypes), options.cost_milli,
                             options.memory_bytes);
}

ClaimedJob claim_job(Attachment& attachment, const JobOptions& options) {
  const std::uint64_t deadline_ns = monotonic_ns() + options.wait_ms * kNsPerMs;
  const Errc code = attachment.check();
  if (code != Errc::kOk) throw Failure(code);
  const SegmentView& view = attachment.view();
  ClaimRequest wanted;
  wanted.request = make_request(view, options);
  wanted.key = {options.key, options.key.empty() ? 0 : key_fingerprint(options.key)};
  if (options.priority > kMaxPriority)
    throw Failure(Errc::kInvalidArgument, "--priority: 0 to 255 is wanted");
  wanted.priority = options.priority;
  Verdict refusal;
  const HeldSlot held = claim_once(attachment, wanted, deadline_ns, refusal);
  if (held.slot != kNoSlot) return {held, read_type_name(view, wanted.request.type), std::nullopt};
  if (refusal) throw Failure(Errc::kRetired);  // while the claim was on its way
  return {{}, options.type, make_refusal(view, refusal, options.type)};
}

}  // namespace slotd::ctl
