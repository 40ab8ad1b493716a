// The processes of the main job: one broker, N services, and the handlers that the services start.
// Starts, kills, restarts and reaps them, and sees to it that none is left. One thread; only
// stop_broker() and the destructor wait for others.
#pragma once

#include <cstdint>
#include <functional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tools/dev/mainjob/process.hpp"

namespace slotd::mainjob {

struct CrewPlan {
  std::string programs;  ///< folder of slotd and egress_service
  std::string config;
  std::string segment;
  std::string broker_log;
  std::string worker_log;
  std::uint32_t services = 0;
  std::uint64_t seed = 0;
};

class Crew {
 public:
  explicit Crew(CrewPlan plan);
  /// Kills whatever is left and waits until it is gone.
  ~Crew();
  Crew(const Crew&) = delete;
  Crew& operator=(const Crew&) = delete;

  void start_broker();
  void start_services();

  /// Starts a program of the folder on the crew's segment. It is the caller's to stop. Returns its
  /// pid.
  int start_worker(const std::string& program, const std::vector<std::string>& arguments);

  /// What became of a child that is neither the broker nor a service: wait status, and the CPU time
  /// of it and of its own children that it has waited for.
  using OtherChild = std::function<void(int pid, int status, std::uint64_t cpu_ns)>;

  /// Reaps all children that ended. Returns a text for each that ended without having been killed
  /// or stopped here.
  std::vector<std::string> reap_children(const OtherChild& other = {});
  /// Starts what was killed and is due.
  void restart_due(std::uint64_t now_ns);

  int broker_pid() const { return broker_.pid; }  ///< 0: down
  std::size_t service_count() const { return services_.size(); }
  int service_pid(std::size_t index) const { return services_[index].pid; }  ///< 0: down
  std::size_t live_services() const;

  /// Handlers alive now, whoever their parent is.
  std::vector<FoundProcess> read_handlers() const;
  /// Services and handlers alive now.
  std::vector<FoundProcess> read_workers() const;

  // Killing with SIGKILL; `restart_at_ns` says when to start it again. False when it was not
  // running.
  bool kill_broker(std::uint64_t restart_at_ns);
  bool kill_service(std::size_t index, std::uint64_t restart_at_ns);

  /// Asks the services to end by themselves; none is started again.
  void stop_services();
  /// Kills all services, then all handlers, as far as one look finds them. Returns how many it had
  /// not killed before. Precondition: stop_services().
  std::size_t kill_workers();
  /// Are all services and handlers gone?
  bool are_workers_gone() const;

  /// Asks the broker to end and waits. Returns what was wrong with its end; empty = nothing.
  std::string stop_broker();

 private:
  struct Member {
    std::string name;
    int pid = 0;
    bool end_expected = false;        ///< it was killed or asked to stop
    std::uint64_t restart_at_ns = 0;  ///< 0: not to be started again
    std::uint32_t starts = 0;
  };

  void start_service(std::size_t index);
  Member* find_member(int pid);
  static bool kill_member(Member& member, std::uint64_t restart_at_ns);
  std::vector<std::string> make_environment() const;

  CrewPlan plan_;
  Member broker_;
  std::vector<Member> services_;
  std::set<std::pair<int, std::uint64_t>>
      killed_workers_;  ///< by kill_workers(): pid and start time
};

}  // namespace slotd::mainjob
