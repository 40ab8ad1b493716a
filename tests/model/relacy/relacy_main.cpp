// The claim protocol of the real headers under relacy: every interleaving that the scheduler
// chooses and every value that the C++ memory model lets a load return. A run is a scenario, or a
// scenario with one memory order weakened, which has to fail.
//
//   model_relacy RUN [ITERATIONS]     one line; exit status 0 as expected, 1 not
//   model_relacy --list               all runs
#include "tests/model/relacy/shim.hpp"
//
#include "tests/model/relacy/claim_scenarios.hpp"
#include "tests/model/relacy/ledger_scenarios.hpp"
#include "tests/model/relacy/process_scenarios.hpp"
#include "tests/model/relacy/waiting_scenarios.hpp"

namespace slotd::model {
namespace {

using slotd_model::Weakening;

struct Run {
  const char* name;
  bool (*simulate)(rl::test_params& params);
  Weakening weakening;
  unsigned long iterations;  ///< unless told otherwise
};

template <typename Suite>
constexpr Run make_run(const char* name, Weakening weakening = Weakening::kNone,
                       unsigned long iterations = 100'000) {
  return {name, [](rl::test_params& params) { return rl::simulate<Suite>(params); }, weakening,
          iterations};
}

const Run kRuns[] = {
    make_run<LastRoom<2, 1>>("last-room"),
    make_run<LastRoom<3, 2>>("last-room-3"),
    make_run<LastRoomHints>("last-room-hints"),
    make_run<HandBack>("hand-back"),
    make_run<SameKey>("same-key"),
    make_run<RecordReuse>("record-reuse"),
    make_run<ReapByMark>("reap-by-mark"),
    make_run<ReapThenReuse>("reap-then-reuse"),
    make_run<TwoRecyclers>("two-recyclers"),
    make_run<BindToTheGone>("bind-to-the-gone"),
    make_run<Reload>("reload", Weakening::kNone, 20'000),
    make_run<Samples>("samples", Weakening::kNone, 20'000),
    make_run<HandOff>("hand-off", Weakening::kNone, 20'000),
    make_run<HandOffToTwo>("hand-off-to-two", Weakening::kNone, 20'000),
    make_run<LeaveAndJoin>("leave-and-join", Weakening::kNone, 20'000),
    make_run<LastRoom<2, 1>>("not-publish-fence", Weakening::kPublishFence),
    make_run<HandBack>("not-publish-fence-exact", Weakening::kPublishFence),
    make_run<SameKey>("not-publish-fence-key", Weakening::kPublishFence),
    make_run<HandBack>("not-word-cas", Weakening::kWordCas),
    make_run<RecordReuse>("not-word-load", Weakening::kWordLoad),
    make_run<RecordReuse>("not-acquire-fence", Weakening::kAcquireFence),
    make_run<Reload>("not-acquire-fence-reload", Weakening::kAcquireFence),
    make_run<Samples>("not-acquire-fence-samples", Weakening::kAcquireFence),
    make_run<RecordReuse>("not-release-fence", Weakening::kReleaseFence),
    make_run<Reload>("not-release-fence-reload", Weakening::kReleaseFence),
    make_run<Samples>("not-release-fence-samples", Weakening::kReleaseFence),
    make_run<Reload>("not-epoch-store", Weakening::kEpochStore),
    make_run<Samples>("not-epoch-load", Weakening::kEpochLoad),
    make_run<BindToTheGone>("not-hazard-store", Weakening::kHazardStore),
    make_run<BindToTheGone>("not-attach-cas", Weakening::kAttachCas),
    make_run<BindToTheGone>("not-attach-load", Weakening::kAttachLoad),
    make_run<HandOff>("not-walk-fence", Weakening::kWalkFence),
    make_run<LeaveAndJoin>("not-walk-fence-leave", Weakening::kWalkFence),
    make_run<HandOff>("not-waiting-load", Weakening::kWaitingLoad),
    make_run<LeaveAndJoin>("not-holder-load", Weakening::kHolderLoad),
};

int run_one(const Run& run, unsigned long iterations) {
  std::ostringstream log;
  rl::test_params params;
  params.iteration_count = iterations;
  params.output_stream = &log;
  params.progress_stream = &log;
  params.execution_depth_limit = 100'000;
  slotd_model::weakening = run.weakening;
  const bool clean = run.simulate(params);
  const bool must_fail = run.weakening != Weakening::kNone;
  // A mutant has to break what the scenario checks; a scenario that never ends would prove nothing.
  const bool as_expected = must_fail ? params.test_result == rl::test_result_user_assert_failed
                                     : clean && params.test_result == rl::test_result_success;
  std::printf("%-34s iterations %9lu  errors %d  %s\n", run.name,
              static_cast<unsigned long>(params.stop_iteration), clean ? 0 : 1,
              as_expected ? (must_fail ? "ok, fails as it must" : "ok") : "FAILED");
  if (!as_expected)
    std::printf("%s: %s\n", rl::test_result_str(params.test_result),
                log.str().substr(0, log.str().find("\nthread 0:")).c_str());
  return as_expected ? 0 : 1;
}

}  // namespace
}  // namespace slotd::model

int main(int argc, char** argv) {
  using namespace slotd::model;
  const std::string_view name = argc > 1 ? argv[1] : "";
  const unsigned long given = argc > 2 ? std::strtoul(argv[2], nullptr, 10) : 0;
  for (const Run& run : kRuns) {
    if (name == "--list") std::printf("%s\n", run.name);
    if (name == run.name) return run_one(run, given != 0 ? given : run.iterations);
  }
  if (name == "--list") return 0;
  std::fprintf(stderr, "model_relacy: which run? --list tells\n");
  return 64;
}
