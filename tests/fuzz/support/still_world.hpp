// A world that stands still while one fuzz input runs: monotonic clocks that move by a fixed step a
// look (so that a wait of 200 us is over after ten looks, and the same input always does the same),
// process ids that name nobody real, a /proc without foreign processes. Outside a StillWorld
// everything is the system's. Replaces clock_gettime(), opendir() and, on x86-64, syscall() in the
// program that links it. Not thread-safe: one StillWorld at a time, one thread.
#pragma once

namespace slotd::fuzz {

class StillWorld {
 public:
  StillWorld() noexcept;
  StillWorld(const StillWorld&) = delete;
  StillWorld& operator=(const StillWorld&) = delete;
  ~StillWorld();
};

}  // namespace slotd::fuzz
