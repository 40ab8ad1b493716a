// A verb that shows one list of the segment, once: `slots`, `procs`, `waiters`. Maps read-only;
// needs neither the broker nor write permission. Not thread-safe.
#pragma once

#include <string>

#include "slotd/snapshot.hpp"
#include "tools/slotctl/console.hpp"
#include "tools/slotctl/json.hpp"

namespace slotd::ctl {

class CommandSet;

struct ListVerb {
  const char* name;
  const char* help;
  const char* list;  ///< the field of the document that holds the rows
  Table (*table)(const Snapshot&, Charset);
  Json (*json)(const Snapshot&);
  std::string (*text)(const Snapshot&, const TableStyle&, Charset);
};

void add_list_verb(CommandSet& set, const ListVerb& shown);

}  // namespace slotd::ctl
