#include "tools/slotctl/claim_job.hpp"

#include <algorithm>
#include <chrono>
#include <random>
#include <thread>

#include "slotd/clock.hpp"
#include "slotd/ledger.hpp"
#include "slotd/units.hpp"
#include "tools/slotctl/failure.hpp"

namespace slotd::ctl {

namespace {

constexpr std::uint64_t kShortestPauseMs = 50;
constexpr std::uint64_t kLongestPauseMs = 100;

/// Pollers that were refused together do not come back together.
class Pause {
 public:
  void sleep(std::uint64_t remaining_ns) {
    const std::uint64_t pause_ns = distribution_(engine_) * kNsPerMs;
    std::this_thread::sleep_for(std::chrono::nanoseconds(std::min(pause_ns, remaining_ns)));
  }

 private:
  std::minstd_rand engine_{std::random_device{}()};
  std::uniform_int_distribution<std::uint64_t> distribution_{kShortestPauseMs, kLongestPauseMs};
};

/// One claim, and a second one when the first was refused and slots of the dead could be freed:
/// owners that are known by pid alone are looked at by system calls, which a claim itself does not
/// make.
HeldSlot claim_once(Attachment& attachment, const Request& request, const std::string& key,
                    Verdict& refusal) {
  ClaimRequest wanted{request, {key, key.empty() ? 0 : key_fingerprint(key)}};
  HeldSlot held = attachment.claim(wanted, refusal);
  if (held.slot == kNoSlot && may_pass(refusal.reason) && attachment.reap() != 0) {
    held = attachment.claim(wanted, refusal);
  }
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
  verb.add_seconds("-w,--wait", options.wait_ms,
                   "when refused, try again for so long (every 50 to 100 ms)");
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
  Pause pause;
  for (;;) {
    const Errc code = attachment.check();
    if (code != Errc::kOk) throw Failure(code);
    const SegmentView& view = attachment.view();
    // Asked for anew each time: a reload may have changed what the type costs.
    const Request request = make_request(view, options);
    Verdict refusal;
    const HeldSlot held = claim_once(attachment, request, options.key, refusal);
    if (held.slot != kNoSlot) return {held, read_type_name(view, request.type), std::nullopt};
    if (refusal) throw Failure(Errc::kRetired);  // while the claim was on its way
    const std::uint64_t now_ns = monotonic_ns();
    if (now_ns >= deadline_ns || !may_pass(refusal.reason)) {
      return {{}, options.type, make_refusal(view, refusal, options.type)};
    }
    pause.sleep(deadline_ns - now_ns);
  }
}

}  // namespace slotd::ctl
