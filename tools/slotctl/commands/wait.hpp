// `wait --idle [-w SEC]` and `wait -t TYPE [--free N] [-w SEC]`: until nothing is held, or until N
// more jobs of a type would be admitted. Polls a read-only mapping: needs neither the broker nor
// permission to write, and never sleeps on a futex. A segment that is replaced meanwhile is
// followed by its path. What slots of the dead hold counts as given back, as far as the next claim
// would free it. Formatting is pure.
#pragma once

#include <cstdint>
#include <string>

#include "slotd/admission.hpp"
#include "slotd/process_table.hpp"
#include "tools/slotctl/json.hpp"
#include "tools/slotctl/refusal.hpp"

namespace slotd::ctl {

class CommandSet;

void add_wait(CommandSet& set);

/// How many more jobs of a type fit, beside each other, at their default costs.
struct Room {
  std::uint32_t jobs = 0;  ///< at most as many as were asked for
  Verdict next;            ///< why no more than these; meant where there are fewer
};

/// Reads only; never blocks. `type` is an index; `wanted` bounds the work.
Room count_room(const ProcessTable& processes, std::uint32_t type, std::uint32_t wanted);

/// Slots that are held by living owners. A segment whose holders have not all come back after a
/// rebuild is `settling`: more may be held than it shows.
struct Held {
  std::uint32_t slots = 0;
  bool settling = false;

  bool is_idle() const noexcept { return slots == 0 && !settling; }
};
Held count_held(const ProcessTable& processes);

/// One answer to either question. `type` is empty with --idle.
struct WaitState {
  bool met = false;
  std::string type;
  std::uint32_t wanted = 0;
  std::uint32_t jobs = 0;  ///< of `wanted`
  Refusal refusal;         ///< of one more than `jobs`
  Held held;
};

Json wait_json(const WaitState& state, double waited_s);
/// "idle", "3 slots are held", "participant: room for 1 of 3; type_limit: 2 of 3 in use"
std::string wait_text(const WaitState& state, Charset charset);

}  // namespace slotd::ctl
