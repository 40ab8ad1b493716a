// An operation as the step harness runs it: what the stage needs, what the child does before the
// first instruction that counts, the one operation, and what may be true afterwards. A new
// operation is one more entry in the list of its file.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "slotd/client.hpp"
#include "tests/crash/rig.hpp"
#include "tests/crash/tracee.hpp"
#include "tests/crash/verify.hpp"

namespace slotd::crash {

/// What came of the operation, told through shared memory.
struct Outcome {
  Reason reason = Reason::kNone;
  Errc code = Errc::kOk;
  HeldSlot held;
  std::uint64_t number = 0;
};

/// The child's own things. It is a copy of the harness, so the rig is the same one.
struct Child {
  Rig& rig;
  Attachment* attachment = nullptr;
  std::optional<Client> client{};
  Slot slot{};
  HeldSlot held{};
  std::optional<ProcessTable> table{};
  Outcome outcome{};
};

struct Operation {
  std::string name;
  Stepped stepped = Stepped::kMain;
  Allowed allowed{};
  Duties others = Duties::kAll;  ///< what others do while it is stopped
  std::function<void(Rig&)> setup{};
  std::function<void(Child&)> prepare{};
  std::function<void(Child&)> run{};  ///< the only part that is stepped
  /// In the harness, when the child stands before its first instruction.
  std::function<void(Rig&)> at_mark{};
  /// Of a whole run: what is wrong; empty for nothing.
  std::function<std::string(const Rig&, const Outcome&)> judge{};
  /// After a kill, before anybody has cleared up.
  std::function<void(Rig&, Findings&)> after{};
  /// After the checks of the clearing up: undoes what the stage needed.
  std::function<void(Rig&)> restore{};
  bool broker_up = false;  ///< a broker's entry shows life: what it watches is left to it
  /// For pairs: what another process does from beginning to end while this one is stopped. No
  /// kills.
  std::function<void(Rig&, Outcome&)> meanwhile{};
  std::function<std::string(const Rig&, const Outcome& stopped, const Outcome& other)> judge_pair{};
};

/// Attaches the child.
inline void attach_child(Child& child) { child.attachment = &attach_here(child.rig.path()); }

std::vector<Operation> list_claims();
std::vector<Operation> list_steps();
std::vector<Operation> list_waits();
std::vector<Operation> list_pairs();
std::vector<Operation> list_entry_pairs();
std::vector<Operation> list_ledger_pairs();
std::vector<Operation> list_broker_steps();
std::vector<Operation> list_operations();

}  // namespace slotd::crash
