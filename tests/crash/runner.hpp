// Runs one operation: counts its instructions once, then kills or stops a fresh child at each of
// the chosen ones and lets others check what it left.
//
// Single-threaded (ptrace). Blocking: for as long as it takes; the figures are in Result.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tests/crash/operation.hpp"

namespace slotd::crash {

enum class Extent : std::uint8_t {
  kSampled,  ///< some writes, some system calls, some others
  kFull,     ///< every instruction up to 10,000; beyond, all writes, all system calls, some others
};

struct Result {
  std::string name;
  std::uint64_t instructions = 0;
  std::uint64_t writes = 0;  ///< instructions that changed the segment
  std::uint64_t system_calls = 0;
  std::uint64_t kills = 0;
  std::uint64_t stops = 0;
  std::uint64_t drifted = 0;  ///< runs that took another path than the counted one
  Delays stopped;
  Delays control;
  Findings findings;
};

Result run_operation(const Operation& operation, Extent extent);

}  // namespace slotd::crash
