// The command line as plain values: verbs, options, arguments, as they were defined and nowhere
// listed a second time. What completion offers and what the man page has to name. Thread-safe.
#pragma once

#include <string>
#include <vector>

namespace slotd::ctl {

struct OptionOutline {
  std::vector<std::string> names;  ///< with their dashes: "-t", "--type"
  bool takes_value = false;
  std::string value_name;  ///< as help shows it: "TYPE", "ok|fail"; may be empty
  std::string help;
};

struct ArgumentOutline {
  std::string name;  ///< "TOKEN", "TYPE=N"
  bool may_repeat = false;
};

struct VerbOutline {
  std::string name;  ///< of the root: the program's
  std::string help;
  std::vector<OptionOutline> options;  ///< its own; those of the verbs above it are understood too
  std::vector<ArgumentOutline> arguments;
  std::vector<VerbOutline> verbs;  ///< below it
};

}  // namespace slotd::ctl
