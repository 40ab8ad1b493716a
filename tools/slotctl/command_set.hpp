// The verbs of slotctl as a tree of CLI11 subcommands, each with the action that it runs. Built
// once at start. Not thread-safe.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tools/slotctl/context.hpp"
#include "tools/slotctl/outline.hpp"
#include "tools/slotctl/verb.hpp"

namespace slotd::ctl {

/// Runs a verb; returns the exit status. May throw Failure.
using Action = std::function<int(const Context&)>;

class CommandSet {
 public:
  /// `root` outlives the set.
  explicit CommandSet(CLI::App& root) : root_(root) {}

  /// A verb. The action may refer to options that it owns.
  Verb add(const std::string& name, const std::string& help, Action action) {
    return add_below(Verb(root_), name, help, std::move(action));
  }
  /// A verb below another one: `config check`. An empty action makes a verb that needs one below
  /// it.
  Verb add_below(const Verb& parent, const std::string& name, const std::string& help,
                 Action action);

  /// The action of the innermost verb that was parsed. Precondition: one was.
  const Action& selected() const;
  /// What --help says of a verb, named by its words; of slotctl where there are none. Nothing when
  /// there is no such verb.
  std::optional<std::string> help_of(const std::vector<std::string>& words) const;
  /// All verbs with their options and arguments.
  VerbOutline outline() const;
  /// Names of the verbs at the top.
  std::vector<std::string> names() const;

  /// Names of the verbs below one of these: `check` and `show` of `config`.
  std::vector<std::string> names_below(const std::string& verb) const;

 private:
  struct Entry {
    CLI::App* app;
    Action action;
  };

  CLI::App& root_;
  std::vector<Entry> entries_;
};

/// Every verb there is.
void add_all_commands(CommandSet& set);

}  // namespace slotd::ctl
