// The main job itself: starts the crew, kills some of it now and then, watches the ledger all the
// while, and ends with a verdict. Runs for the seconds asked for and a little more; leaves no
// process and no file behind, whatever ends it (SIGKILL of the main job itself aside: then handlers
// end their jobs and the folder stays).
#pragma once

#include <cstdint>
#include <deque>
#include <optional>
#include <string>
#include <vector>

#include "tools/dev/mainjob/crew.hpp"
#include "tools/dev/mainjob/death_watch.hpp"
#include "tools/dev/mainjob/display.hpp"
#include "tools/dev/mainjob/ledger.hpp"
#include "tools/dev/mainjob/observer.hpp"
#include "tools/dev/mainjob/options.hpp"
#include "tools/dev/mainjob/place.hpp"
#include "tools/dev/mainjob/random.hpp"
#include "tools/dev/mainjob/signals.hpp"
#include "tools/dev/mainjob/verdict.hpp"

namespace slotd::mainjob {

class Job {
 public:
  explicit Job(const Options& options);

  /// Returns the exit status: 0 clean, 1 not, 128+N stopped by signal N. Once only.
  int run();

 private:
  CrewPlan make_plan() const;

  // Each returns early when the job has failed or is to stop.
  bool start();
  void run_load();
  void stop_workers();
  void wait_for_returns();
  int finish();

  void step();
  void watch_broker();
  void watch_limits();
  void watch_deaths();
  void show();

  void kill_something();
  void kill_broker();
  void kill_service();
  bool kill_handler();
  void schedule_kill();

  bool is_over() const { return signals_.stop_signal() != 0 || !problems_.empty(); }
  void note_kill(const std::string& what, const std::vector<ProcessRef>& entries);
  void note(const std::string& event);
  void fail(const std::string& problem);

  const Options options_;
  Random random_;
  Signals signals_;
  PrivateFolder folder_;
  Display display_;
  Crew crew_;
  Ledger ledger_;
  std::optional<Observer> observer_;  ///< from the time the ledger is open
  std::optional<DeathWatch> deaths_;
  Limits limits_;

  std::uint64_t now_ns_ = 0;
  std::uint64_t started_at_ns_ = 0;
  std::uint64_t next_show_ns_ = 0;
  std::uint64_t next_kill_ns_ = 0;
  std::uint64_t broker_kill_at_ns_ = 0;  ///< 0: done, or never
  std::uint64_t broker_killed_at_ns_ = 0;
  std::uint64_t broker_up_since_ns_ = 0;  ///< 0: down
  std::uint64_t claims_at_broker_kill_ = 0;

  std::uint64_t killed_ = 0;
  std::uint64_t over_limit_ = 0;
  std::uint64_t taken_at_end_ = 0;
  std::deque<std::string> events_;
  std::vector<std::string> problems_;
};

}  // namespace slotd::mainjob
