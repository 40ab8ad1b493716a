// On what the figures were made. Reads /proc and uname; blocks on nothing else. Unknown parts are
// empty.
#pragma once

#include <string>
#include <vector>

namespace slotd::bench {

struct Machine {
  std::string cpu;
  std::string virtualization;  ///< "hypervisor" where the CPU says that there is one
  unsigned cpus = 0;           ///< that this process may use
  std::string kernel;
  std::string compiler;
  std::string flags;
  std::string scan;  ///< how this program reads the slot words
  double load = 0;   ///< of the last minute, when the run began
};

Machine read_machine();

/// The CPUs that this process may use.
std::vector<int> usable_cpus();

}  // namespace slotd::bench
