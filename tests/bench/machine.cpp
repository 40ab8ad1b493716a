#include "tests/bench/machine.hpp"

#include <sched.h>
#include <sys/utsname.h>

#include <cstdlib>
#include <fstream>
#include <string_view>

#include "slotd/claim.hpp"

namespace slotd::bench {

namespace {

std::string compiler_name() {
#if defined(__clang__)
  return __VERSION__;
#else
  return "g++ " __VERSION__;
#endif
}

std::string scan_name() {
#ifdef SLOTD_VECTOR_SCAN
  return slotd::detail::has_avx2() ? "avx2" : "scalar";
#else
  return "scalar";
#endif
}

void read_cpu(Machine& machine) {
  std::ifstream file("/proc/cpuinfo");
  std::string model;
  std::string stepping;
  for (std::string line; std::getline(file, line);) {
    const std::size_t colon = line.find(": ");
    if (colon == std::string::npos) continue;
    const std::string_view key = std::string_view(line).substr(0, line.find_first_of("\t:"));
    const std::string value = line.substr(colon + 2);
    if (key == "model name") machine.cpu = value;
    if (key == "model") model = value;
    if (key == "stepping") stepping = value;
    if (key == "flags" && value.find(" hypervisor") != std::string::npos)
      machine.virtualization = "hypervisor";
    if (key == "flags") break;
  }
  if (!model.empty()) machine.cpu += " (model " + model + ", stepping " + stepping + ")";
}

}  // namespace

std::vector<int> usable_cpus() {
  cpu_set_t set;
  CPU_ZERO(&set);
  std::vector<int> cpus;
  if (::sched_getaffinity(0, sizeof(set), &set) != 0) return cpus;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &set)) cpus.push_back(cpu);
  }
  return cpus;
}

Machine read_machine() {
  Machine machine;
  read_cpu(machine);
  machine.cpus = static_cast<unsigned>(usable_cpus().size());
  utsname name{};
  if (::uname(&name) == 0) machine.kernel = std::string(name.sysname) + " " + name.release;
  machine.compiler = compiler_name();
  machine.flags = SLOTD_BENCH_FLAGS;
  machine.scan = scan_name();
  if (::getloadavg(&machine.load, 1) != 1) machine.load = 0;
  return machine;
}

}  // namespace slotd::bench
