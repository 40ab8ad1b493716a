// The proportional set size of processes, where the configuration asks for it. The kernel walks a
// process's memory for it under that process's lock, which a process may keep for as long as it
// likes: so a side thread reads, and the figures are those of the sample before.
//
// Belongs to one thread; never waits.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "broker/host/side_thread.hpp"

namespace slotd::broker {

class PssReader {
 public:
  struct Process {
    int pid = 0;
    std::uint64_t start_ticks = 0;
  };

  /// Reads below ROOT/proc; "" on a real host.
  explicit PssReader(std::string root);
  ~PssReader();

  /// Asks for the figures of these processes; nothing happens while the last reading still runs.
  /// Call it once a sample.
  void ask(std::vector<Process> processes);

  /// Bytes, from a reading asked for at one of the last three samples; nothing for a process that
  /// was not in it or whose figure may not be read.
  std::optional<std::uint64_t> latest(int pid, std::uint64_t start_ticks) const;

  /// Takes over what the thread has read since; latest() answers from that.
  void collect();

 private:
  struct Figure {
    int pid = 0;
    std::uint64_t start_ticks = 0;
    std::uint64_t bytes = 0;
  };
  struct Shared;

  std::string root_;
  std::shared_ptr<Shared> shared_;
  std::vector<Figure> figures_;  ///< sorted by pid
  std::uint64_t asked_ = 0;
  std::uint64_t figures_of_ = 0;  ///< which asking they answer
  SideThread thread_;
};

}  // namespace slotd::broker
