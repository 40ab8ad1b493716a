// Which operations this harness has: all of them; one list, where it is built to show one fault.
#include "tests/crash/operation.hpp"

namespace slotd::crash {

std::vector<Operation> list_operations() {
#ifdef SLOTD_STEP_LIST
  return SLOTD_STEP_LIST();
#else
  std::vector<Operation> list;
  for (auto part : {list_claims, list_steps, list_waits, list_broker_steps, list_pairs,
                    list_entry_pairs, list_ledger_pairs}) {
    for (Operation& operation : part()) list.push_back(std::move(operation));
  }
  return list;
#endif
}

}  // namespace slotd::crash
