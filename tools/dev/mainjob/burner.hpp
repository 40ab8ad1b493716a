// A handler that really uses CPU: claims a slot of its type for itself, burns the share of a core
// that it was told to, itself or in a child process, and writes down all the while what getrusage
// says of it. A program of its own; see burner_main.cpp.
#pragma once

#include <cstdint>
#include <string>

namespace slotd::mainjob {

struct BurnerOptions {
  std::string type;  ///< empty: only the load, without a slot (the child of another burner)
  std::uint32_t cpu_milli = 250;
  std::uint32_t run_ms = 1000;
  bool in_child = false;
  std::string trace;  ///< file; the child's is this with ".child" behind it
};

inline constexpr int kBurnerNotAdmitted = 75;

/// Returns the exit status: 0 the job was done or cut short by SIGTERM, kBurnerNotAdmitted when
/// SIGTERM came before a slot did, 1 otherwise. Blocks until then.
int run_burner(const BurnerOptions& options);

}  // namespace slotd::mainjob
