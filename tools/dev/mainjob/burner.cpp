#include "tools/dev/mainjob/burner.hpp"

#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <thread>
#include <vector>

#include "slotd/attachment.hpp"
#include "slotd/ledger.hpp"
#include "tools/dev/mainjob/burn_trace.hpp"
#include "tools/dev/mainjob/place.hpp"
#include "tools/dev/mainjob/process.hpp"

namespace slotd::mainjob {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kFrame(20);
constexpr milliseconds kClaimAgain(150);
constexpr milliseconds kAttachAgain(20);
constexpr int kAttachTries = 500;

std::atomic<bool> stopped{false};
static_assert(std::atomic<bool>::is_always_lock_free);  // the handler may store to it
void stop(int) { stopped.store(true, std::memory_order_relaxed); }

std::uint64_t to_ns(const timeval& time) {
  return static_cast<std::uint64_t>(time.tv_sec) * kNsPerSecond +
         static_cast<std::uint64_t>(time.tv_usec) * 1000;
}

TracePoint read_use(const HostClock& clock) {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return {monotonic_ns() - static_cast<std::uint64_t>(clock.offset_ns()),
          to_ns(usage.ru_utime) + to_ns(usage.ru_stime)};
}

std::atomic<double> picture;  ///< where results go, so that no compiler finds the work useless

/// Some ten microseconds of arithmetic: the clock of a thread is a system call.
void compute_block() {
  double value = picture.load(std::memory_order_relaxed);
  for (int i = 0; i < 5000; ++i) value = 3.9 * (value + 0.1) * (0.9 - value) * 0.7;
  picture.store(value, std::memory_order_relaxed);
}

/// One thread's share: works as an encoder does, so much CPU time a frame. A frame that came late
/// is not made up for.
void burn_frames(std::uint32_t cpu_milli, Clock::time_point end, const std::atomic<bool>& over) {
  const std::uint64_t frame_cpu_ns =
      static_cast<std::uint64_t>(kFrame.count()) * kNsPerMs * cpu_milli / 1000;
  const auto goes_on = [&] { return !over.load(std::memory_order_relaxed) && Clock::now() < end; };
  for (auto frame = Clock::now(); goes_on(); frame = std::max(frame + kFrame, Clock::now())) {
    std::this_thread::sleep_until(frame);
    const std::uint64_t begun_ns = read_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    while (read_clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns < frame_cpu_ns && goes_on())
      compute_block();
  }
}

/// Threads of equal shares, none above three quarters of a core.
std::vector<std::thread> start_threads(std::uint32_t cpu_milli, Clock::time_point end) {
  constexpr std::uint32_t kMostOfOne = 900;
  const std::uint32_t count = (cpu_milli + kMostOfOne - 1) / kMostOfOne;
  std::vector<std::thread> threads;
  for (std::uint32_t i = 0; i < count; ++i)
    threads.emplace_back([=] { burn_frames(cpu_milli / count, end, stopped); });
  return threads;
}

int start_child(const BurnerOptions& options) {
  std::vector<std::string> environment;
  for (char** at = environ; *at != nullptr; ++at) environment.emplace_back(*at);
  return spawn({read_program_folder() + "/slotd-burner",
                {"--cpu-milli", std::to_string(options.cpu_milli), "--run-ms",
                 std::to_string(options.run_ms), "--trace", options.trace + ".child"},
                environment,
                "/dev/null"});
}

/// The load itself, with a trace point a frame. Ends early when told to.
void burn(const BurnerOptions& options, const HostClock& clock, Trace& trace) {
  const auto end = Clock::now() + milliseconds(options.run_ms);
  const int child = options.in_child ? start_child(options) : 0;
  std::vector<std::thread> threads;
  if (!options.in_child) threads = start_threads(options.cpu_milli, end);
  while (!stopped.load(std::memory_order_relaxed) && Clock::now() < end) {
    std::this_thread::sleep_for(kFrame);
    trace.push_back(read_use(clock));
  }
  for (std::thread& thread : threads) thread.join();
  if (child == 0) return;
  ::kill(child, SIGTERM);  // not reaped yet: the pid is its own
  while (::waitpid(child, nullptr, 0) < 0 && errno == EINTR) {
  }
}

Attachment* attach() {
  Errc code = Errc::kOk;
  std::string detail;
  for (int tries = 0; tries < kAttachTries && !stopped; ++tries) {
    Attachment* attachment = Attachment::open({.name = "burner"}, code, detail);
    if (attachment != nullptr) return attachment;
    std::this_thread::sleep_for(kAttachAgain);
  }
  if (!stopped) std::fprintf(stderr, "slotd-burner: %s\n", detail.c_str());
  return nullptr;
}

/// Asks again and again until it is let in; a slot that is kNoSlot: told to stop before.
HeldSlot wait_for_slot(Attachment& attachment, const std::string& type) {
  const auto index = find_type_index(attachment.view(), type);
  while (!stopped.load(std::memory_order_relaxed)) {
    ClaimRequest wanted{make_request(attachment.view(), index.value_or(kMaxTypes)), {}};
    Verdict refusal;
    const HeldSlot held = attachment.claim(wanted, refusal);
    if (held.slot != kNoSlot) return held;
    std::this_thread::sleep_for(kClaimAgain);
  }
  return {};
}

int run_with_slot(const BurnerOptions& options) {
  Attachment* attachment = attach();
  if (attachment == nullptr) return stopped ? kBurnerNotAdmitted : 1;
  const HeldSlot held = wait_for_slot(*attachment, options.type);
  if (held.slot == kNoSlot) return kBurnerNotAdmitted;
  const HostClock& clock = attachment->processes().clock();
  Trace trace = {read_use(clock)};
  const bool activated = attachment->activate(held) == Errc::kOk;
  burn(options, clock, trace);
  trace.push_back(read_use(clock));
  const bool released = attachment->release(held) == Errc::kOk;
  write_trace(options.trace, trace);
  return activated && released ? 0 : 1;
}

}  // namespace

int run_burner(const BurnerOptions& options) {
  struct sigaction action {};
  action.sa_handler = stop;
  ::sigaction(SIGTERM, &action, nullptr);
  if (!options.type.empty()) return run_with_slot(options);
  const HostClock clock(read_self_identity().clock_offset_ns);
  Trace trace = {read_use(clock)};
  burn(options, clock, trace);
  trace.push_back(read_use(clock));
  write_trace(options.trace, trace);
  return 0;
}

}  // namespace slotd::mainjob
