// The signals of the main job, taken one by one instead of by handlers. For a program with one
// thread.
#pragma once

#include <signal.h>

namespace slotd::mainjob {

class Signals {
 public:
  /// Blocks the signals for good; spawn() gives children the default again.
  Signals();

  /// Sleeps until a child ends, the user wants to stop, or `wait_ms` have passed.
  void wait(unsigned wait_ms);

  /// The signal that asked to stop first; 0 = none did. A closed output counts.
  int stop_signal() const { return stop_signal_; }
  /// Asked again: stop at once.
  bool is_impatient() const { return stop_requests_ > 1; }

 private:
  sigset_t set_{};
  int stop_signal_ = 0;
  int stop_requests_ = 0;
};

}  // namespace slotd::mainjob
