// What the broker costs while it does its duty: CPU time a second and resident memory, with a
// number of owners that hold active slots.
//
//   slotd-broker-cost [OWNERS [THREADS [SECONDS [SLOTS [LARGE]]]]]     default 100 9 20 1 0
//
// Each owner is a process with that many threads (its keeper among them), asleep, and that many
// slots. The broker runs with the default configuration: a beat a second, a look every 100 ms. The
// segment is a large one where LARGE is 1 or the owners need it.
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "slotd/client.hpp"
#include "tests/support/broker_process.hpp"
#include "tests/support/segment_probe.hpp"

namespace {

struct Load {
  unsigned owners = 100;
  unsigned threads = 9;
  unsigned seconds = 20;
  unsigned slots = 1;
  unsigned large = 0;  ///< the segment, whatever the owners need
};

/// Attaches, claims, and sleeps until it is killed.
[[noreturn]] void be_owner(const std::string& segment, const Load& load, int ready) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  slotd::Client client({segment, "owner"});
  std::vector<slotd::Slot> held;
  for (unsigned i = 0; i < load.slots; ++i) {
    held.push_back(client.try_claim("job"));
    if (held.back()) held.back().activate();
  }
  // The keeper and the main thread are two of them.
  for (unsigned i = 2; i < load.threads; ++i) std::thread([] { ::pause(); }).detach();
  const char done = held.back() ? '1' : '0';
  if (::write(ready, &done, 1) != 1) ::_exit(1);
  for (;;) ::pause();
}

double cpu_seconds(int pid) {
  clockid_t clock{};
  timespec used{};
  if (::clock_getcpuclockid(pid, &clock) != 0 || ::clock_gettime(clock, &used) != 0) return 0;
  return static_cast<double>(used.tv_sec) + static_cast<double>(used.tv_nsec) / 1e9;
}

long resident_kib(int pid) {
  const std::string status = slotd::testing::read_text("/proc/" + std::to_string(pid) + "/status");
  const std::size_t at = status.find("VmRSS:");
  return at == std::string::npos ? 0 : std::strtol(status.c_str() + at + 6, nullptr, 10);
}

void measure(const Load& load) {
  // The default sizes where they do.
  const bool is_large = load.large != 0 || load.owners > 500 || load.owners * load.slots > 1024;
  slotd::testing::BrokerProcess broker(
      std::string("cpu: { capacity: 1000 }\ntypes: { job: { cpu: 0.01 } }\n") +
      (is_large ? "segment: { slots: 4096, processes: 1023 }\n" : ""));
  int ready[2];
  if (::pipe(ready) != 0) throw std::runtime_error("pipe failed");
  std::vector<pid_t> children;
  for (unsigned i = 0; i < load.owners; ++i) {
    const pid_t child = ::fork();
    if (child == 0) be_owner(broker.segment(), load, ready[1]);
    children.push_back(child);
    char answer = 0;
    if (::read(ready[0], &answer, 1) != 1 || answer != '1')
      throw std::runtime_error("an owner got no slot");
  }
  const slotd::testing::SegmentProbe probe(broker.segment());
  const auto epoch = [&] { return probe.view().header().sample_epoch.load(); };
  ::sleep(2);
  const double before = cpu_seconds(broker.pid());
  const std::uint64_t beats_before = epoch();
  ::sleep(load.seconds);
  const double used = cpu_seconds(broker.pid()) - before;
  const std::uint64_t beats = epoch() - beats_before;
  std::printf(
      "broker_cost: owners=%u threads=%u slots=%u large=%u seconds=%u beats=%llu "
      "cpu_ms_per_second=%.2f rss_kib=%ld\n",
      load.owners, load.threads, load.owners * load.slots, is_large ? 1U : 0U, load.seconds,
      static_cast<unsigned long long>(beats), 1e3 * used / load.seconds,
      resident_kib(broker.pid()));
  for (const pid_t child : children) ::kill(child, SIGKILL);
  for (const pid_t child : children) ::waitpid(child, nullptr, 0);
}

}  // namespace

int main(int count, char** words) try {
  Load load;
  unsigned* const fields[] = {&load.owners, &load.threads, &load.seconds, &load.slots, &load.large};
  for (int i = 1; i < count && i <= 5; ++i)
    *fields[i - 1] = static_cast<unsigned>(std::strtoul(words[i], nullptr, 10));
  measure(load);
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "slotd-broker-cost: %s\n", error.what());
  return 1;
}
