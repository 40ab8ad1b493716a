// What every verb is given: the options that stand before or after any verb, and where to write.
// Not thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "tools/slotctl/console.hpp"
#include "tools/slotctl/json.hpp"

namespace slotd::ctl {

struct GlobalOptions {
  bool json = false;         ///< -J
  bool quiet = false;        ///< -q: no hints and no texts about refusals; the exit status says it
  std::string segment_path;  ///< --segment; empty: the default one
};

struct Context {
  GlobalOptions globals;
  Console& console;
  /// What follows "--" for `run`, the words that name a topic for `help`.
  std::vector<std::string> command;

  void print_json(const Json& document) const { console.print(ctl::print_json(document) + "\n"); }
  /// Something that helps but was not asked for; not with -q.
  void hint(std::string_view text) const {
    if (!globals.quiet) console.complain(text);
  }
};

}  // namespace slotd::ctl
