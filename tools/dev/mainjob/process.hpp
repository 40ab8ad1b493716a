// Processes as the main job handles them: start one, find all descendants, kill one and no other.
// Linux only. Nothing here blocks on another process. Not for judging the ledger.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace slotd::mainjob {

/// What /proc/PID/stat says of interest.
struct ProcessStat {
  char state = '?';
  int parent = 0;
  std::uint64_t start_ticks = 0;
};

/// Nothing when the text is no such line. The command name in it may hold anything. Pure.
std::optional<ProcessStat> parse_process_stat(const char* text);

struct FoundProcess {
  int pid = 0;
  ProcessStat stat;
};

/// Everything below `root` that lives, zombies left out, as one look at /proc shows it; a fork
/// meanwhile may be missed.
std::vector<FoundProcess> read_descendants(int root);

/// Sends SIGKILL to exactly this process. False when it is gone, or its pid is another process's by
/// now.
bool try_kill(const FoundProcess& process);

struct SpawnRequest {
  std::string program;                 ///< path
  std::vector<std::string> arguments;  ///< without the program's name
  std::vector<std::string> environment;
  std::string log;  ///< stdout and stderr are appended to this file
};

/// Starts a program in a process group of its own, with default signals, which the kernel kills
/// when the calling thread ends. Returns its pid. A program that cannot be executed exits with 127.
/// Throws std::system_error when there is no process to be had.
int spawn(const SpawnRequest& request);

/// Makes the caller the parent of descendants whose own parent dies. Throws std::system_error.
void adopt_orphans();

}  // namespace slotd::mainjob
