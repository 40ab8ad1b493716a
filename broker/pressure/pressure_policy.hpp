// The pressure policy at work: brings each beat to the state machines of pressure.hpp and carries
// out their orders. Notices go beside the slots and ring the owner's keeper; signals go through the
// pidfd of an owner that is proven to be the one, and to nobody else.
//
// One thread, memory and a few system calls; never waits for anybody. A broker that ends leaves its
// notices behind: readers hold them for nothing while no broker lives, and the next one clears
// them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "broker/config/config.hpp"
#include "broker/ledger/ledger_spec.hpp"
#include "broker/liveness/watch_list.hpp"
#include "broker/metering/meter.hpp"
#include "broker/pressure/pressure.hpp"
#include "slotd/process_table.hpp"

namespace slotd::broker {

class PressurePolicy {
 public:
  /// Rules in force from the next beat on. `capacity_is_host`: what the whole host does is what the
  /// capacity is for.
  void configure(const Config& config, const LedgerSpec& spec, bool capacity_is_host);

  /// At start, and for another segment: no evidence, and no notice of an earlier broker.
  void begin(const ProcessTable& processes);

  void tick(const Beat& beat, const ProcessTable& processes, const WatchList& watches);

 private:
  struct Resource {
    Notice notice = Notice::kCpu;
    PressureMachine machine;
  };

  /// What each resource has to say to one claim.
  struct Said {
    std::uint32_t generation = 0;
    bool by_cpu = false;
    bool by_memory = false;
  };

  void run(Resource& resource, const PressureSample& sample, const std::vector<PressureJob>& jobs,
           const ProcessTable& processes, const WatchList& watches);
  void carry_out(Resource& resource, const PressureOrder& order, const ProcessTable& processes,
                 const WatchList& watches);
  void say(const Resource& resource, const PressureJob& job, bool is_on,
           const ProcessTable& processes);
  void send(const Resource& resource, const PressureJob& job, int signal,
            const ProcessTable& processes, const WatchList& watches) const;
  std::string describe(const Resource& resource, const PressureJob& job,
                       const ProcessTable& processes) const;

  Resource cpu_{Notice::kCpu, {}};
  Resource memory_{Notice::kMemory, {}};
  std::map<std::uint32_t, Said> said_;  ///< by slot
  std::uint64_t capacity_micro_ = 0;
  std::uint64_t budget_micro_ = 0;
  std::uint64_t memory_max_bytes_ = 0;
  std::uint32_t threshold_ppb_ = 0;
  bool capacity_is_host_ = false;
  bool with_group_ = false;
  bool wants_psi_ = false;  ///< and has not been told that there is none
};

}  // namespace slotd::broker
