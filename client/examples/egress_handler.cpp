// An egress handler: the process that does one job. Its service has claimed the slot and passes the
// token in SLOTD_TOKEN; the handler takes the slot over, so that from then on the slot lives and
// dies with the handler and not with the service.
//
//   egress_handler [--work-ms N] [--cpu-milli N]     how long the job takes, and how much of a core
//   it uses meanwhile
//
// Exit status: 0 the job was done; 3 the claim was over before the handler could take it (its
// service died, or gave up); 1 anything else. Killed at any instruction, it leaves nothing behind:
// the kernel gives the slot back.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <thread>

#include "slotd/client.hpp"

namespace {

struct Job {
  std::uint32_t work_ms = 400;
  std::uint32_t cpu_milli = 100;
};

std::atomic<double> picture;  ///< where results go, so that no compiler finds the work useless

/// A few microseconds of arithmetic.
void compute_block() {
  double value = picture.load(std::memory_order_relaxed);
  for (int i = 0; i < 1000; ++i) value = 3.9 * (value + 0.1) * (0.9 - value) * 0.7;
  picture.store(value, std::memory_order_relaxed);
}

/// Works as an encoder does: a frame every 20 ms, each costing its share of CPU time.
void run_job(const Job& job) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kFrame(20);
  const std::uint64_t frame_cpu_ns = std::uint64_t{job.cpu_milli} * 20 * slotd::kNsPerMs / 1000;
  const auto end = Clock::now() + std::chrono::milliseconds(job.work_ms);
  for (auto frame = Clock::now(); frame < end; frame = std::max(frame + kFrame, Clock::now())) {
    std::this_thread::sleep_until(frame);
    const std::uint64_t begun_ns = slotd::read_clock_ns(CLOCK_THREAD_CPUTIME_ID);
    while (slotd::read_clock_ns(CLOCK_THREAD_CPUTIME_ID) - begun_ns < frame_cpu_ns &&
           Clock::now() < end) {
      compute_block();
    }
  }
}

bool parse_arguments(int argc, char** argv, Job& job) {
  for (int i = 1; i < argc; i += 2) {
    if (i + 1 == argc) return false;
    char* rest = nullptr;
    const auto value = static_cast<std::uint32_t>(std::strtoul(argv[i + 1], &rest, 10));
    if (rest == argv[i + 1] || *rest != '\0') return false;
    if (std::strcmp(argv[i], "--work-ms") == 0) {
      job.work_ms = value;
    } else if (std::strcmp(argv[i], "--cpu-milli") == 0) {
      job.cpu_milli = value;
    } else {
      return false;
    }
  }
  return true;
}

int run(const Job& job, const char* token) {
  slotd::Client client({.name = "egress-handler"});
  std::error_code ec;
  slotd::Slot slot = client.adopt(token, ec);
  if (ec == slotd::Errc::kStaleToken) return 3;
  if (ec) throw slotd::Error(ec, "adopt");
  slot.activate();
  run_job(job);
  slot.end();  // from here on the job may still be writing its file: charged, but no longer running
  slot.release();
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  Job job;
  const char* token = std::getenv(slotd::kTokenVariable);
  if (!parse_arguments(argc, argv, job) || token == nullptr) {
    std::fprintf(stderr, "usage: %s=TOKEN egress_handler [--work-ms N] [--cpu-milli N]\n",
                 slotd::kTokenVariable);
    return 64;
  }
  try {
    return run(job, token);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "egress_handler: %s\n", error.what());
    return 1;
  }
}
