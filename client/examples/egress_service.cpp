// An egress service: takes jobs for as long as the node has room and starts a handler process for
// each. Any number of these run on one host, know nothing of each other, and never exceed the
// host's limits together.
//
//   egress_service [--name NAME] [--seed N] [--segment PATH] [--mean-ms N]
//
// One job: claim -> PENDING, owned by this service -> the handler starts with SLOTD_TOKEN and
// adopts the slot -> the handler owns it until it ends. The service dying changes nothing for
// handlers that have adopted; the slots of those that have not come back. On SIGTERM or SIGINT it
// claims no more, waits for its handlers and exits 0.
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <map>
#include <random>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "slotd/client.hpp"
#include "slotd/snapshot.hpp"

namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr milliseconds kAdoptWithin(
    10'000);  ///< a handler that has not adopted its slot by then is given up
constexpr milliseconds kAttachWithin(10'000);

struct Options {
  std::string name = "egress-" + std::to_string(::getpid());
  std::string segment;
  std::uint64_t seed = std::random_device()();
  std::uint32_t mean_ms = 800;  ///< of a job's duration
};

/// A kind of job that the node knows, with what one is charged.
struct JobType {
  std::string name;
  std::uint32_t cost_milli = 0;
};

/// A job whose handler was started.
struct Job {
  std::string key;
  slotd::Slot slot;  ///< this service's until the handler has adopted it
  Clock::time_point adopt_by;
};

/// Attaches; waits for a broker that is just starting.
slotd::Client attach(const Options& options) {
  const auto give_up = Clock::now() + kAttachWithin;
  for (;;) {
    std::error_code ec;
    std::string detail;
    slotd::Client client({.segment_path = options.segment, .name = options.name}, ec, &detail);
    if (!ec) return client;
    const bool soon = ec == slotd::Errc::kNoSegment || ec == slotd::Errc::kNotReady ||
                      ec == slotd::Errc::kRetired || ec == slotd::Errc::kProcessTableFull;
    if (!soon || Clock::now() >= give_up) throw slotd::Error(ec, detail);
    std::this_thread::sleep_for(milliseconds(20));
  }
}

/// The program `name` in the folder of this one.
std::string find_neighbour(const std::string& name) {
  std::string path(4096, '\0');
  const ssize_t length = ::readlink("/proc/self/exe", path.data(), path.size());
  if (length <= 0) throw std::runtime_error("/proc/self/exe cannot be read");
  path.resize(static_cast<std::size_t>(length));
  return path.substr(0, path.rfind('/') + 1) + name;
}

class Service {
 public:
  explicit Service(const Options& options)
      : options_(options),
        random_(options.seed),
        handler_(find_neighbour("egress_handler")),
        client_(attach(options)) {
    read_types();
    sigemptyset(&signals_);
    for (const int signal : {SIGCHLD, SIGTERM, SIGINT}) sigaddset(&signals_, signal);
    ::pthread_sigmask(SIG_BLOCK, &signals_, nullptr);  // wait_for_signal() fetches them
  }

  int run() {
    while (!stopping_ || !jobs_.empty()) {
      wait_for_signal();
      reap_handlers();
      give_up_late_handlers();
      if (!stopping_ && Clock::now() >= next_claim_) next_claim_ = Clock::now() + claim_one();
    }
    return 0;
  }

 private:
  void read_types() {
    types_.clear();
    for (const slotd::TypeSnapshot& type :
         slotd::read_snapshot(client_.attachment()->processes()).types) {
      if (!type.retired) types_.push_back({type.name, type.cost_milli});
    }
    if (types_.empty()) throw std::runtime_error("the node is configured without types");
  }

  std::uint64_t pick(std::uint64_t from, std::uint64_t to) {
    return from + random_() % (to - from + 1);
  }

  /// Claims one job of a random type and starts it. Returns after which time to try again.
  milliseconds claim_one() {
    const JobType& type = types_[pick(0, types_.size() - 1)];
    const std::string key = "EG_" + options_.name + "_" + std::to_string(++claims_);
    std::error_code ec;
    slotd::Slot slot = client_.try_claim(type.name, {.key = key}, ec);
    if (ec == slotd::Errc::kRetired) {  // the broker had to make a new segment
      client_ = attach(options_);
      read_types();
      return milliseconds(0);
    }
    if (ec) throw slotd::Error(ec, "try_claim");
    if (!slot)
      return milliseconds(pick(50, 500));  // slot.refusal() says why; there is more to come
    start_handler(type, key, std::move(slot));
    return milliseconds(pick(5, 50));
  }

  void start_handler(const JobType& type, const std::string& key, slotd::Slot slot) {
    const double drawn_ms = std::exponential_distribution<>(1.0 / options_.mean_ms)(random_);
    const std::string work_ms =
        std::to_string(static_cast<std::uint32_t>(std::clamp(drawn_ms, 20.0, 3000.0)));
    // A twentieth of what it is charged, so that a host full of these examples stays usable.
    const std::string cpu_milli = std::to_string(type.cost_milli / 20);
    std::vector<std::string> words = {"egress_handler", "--work-ms", work_ms, "--cpu-milli",
                                      cpu_milli};
    std::vector<char*> arguments;
    for (std::string& word : words) arguments.push_back(word.data());
    arguments.push_back(nullptr);

    ::setenv(slotd::kTokenVariable, slot.token().c_str(), 1);
    posix_spawnattr_t attributes;
    ::posix_spawnattr_init(&attributes);
    sigset_t none;
    sigemptyset(&none);
    ::posix_spawnattr_setsigmask(&attributes, &none);
    ::posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGMASK);
    pid_t pid = 0;
    const int failed =
        ::posix_spawn(&pid, handler_.c_str(), nullptr, &attributes, arguments.data(), environ);
    ::posix_spawnattr_destroy(&attributes);
    ::unsetenv(slotd::kTokenVariable);
    if (failed != 0) {
      complain(handler_ + ": " + std::strerror(failed));
      return;  // `slot` is released on the way out
    }
    jobs_.emplace(pid, Job{key, std::move(slot), Clock::now() + kAdoptWithin});
  }

  /// Is the slot still this service's, because the handler has not adopted it?
  bool is_own(const Job& job) {
    const auto held = client_.find(job.key);
    return held && held->token == job.slot.token();
  }

  void reap_handlers() {
    int status = 0;
    for (pid_t pid = ::waitpid(-1, &status, WNOHANG); pid > 0;
         pid = ::waitpid(-1, &status, WNOHANG)) {
      const auto found = jobs_.find(pid);
      if (found == jobs_.end()) continue;
      // The slot of a handler that died before it adopted is this service's to give back; any other
      // went with its handler.
      if (is_own(found->second)) {
        std::error_code ec;
        found->second.slot.release(ec);
      } else {
        found->second.slot.detach();
      }
      if (WIFEXITED(status) && WEXITSTATUS(status) != 0) {
        complain(found->second.key + ": handler exited with " +
                 std::to_string(WEXITSTATUS(status)));
      }
      jobs_.erase(found);
    }
  }

  void give_up_late_handlers() {
    for (auto& [pid, job] : jobs_) {
      if (Clock::now() < job.adopt_by) continue;
      job.adopt_by = Clock::time_point::max();
      if (is_own(job)) ::kill(pid, SIGKILL);  // a child that is not reaped yet: the pid is its own
    }
  }

  void wait_for_signal() {
    auto wait = milliseconds(200);
    if (!stopping_) {
      const auto left = std::chrono::ceil<milliseconds>(next_claim_ - Clock::now());
      wait = std::clamp(left, milliseconds(0), wait);
    }
    const timespec timeout{wait.count() / 1000, wait.count() % 1000 * 1'000'000};
    siginfo_t info;
    const int signal = ::sigtimedwait(&signals_, &info, &timeout);
    if (signal == SIGTERM || signal == SIGINT) stopping_ = true;
  }

  void complain(const std::string& text) const {
    std::fprintf(stderr, "egress_service %s: %s\n", options_.name.c_str(), text.c_str());
  }

  const Options options_;
  std::mt19937_64 random_;
  const std::string handler_;
  slotd::Client client_;
  sigset_t signals_{};
  std::vector<JobType> types_;
  std::map<pid_t, Job> jobs_;  ///< by handler
  std::uint64_t claims_ = 0;
  Clock::time_point next_claim_ = Clock::now();
  bool stopping_ = false;
};

bool parse_arguments(int argc, char** argv, Options& options) {
  for (int i = 1; i < argc; i += 2) {
    const std::string option = argv[i];
    if (i + 1 == argc) return false;
    const std::string value = argv[i + 1];
    if (option == "--name") {
      options.name = value;
    } else if (option == "--segment") {
      options.segment = value;
      ::setenv(slotd::kSegmentVariable, value.c_str(), 1);  // for the handlers
    } else if (option == "--seed") {
      options.seed = std::stoull(value);
    } else if (option == "--mean-ms") {
      options.mean_ms = static_cast<std::uint32_t>(std::stoul(value));
    } else {
      return false;
    }
  }
  return options.mean_ms > 0;
}

}  // namespace

int main(int argc, char** argv) {
  try {
    Options options;
    if (!parse_arguments(argc, argv, options)) {
      std::fprintf(
          stderr,
          "usage: egress_service [--name NAME] [--seed N] [--segment PATH] [--mean-ms N]\n");
      return 64;
    }
    return Service(options).run();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "egress_service: %s\n", error.what());
    return 1;
  }
}
