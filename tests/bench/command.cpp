// A command under a semaphore, as a shell script has it.
#include <fcntl.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <stdexcept>
#include <string>

#include "slotd/clock.hpp"
#include "tests/bench/process_costs.hpp"
#include "tests/support/broker_process.hpp"

namespace slotd::bench {

namespace {

using Words = std::vector<std::string>;

/// Nanoseconds from before the fork to its end. Throws when it fails.
double time_command(const Words& words, const std::string& folder) {
  Words copies = words;
  std::vector<char*> arguments;
  for (std::string& word : copies) arguments.push_back(word.data());
  arguments.push_back(nullptr);
  const std::uint64_t start_ns = monotonic_ns();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    ::setenv("HOME", folder.c_str(), 1);
    ::setenv("PARALLEL_HOME", folder.c_str(), 1);
    ::dup2(::open("/dev/null", O_RDWR), STDIN_FILENO);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw std::runtime_error(words[0] + " did not succeed");
  return static_cast<double>(monotonic_ns() - start_ns);
}

struct Program {
  const char* name;
  const char* package;
  Words words;
};

}  // namespace

std::vector<Line> run_commands(int runs, int starts) {
  testing::BrokerProcess broker("cpu: { capacity: 64 }\ntypes: { job: { max: 8, cpu: 0.1 } }\n");
  const std::string& folder = broker.folder();
  const Words ours{testing::bin_dir() + "/slotctl",
                   "--segment",
                   broker.segment(),
                   "run",
                   "-t",
                   "job",
                   "--",
                   "/usr/bin/true"};
  const std::vector<Program> programs{
      {"parallel_sem",
       "parallel",
       {"/usr/bin/sem", "--will-cite", "--fg", "--id", "slotd-bench", "-j", "8", "/usr/bin/true"}},
      {"flock_command", "util-linux", {"/usr/bin/flock", folder + "/lock", "/usr/bin/true"}},
      {"bare_command", "coreutils", {"/usr/bin/true"}}};
  std::vector<Line> lines;
  for (const Program& program : programs) {
    Line line;
    line.name = "command";
    line.rival = program.name;
    if (::access(program.words[0].c_str(), X_OK) != 0) {
      line.skipped = program.words[0] + " is not installed (package " + program.package + ")";
    } else {
      time_command(ours, folder);
      time_command(program.words, folder);  // makes its folders
      for (int run = 0; run < runs; ++run) {
        std::vector<double> slotd_ns;
        std::vector<double> rival_ns;
        for (int start = 0; start < starts; ++start) {
          slotd_ns.push_back(time_command(ours, folder));
          rival_ns.push_back(time_command(program.words, folder));
        }
        line.runs.push_back({compute_median(slotd_ns), compute_median(rival_ns)});
      }
    }
    lines.push_back(line);
  }
  return lines;
}

}  // namespace slotd::bench
